"""Build a network without allocating its weights.

``torch.empty`` of a floating-point type is where layers take their weights from, and it gives a
meta tensor here; so do random weights.  Everything else is computed as written: position tables,
index buffers, ``linspace(...).tolist()`` in a constructor keep their values, so that far more
constructors run than with the meta device as the default.  Tables made on the device of a weight
are made on the CPU for that reason; and where a constructor runs part of the network (to see how
large its result is), the meta device wins as it does in a traced forward pass.  Floating-point
tensors into which weights are written (batch normalisation that is frozen) lose their values.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map_only

from opbench.counting.meta.disguise import is_unknown, is_worn, note, on_meta
from opbench.counting.meta.values import run, written_by
from opbench.counting.tracing.dispatch import OperatorMode

_WEIGHTLIKE = frozenset({torch.empty, torch.randn, torch.rand})
_MANY = 1024  # fewer random numbers than this may well be looked at

# What initialises a tensor and does nothing to one without values; torch would take its time,
# and import a symbolic algebra system, to do nothing.
_SETTERS = """
uniform_ normal_ fill_ zero_ erfinv_ clamp_ mul_ add_ div_ sub_ bernoulli_ exponential_
log_normal_ random_
"""
_INITIALISES = frozenset(getattr(Tensor, name) for name in _SETTERS.split())


def build_without_weights(build: Callable[[], Any]) -> Any:
    """Return what ``build()`` returns, its weights on the meta device."""
    with ExitStack() as stack, _WeightsOnMeta(stack):
        return build()


class _WeightsOnMeta(TorchFunctionMode):
    def __init__(self, stack: ExitStack) -> None:
        super().__init__()
        self._stack = stack

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _WEIGHTLIKE and _is_weight(func, args, kwargs):
            kwargs = {**kwargs, "device": "meta"}
            kwargs.pop("pin_memory", None)
        elif _is_meta(kwargs.get("device")):
            kwargs = {**kwargs, "device": "cpu"}
        elif _only_sets_values(func, args, kwargs):
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        try:
            return func(*args, **kwargs)
        except RuntimeError as error:
            if not _met_weights(args, kwargs):
                raise
            if _writes_values(func, args):
                if not (is_worn() and args[0].is_floating_point()):
                    note(error)
                    raise
                self._stack.enter_context(_Overwritten())  # type: ignore[no-untyped-call]
                return func(*args, **kwargs)
            args, kwargs = tree_map_only((Tensor, torch.device), _to_meta, (args, kwargs))
            return _noting(func, args, kwargs)


class _Overwritten(OperatorMode):  # type: ignore[no-untyped-call]
    """Runs what a constructor does after it has written weights into a tensor with values.

    One that looks at such values fails, and so does one that writes weights into integers, which
    would be taken for known in the forward pass.
    """

    def carry_out(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run one operator."""
        out = run(func, args, kwargs)
        lost = (each for each in written_by(func, args, kwargs) if is_unknown(each))
        if not all(each.is_floating_point() for each in lost):
            raise RuntimeError("weights are written into a tensor of integers")
        return out


def _noting(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    try:
        return func(*args, **kwargs)
    except Exception as error:
        note(error)
        raise


def _to_meta(value: Tensor | torch.device) -> Tensor | torch.device:
    return torch.device("meta") if isinstance(value, torch.device) else value.to("meta")


def _is_meta(device: Any) -> bool:
    return isinstance(device, (str, torch.device)) and torch.device(device).type == "meta"


def _met_weights(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    return any(isinstance(each, Tensor) and on_meta(each) for each in tree_leaves((args, kwargs)))


def _writes_values(func: Any, args: tuple[Any, ...]) -> bool:
    """Return whether a meta tensor is copied into one with values, which are then unknown."""
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
    size = kwargs.get("size", args[0] if args and isinstance(args[0], (tuple, list)) else args)
    return all(isinstance(n, int) for n in size) and torch.Size(size).numel() >= _MANY


def _only_sets_values(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    if func not in _INITIALISES and getattr(func, "__module__", "") != "torch.nn.init":
        return False
    values = (*args, *kwargs.values())
    tensors = [each for each in values if isinstance(each, Tensor)]
    return len(tensors) == 1 and tensors[0].is_meta and values[0] is tensors[0]
