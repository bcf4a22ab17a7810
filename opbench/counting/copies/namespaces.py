"""Put back the global variables of a network's code: caches that a forward pass fills.

A table of positions, or a mask for each shape, that a module keeps in a global dictionary, a class
or a cached function would be a meta tensor after a count, and the next real forward pass fail.

Looked at are the modules in which the classes of the network are defined and those that they name,
of the same packages or of none that is installed.
"""

from __future__ import annotations

import re
import sys
import threading
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from types import CellType, FunctionType, ModuleType, SimpleNamespace
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

from torch import Tensor, nn

from opbench.counting.copies.copying import modules_of
from opbench.counting.copies.duplicate import ATOMS
from opbench.counting.copies.snapshot import Snapshot

_DEPTH = 3  # a dictionary of dictionaries of tuples
_FEW = 64  # a longer list of objects or settings is a registry
_INSTALLED = re.compile(r"[\\/](site|dist)-packages[\\/]")
_MAPPINGS = {dict, OrderedDict, defaultdict, WeakKeyDictionary, WeakValueDictionary}
_CONTAINERS = _MAPPINGS | {list, set, deque, tuple}
_OTHERS = ATOMS | _CONTAINERS | {type, ModuleType}
_PLAIN_OBJECTS = {SimpleNamespace, threading.local}
_CACHED = type(lru_cache(len))


@contextmanager
def put_back(defined_in: frozenset[str]) -> Iterator[None]:
    """Put back at the end what code of the named modules changed in global variables."""
    snapshot = Snapshot(keeps_definitions=True)
    for module in modules_of_homes(defined_in):
        _take_variables(snapshot, module)
        for kind in _classes_in(module, module.__name__):
            _take_variables(snapshot, kind)
    try:
        yield
    finally:
        snapshot.restore()


def modules_of_homes(defined_in: frozenset[str]) -> tuple[ModuleType, ...]:
    """Return the named modules and those that they name, libraries left out."""
    return _modules(defined_in, len(sys.modules))


def homes_of(network: nn.Module) -> frozenset[str]:
    """Return the names of the modules that define the classes of a network."""
    kinds = set(map(type, modules_of(network)))
    return frozenset(base.__module__ for kind in kinds for base in kind.__mro__)


def homes_of_builder(build: Any) -> frozenset[str]:
    """Return the names of the modules that define a function and those that it remembers."""
    while isinstance(build, partial):
        build = build.func
    cells = getattr(build, "__closure__", None) or ()
    known = (build, *(cell.cell_contents for cell in cells if not _holds_cache(cell)))
    return frozenset(map(_home, known))


def _classes_in(holder: ModuleType | type, module: str) -> Iterator[type]:
    """Yield the classes that a module defines, and those inside classes."""
    for value in list(vars(holder).values()):
        if isinstance(value, type) and value is not holder and value.__module__ == module:
            yield value
            if value.__qualname__.startswith(getattr(holder, "__qualname__", "")):
                yield from _classes_in(value, module)


def _take_variables(snapshot: Snapshot, holder: ModuleType | type) -> None:
    for value in snapshot.take_names(holder):
        kind = type(value)
        if kind in (staticmethod, classmethod):
            value, kind = value.__func__, type(value.__func__)
        if kind is FunctionType:
            _take_function(snapshot, value)
        elif kind is _CACHED or (kind in _CONTAINERS and _is_cache(value, _DEPTH)):
            snapshot.take(value, _DEPTH)
        elif kind not in _OTHERS and _is_object(value):
            snapshot.take(vars(value), _DEPTH)
        elif kind not in _OTHERS and _has_slots(kind):
            snapshot.take_slots(value)


def _take_function(snapshot: Snapshot, function: FunctionType) -> None:
    """Note the variables that a function remembers, its attributes and mutable defaults."""
    snapshot.take(vars(function), _DEPTH)
    for cell in function.__closure__ or ():
        if _holds_cache(cell):
            snapshot.take(cell, _DEPTH)
    for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
        if type(default) in _CONTAINERS and _is_cache(default, _DEPTH):
            snapshot.take(default, _DEPTH)


def _holds_cache(cell: CellType) -> bool:
    try:
        content = cell.cell_contents
    except ValueError:
        return True
    return type(content) in ATOMS or _is_cache(content, _DEPTH)


def _is_cache(value: Any, depth: int) -> bool:
    """Return whether a value may hold tensors, or what a pass counts: a short container, an object
    of the network's own classes, or a long container that is no registry of objects or settings.
    """
    kind = type(value)
    if kind in ATOMS:
        return value is None  # a place that waits for a tensor
    if kind in _CONTAINERS:
        return len(value) <= _FEW or _holds_tensors(value, depth)
    return isinstance(value, Tensor) or _is_object(value) or _has_slots(kind)


def _holds_tensors(value: Any, depth: int) -> bool:
    """Return whether a value is a tensor or made for some, as far as first elements tell."""
    kind = type(value)
    if kind not in _CONTAINERS:
        return value is None or isinstance(value, Tensor)
    for first in value.values() if kind in _MAPPINGS else value:
        return depth > 0 and _holds_tensors(first, depth - 1)
    return kind is not tuple


def _has_slots(kind: type) -> bool:
    """Return whether a class of the network names its attributes."""
    return hasattr(kind, "__slots__") and not _is_library(kind.__module__)


def _is_object(value: Any) -> bool:
    """Return whether a value is an object with attributes, of a class that is the network's."""
    kind = type(value)
    own = kind in _PLAIN_OBJECTS or not _is_library(kind.__module__)
    return own and type(getattr(value, "__dict__", None)) is dict


@lru_cache(maxsize=64)
def _modules(names: frozenset[str], imported: int) -> tuple[ModuleType, ...]:
    """Return the named modules and those that they name, libraries left out.

    Modules that are not installed are followed on; of a package such as timm, which is large, the
    homes of the functions that they name are added.
    """
    packages = {name.partition(".")[0] for name in names}
    found: dict[str, ModuleType] = {}
    ahead = [(name, True) for name in names]
    while ahead:
        name, goes_on = ahead.pop()
        module = sys.modules.get(name)
        if module is None or name in found or _is_library(name):
            continue
        installed = bool(_INSTALLED.search(getattr(module, "__file__", None) or ""))
        if not installed or name.partition(".")[0] in packages:
            found[name] = module
            if goes_on:
                values = list(vars(module).values())
                if installed:
                    values = [each for each in values if type(each) is FunctionType]
                ahead += [(home, not installed) for home in set(map(_home, values))]
    return tuple(found.values())


def _home(value: Any) -> str:
    """Return the name of the module that a value is, or that defines it."""
    if isinstance(value, ModuleType):
        return value.__name__
    return value.__module__ if isinstance(value, FunctionType | type) else ""


def _is_library(name: str) -> bool:
    package = name.partition(".")[0]
    if package == "opbench":
        return not name.startswith("opbench.architectures")
    return package in _LIBRARIES or package in sys.stdlib_module_names


_LIBRARIES = frozenset({"torch", "numpy"})
