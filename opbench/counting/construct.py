"""Building a network without paying for its weights.

``torch.empty`` of a floating-point type is where layers take their weights from, and it gives a
meta tensor here; so do random weights.  Everything else is computed as written: position tables,
index buffers, ``linspace(...).tolist()`` in a constructor keep their values, so that far more
constructors run than with the meta device as the default.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_WEIGHTLIKE = frozenset({torch.empty, torch.randn, torch.rand, torch.normal})
_MANY = 1024  # fewer random numbers than this may well be looked at


def build_without_weights(build: Callable[[], Any]) -> Any:
    """What ``build()`` returns, its weights on the meta device."""
    with _WeightsOnMeta():
        return build()


class _WeightsOnMeta(TorchFunctionMode):
    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _WEIGHTLIKE and _is_weight(func, args, kwargs):
            kwargs = {**kwargs, "device": "meta"}
            kwargs.pop("pin_memory", None)
        return func(*args, **kwargs)


def _is_weight(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    if "out" in kwargs or kwargs.get("generator") is not None:
        return False
    dtype = kwargs.get("dtype") or torch.get_default_dtype()
    if not (dtype.is_floating_point or dtype.is_complex):
        return False
    if func is torch.empty:
        return True
    if func is torch.normal:
        return False
    size = args[0] if args and isinstance(args[0], (tuple, list)) else args
    return all(isinstance(n, int) for n in size) and torch.Size(size).numel() >= _MANY


__all__ = ["Tensor", "build_without_weights"]
