"""Count the operators of a forward pass that compute something, and the bytes they move.

Each operator is taken to read its inputs from memory and to write its outputs there, which is
what eager execution does when nothing stays in a cache.  Views move nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

Call = Any


class Traffic(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Inside this mode, ``kernels`` and ``traffic_bytes`` grow with every operator."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kernels = 0
        self.traffic_bytes = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Leave ``__torch_dispatch__`` as it is: torch would import its compiler to wrap it."""
        return False

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        if not _is_view(func):
            self.kernels += 1
            self.traffic_bytes += _bytes((args, kwargs)) + _bytes(out)
        return out


def _is_view(func: Any) -> bool:
    """Return whether the result is a view of an argument that is not written to."""
    aliases = [each.alias_info for each in func._schema.returns]
    return any(alias is not None and not alias.is_write for alias in aliases)


def _bytes(values: Any) -> int:
    tensors = {id(each): each for each in tree_leaves(values) if isinstance(each, Tensor)}
    return sum(each.numel() * each.element_size() for each in tensors.values())


def traffic_of(forward: Call) -> tuple[int, int]:
    """Count kernels and bytes of one call of ``forward``."""
    with Traffic() as traffic, torch.inference_mode():
        forward()
    return traffic.kernels, traffic.traffic_bytes
