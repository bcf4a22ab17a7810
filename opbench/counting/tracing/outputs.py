"""Walk through what a network returns: containers and objects, nested as they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import FunctionType, MethodType, ModuleType
from typing import Any

from torch import Tensor, nn

_OPAQUE = (nn.Module, ModuleType, FunctionType, MethodType, type, str, bytes)


def tensors_in(out: Any) -> Iterator[Tensor]:
    """Yield the tensors in an output, each once."""
    return (each for each in parts_in(out) if isinstance(each, Tensor))


def parts_in(out: Any) -> Iterator[Any]:
    """Yield an output and everything in it, each once; tensors are not looked into."""
    return _parts(out, {})


def _parts(value: Any, seen: dict[int, Any]) -> Iterator[Any]:
    """Yield parts not in ``seen``, which keeps them alive, so that no other gets the id of one."""
    if id(value) in seen or isinstance(value, _OPAQUE):
        return
    seen[id(value)] = value
    yield value
    if not isinstance(value, Tensor):
        for each in _held(value):
            yield from _parts(each, seen)


def _held(value: Any) -> Iterable[Any]:
    """Return what a container or an object holds; nothing for a number."""
    if isinstance(value, Mapping):
        return value.values()
    if isinstance(value, (list, tuple, set, frozenset)):
        return value
    slots = (getattr(value, name, None) for name in getattr(type(value), "__slots__", ()))
    return (*slots, *getattr(value, "__dict__", {}).values())
