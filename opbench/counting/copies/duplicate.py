"""Deep copies that take along whatever reaches the network.

``copy.deepcopy`` shares functions, bound built-in methods and weak references with the original,
and gives up a whole attribute for one lock in it.  Here a function is copied with the variables and
default arguments that it remembers, a weak reference points to the copy, and a part that cannot be
copied (a lock, an open file, a generator) is shared while the rest of its holder is copied.
Queues, pools of threads and the like are shared whole: with a foreign lock they would not work.

A function that remembers nothing is shared: its global variables are everybody's.
"""

from __future__ import annotations

import copy
import copyreg
import weakref
from collections.abc import Callable
from functools import lru_cache
from types import (
    BuiltinFunctionType,
    CellType,
    FunctionType,
    GeneratorType,
    MethodType,
    ModuleType,
)
from typing import Any

import torch
from torch import Tensor

from opbench.errors import OpbenchError

ATOMS = frozenset(
    {bool, int, float, complex, str, bytes, type(None), type(...), torch.dtype, torch.device}
)
ENTANGLED = frozenset(
    {"asyncio", "concurrent", "logging", "multiprocessing", "queue", "socket", "subprocess"}
    | {"threading", "_thread"}
)
_PROTOCOL = 4  # of the pickles that tell how an object is put together


class Duplicator:
    """Copies values through one memo, so that what is shared stays shared.

    ``memo`` maps the ``id`` of an original to its copy, as ``copy.deepcopy`` does; ``kept`` holds
    copies that only weak references point to.
    """

    def __init__(self, convert: Callable[[Tensor], Tensor], memo: dict[int, Any]) -> None:
        self.convert = convert
        self.memo = memo
        self.kept: list[Any] = []
        self._originals: list[Any] = []  # alive, so that no other object takes their place

    def __call__(self, value: Any) -> Any:
        """Return a copy, the value itself where it cannot or need not be copied."""
        kind = type(value)
        if kind in ATOMS or issubclass(kind, type):
            return value
        known = self.memo.get(id(value))
        if known is not None:
            return known
        copier = _COPIERS.get(kind)
        if copier is None:
            copier = _copy_tensor if isinstance(value, Tensor) else _copy_object
        since = self.mark()
        try:
            return self.remember(value, copier(self, value))
        except OpbenchError:
            raise
        except Exception:  # noqa: BLE001  a class may refuse in any way
            self.forget(since)
            return value

    def remember(self, value: Any, twin: Any) -> Any:
        """Note a copy, which may still be empty, and return it."""
        if twin is not value and self.memo.get(id(value)) is not twin:
            self.memo[id(value)] = twin
            self._originals.append(value)
        return twin

    def forget(self, since: int) -> None:
        """Take back copies that an object was half made of."""
        for each in self._originals[since:]:
            self.memo.pop(id(each), None)
        del self._originals[since:]

    def mark(self) -> int:
        """Return a place to which ``forget`` can go back."""
        return len(self._originals)


def _copy_tensor(duplicate: Duplicator, tensor: Any) -> Any:
    return duplicate.convert(tensor)


def _share(duplicate: Duplicator, value: Any) -> Any:
    return value


def _copy_list(duplicate: Duplicator, values: list[Any]) -> list[Any]:
    twin: list[Any] = duplicate.remember(values, [])
    twin.extend(map(duplicate, values))
    return twin


def _copy_dict(duplicate: Duplicator, values: dict[Any, Any]) -> dict[Any, Any]:
    twin: dict[Any, Any] = duplicate.remember(values, {})
    for key, value in values.items():
        twin[duplicate(key)] = duplicate(value)
    return twin


def _copy_tuple(duplicate: Duplicator, values: tuple[Any, ...]) -> tuple[Any, ...]:
    twins = tuple(map(duplicate, values))
    if all(twin is value for twin, value in zip(twins, values, strict=True)):
        return values
    found: tuple[Any, ...] = duplicate.memo.get(id(values), twins)  # it may hold itself
    return found


def _copy_set(duplicate: Duplicator, values: Any) -> Any:
    return type(values)(map(duplicate, values))


def _copy_function(duplicate: Duplicator, function: FunctionType) -> FunctionType:
    """Copy a function with its variables; one that remembers nothing of ours is shared."""
    since, memo = duplicate.mark(), duplicate.memo
    cells = function.__closure__ or ()
    remembered = (function.__defaults__, function.__kwdefaults__, function.__dict__)
    if not cells and not any(remembered):
        return function
    twins = tuple(memo.get(id(cell)) or duplicate.remember(cell, CellType()) for cell in cells)
    twin = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, twins
    )
    duplicate.remember(function, twin)
    changed = [_fill(duplicate, *pair) for pair in zip(cells, twins, strict=True)]
    twin.__defaults__ = duplicate(function.__defaults__)
    twin.__kwdefaults__ = duplicate(function.__kwdefaults__)
    same = not any(changed) and twin.__defaults__ is function.__defaults__
    if same and not function.__kwdefaults__ and not function.__dict__:
        duplicate.forget(since)
        return function
    twin.__dict__.update(duplicate(function.__dict__))
    twin.__qualname__, twin.__module__ = function.__qualname__, function.__module__
    twin.__doc__ = function.__doc__
    return twin


def _fill(duplicate: Duplicator, cell: CellType, twin: CellType) -> bool:
    """Put a copy of a variable's value in its place; return whether that is another object."""
    try:
        value = cell.cell_contents
    except ValueError:  # not assigned yet
        return False
    twin.cell_contents = duplicate(value)
    return twin.cell_contents is not value


def _copy_method(duplicate: Duplicator, method: MethodType) -> MethodType:
    return MethodType(duplicate(method.__func__), duplicate(method.__self__))


def _copy_builtin(duplicate: Duplicator, function: Any) -> Any:
    """Copy a method of a built-in type, as ``self.note = self.history.append``."""
    owner = function.__self__
    if owner is None or isinstance(owner, ModuleType | type):
        return function
    twin = duplicate(owner)
    return function if twin is owner else getattr(twin, function.__name__)


def _copy_cached(duplicate: Duplicator, cached: Any) -> Any:
    """Copy a function with ``functools.lru_cache``, without the results that it keeps."""
    function = duplicate(cached.__wrapped__)
    if function is cached.__wrapped__:
        return cached
    return lru_cache(**cached.cache_parameters())(function)


def _copy_reference(duplicate: Duplicator, reference: Any) -> Any:
    target = reference()
    twin = _pointed_at(duplicate, target)
    return reference if twin is target else type(reference)(twin)


def _copy_proxy(duplicate: Duplicator, proxy: Any) -> Any:
    try:
        target = proxy.__reduce_ex__.__self__
    except ReferenceError:
        return proxy
    twin = _pointed_at(duplicate, target)
    return proxy if twin is target else weakref.proxy(twin)


def _copy_weak_mapping(duplicate: Duplicator, mapping: Any) -> Any:
    items = [tuple(_pointed_at(duplicate, e) for e in item) for item in list(mapping.items())]
    return type(mapping)(items)


def _copy_weak_set(duplicate: Duplicator, values: Any) -> Any:
    return type(values)([_pointed_at(duplicate, each) for each in list(values)])


def _pointed_at(duplicate: Duplicator, target: Any) -> Any:
    """Return the copy of what a weak reference points to, if it is the network's: one of its parts
    or another module.  A trainer with its data is not."""
    ours = isinstance(target, torch.nn.Module | MethodType) or id(target) in duplicate.memo
    if not ours:
        return target
    twin = duplicate(target)
    duplicate.kept.append(twin)
    return twin


def _copy_object(duplicate: Duplicator, value: Any) -> Any:
    """Copy by the object's own rule, or else as pickle would take it apart."""
    kind = type(value)
    if kind.__module__.partition(".")[0] in ENTANGLED:
        return value
    if hasattr(kind, "__deepcopy__"):
        return copy.deepcopy(value, duplicate.memo)
    reduce = copyreg.dispatch_table.get(kind)
    parts: Any = reduce(value) if reduce else value.__reduce_ex__(_PROTOCOL)
    if isinstance(parts, str):
        return value
    make, arguments, state, items, pairs = (*parts, None, None, None)[:5]
    twin = duplicate.remember(value, make(*map(duplicate, arguments)))
    if state is not None:
        _set_state(twin, _copy_state(duplicate, state))
    for each in items or ():
        twin.append(duplicate(each))
    for key, each in pairs or ():
        twin[duplicate(key)] = duplicate(each)
    return twin


def _copy_state(duplicate: Duplicator, state: Any) -> Any:
    """Copy a state part by part: it may be made for the occasion."""
    if isinstance(state, dict):
        return {key: duplicate(each) for key, each in state.items()}
    if isinstance(state, tuple) and len(state) == 2:
        return tuple(_copy_state(duplicate, each) for each in state)
    return duplicate(state)


def _set_state(twin: Any, state: Any) -> None:
    if hasattr(twin, "__setstate__"):
        twin.__setstate__(state)
        return
    slots: Any = None
    if isinstance(state, tuple) and len(state) == 2:
        state, slots = state
    if state:
        twin.__dict__.update(state)
    for name, each in (slots or {}).items():
        setattr(twin, name, each)


_COPIERS: dict[type, Callable[[Duplicator, Any], Any]] = {
    list: _copy_list,
    dict: _copy_dict,
    tuple: _copy_tuple,
    set: _copy_set,
    frozenset: _copy_set,
    FunctionType: _copy_function,
    MethodType: _copy_method,
    BuiltinFunctionType: _copy_builtin,
    type(lru_cache(len)): _copy_cached,
    weakref.ref: _copy_reference,
    weakref.WeakMethod: _copy_reference,
    weakref.ProxyType: _copy_proxy,
    weakref.CallableProxyType: _copy_proxy,
    weakref.WeakValueDictionary: _copy_weak_mapping,
    weakref.WeakKeyDictionary: _copy_weak_mapping,
    weakref.WeakSet: _copy_weak_set,
    ModuleType: _share,
    GeneratorType: _share,
}
