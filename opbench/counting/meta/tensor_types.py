"""Stand in for ``torch.FloatTensor`` and the other types by which a network may tell tensors.

``isinstance(x, torch.FloatTensor)`` asks for the type of the elements and the device.  Tensors of
the meta device belong to the types of the CPU while they say that they are there.

A function that asks torch for such a type gets one that stands in for it; code that is imported
meanwhile gets torch's own, which it keeps.  Those that a network's modules hold already, by
``from torch import FloatTensor``, are replaced during the pass.  Not replaced: those in attributes
of classes and in defaults of functions.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from inspect import CO_OPTIMIZED
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

_C: Any = torch._C
_KIND: type = type(torch.FloatTensor)
_SET_DEFAULT: Callable[[Any], None] = _C._set_default_tensor_type
on_meta: Callable[[Tensor], bool] = _C.TensorBase.is_meta.__get__


class TensorType(type):
    """A class that stands in for a type of tensors; ``plain`` is torch's own."""

    plain: Any

    def __instancecheck__(cls, value: Any) -> bool:
        here = isinstance(value, Tensor) and on_meta(value)
        return value.dtype is cls.plain.dtype if here else isinstance(value, cls.plain)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return cls.plain(*args, **kwargs)

    def __getattr__(cls, name: str) -> Any:
        return getattr(cls.__dict__["plain"], name)

    def __eq__(cls, other: object) -> bool:
        return cls.plain is plain(other)

    def __hash__(cls) -> int:
        return hash(cls.plain)


def plain(value: Any) -> Any:
    """Return torch's own type for one that stands in for it, and any other value as it is."""
    return value.__dict__["plain"] if isinstance(value, TensorType) else value


_TOLD: dict[Any, Any] = {
    each: TensorType(name, (), {"plain": each, "__module__": "torch"})
    for name, each in vars(torch).items()
    if type(each) is _KIND
}
_NAMES = [name for name, each in vars(torch).items() if type(each) is _KIND]


@contextmanager
def types_replaced() -> Iterator[None]:
    """Replace the types of tensors on the CPU, and those of a GPU that are replaced by them."""
    taken = [(holder, *_take(holder)) for holder in (torch, torch.cuda)]
    _C._set_default_tensor_type = lambda kind: _SET_DEFAULT(plain(kind))
    try:
        yield
    finally:
        _C._set_default_tensor_type = _SET_DEFAULT
        for holder, types, ask in reversed(taken):
            vars(holder).update(types)
            if ask is None:
                del vars(holder)["__getattr__"]
            else:
                vars(holder)["__getattr__"] = ask


def _take(holder: ModuleType) -> tuple[dict[str, Any], Any]:
    """Take the types out of a module, which is asked for each from now on.

    Returns them, and the function that was asked for missing names before.
    """
    names = vars(holder)
    types = {name: names[name] for name in _NAMES if names.get(name) in _TOLD}
    ask = names.get("__getattr__")

    def answer(name: str) -> Any:
        if name in types:
            return _TOLD[types[name]] if _is_run_by_network() else types[name]
        if ask is None:
            raise AttributeError(f"module {holder.__name__!r} has no attribute {name!r}")
        return ask(name)

    for name in types:
        del names[name]
    names["__getattr__"] = answer
    return types, ask


def _is_run_by_network() -> bool:
    """Return whether a function asks, which is not torch's; a module or class that is being
    defined keeps what it gets."""
    frame = sys._getframe(2)
    by_torch = f"{frame.f_globals.get('__name__', '')}.".startswith("torch.")
    return bool(frame.f_code.co_flags & CO_OPTIMIZED) and not by_torch


@contextmanager
def types_replaced_in(modules: Iterable[ModuleType]) -> Iterator[None]:
    """Replace the types that modules hold, while those of torch are replaced."""
    held: list[tuple[dict[str, Any], str, Any]] = []
    if "FloatTensor" not in vars(torch):
        for names in map(vars, modules):
            held += [(names, name, each) for name, each in list(names.items()) if _holds_type(each)]
    for names, name, each in held:
        names[name] = tuple(map(_told, each)) if type(each) is tuple else _told(each)
    try:
        yield
    finally:
        for names, name, each in held:
            names[name] = each


def _holds_type(value: Any) -> bool:
    return type(value) is _KIND or (type(value) is tuple and any(type(e) is _KIND for e in value))


def _told(value: Any) -> Any:
    return _TOLD.get(value, value) if type(value) is _KIND else value
