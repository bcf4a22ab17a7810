"""Building a network without paying for its weights.

``torch.empty`` of a floating-point type is where layers take their weights from, and it gives a
meta tensor here; so do random weights.  Everything else is computed as written: position tables,
index buffers, ``linspace(...).tolist()`` in a constructor keep their values, so that far more
constructors run than with the meta device as the default.  Tables made on the device of a weight
are made on the CPU for that reason; and where a constructor runs part of the network (to see how
large its result is), the meta device wins as it does in a traced forward pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map_only

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
        elif _is_meta(kwargs.get("device")):
            kwargs = {**kwargs, "device": "cpu"}
        try:
            return func(*args, **kwargs)
        except RuntimeError:
            if not _met_weights(args, kwargs) or _writes_values(func, args):
                raise
            args, kwargs = tree_map_only(Tensor, lambda each: each.to("meta"), (args, kwargs))
            return func(*args, **kwargs)


def _is_meta(device: Any) -> bool:
    return isinstance(device, (str, torch.device)) and torch.device(device).type == "meta"


def _met_weights(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    return any(isinstance(each, Tensor) and each.is_meta for each in tree_leaves((args, kwargs)))


def _writes_values(func: Any, args: tuple[Any, ...]) -> bool:
    """Into a tensor that has values: what it would hold is not known without weights."""
    name = getattr(func, "__name__", "")
    in_place = name == "__setitem__" or (name.endswith("_") and not name.endswith("__"))
    return in_place and isinstance(args[0], Tensor) and not args[0].is_meta


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
