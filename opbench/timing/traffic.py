"""Count the operators of a pass that compute something, and the bytes they move.

Each operator is taken to read its inputs from memory and to write its outputs there, which is
what eager execution does when nothing stays in a cache.  Views move nothing.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from opbench.counting.tracing.dispatch import OperatorMode

Call = Any


class Traffic(OperatorMode):  # type: ignore[no-untyped-call]
    """Inside this mode, ``kernels`` and ``traffic_bytes`` grow with every operator."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kernels = 0
        self.traffic_bytes = 0

    def carry_out(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run one operator and add what it moves."""
        out = func(*args, **kwargs)
        if not _is_view(func):
            self.kernels += 1
            self.traffic_bytes += _bytes((args, kwargs)) + _bytes(out)
        return out


def _is_view(func: Any) -> bool:
    """Return whether the result is a view of an argument that is not written to."""
    if not isinstance(func, torch._ops.OpOverload):  # control flow
        return False
    aliases = [each.alias_info for each in func._schema.returns]
    return any(alias is not None and not alias.is_write for alias in aliases)


def _bytes(values: Any) -> int:
    tensors = {id(each): each for each in tree_leaves(values) if isinstance(each, Tensor)}
    return sum(each.numel() * each.element_size() for each in tensors.values())


def traffic_of(call: Call, *, training: bool = False) -> tuple[int, int]:
    """Count kernels and bytes of one call of a forward pass, or of a training step."""
    with Traffic() as traffic, torch.inference_mode(not training):
        call()
    return traffic.kernels, traffic.traffic_bytes
