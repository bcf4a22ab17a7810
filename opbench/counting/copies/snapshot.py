"""Put back what a forward pass changes in containers, objects, classes and variables.

Contents are compared by identity and put back where they differ; what did not change is not
touched.  A cached function is emptied where the pass filled it.
"""

from __future__ import annotations

import weakref
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from operator import is_
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any

from torch import Tensor

from opbench.counting.copies.duplicate import ATOMS, ENTANGLED

_DEFINITIONS = (ModuleType, FunctionType, type)  # a late import may have made them
_OPAQUE = (type, ModuleType, Tensor)
_ABSENT = object()


class Snapshot:
    """The contents of everything that was taken.

    ``keeps_definitions``: new functions, classes and modules are left where they were put.
    """

    def __init__(self, *, keeps_definitions: bool) -> None:
        self.keeps_definitions = keeps_definitions
        self.saved: list[tuple[Any, Any]] = []  # dictionaries and lists with their contents
        self._undo: list[Callable[[], None]] = []
        self._seen: dict[int, Any] = {}

    def take(self, value: Any, depth: int) -> None:
        """Note the contents of ``value`` and of what it holds, ``depth`` levels deep."""
        kind = type(value)
        if kind in ATOMS or id(value) in self._seen:
            return
        taker = _TAKERS.get(kind)
        if taker is None and depth and _is_simple_object(value):
            taker = _take_object
        if taker is not None:
            self._seen[id(value)] = value
            self.take_all(taker(self, value) or (), depth - 1)

    def take_all(self, values: Iterable[Any], depth: int) -> None:
        """Note each of ``values``; nothing below the last level."""
        if depth >= 0:
            for each in values:
                if type(each) not in ATOMS:
                    self.take(each, depth)

    def take_names(self, holder: Any) -> Iterable[Any]:
        """Note the variables of a module or class, and return their values."""
        before = dict(vars(holder))
        self._seen[id(holder)] = holder
        self.undo_with(partial(_restore_names, holder, before))
        return before.values()

    def take_slots(self, value: Any) -> None:
        """Note the attributes of an object whose class names them in ``__slots__``."""
        for name in _slots(type(value)):
            self.undo_with(partial(_restore_slot, value, name, getattr(value, name, _ABSENT)))

    def undo_with(self, undo: Callable[[], None]) -> None:
        """Have ``undo`` called at the end."""
        self._undo.append(undo)

    def restore(self) -> None:
        """Put everything back."""
        for undo in reversed(self._undo):
            undo()


def _take_dict(snapshot: Snapshot, held: Any) -> Iterable[Any]:
    before = dict(held)
    snapshot.saved.append((held, before))
    snapshot.undo_with(partial(_restore_dict, held, before, snapshot.keeps_definitions))
    return before.values()


def _take_list(snapshot: Snapshot, held: Any) -> Iterable[Any]:
    before = list(held)
    snapshot.saved.append((held, before))
    snapshot.undo_with(partial(_restore_sequence, held, before))
    return before


def _take_set(snapshot: Snapshot, held: Any) -> None:
    snapshot.undo_with(partial(_restore_set, held, set(held)))


def _take_tuple(snapshot: Snapshot, held: Any) -> Iterable[Any]:
    return tuple(held)


def _take_object(snapshot: Snapshot, value: Any) -> Iterable[Any]:
    snapshot.take_slots(value)
    return _take_dict(snapshot, vars(value)) if hasattr(value, "__dict__") else ()


def _take_function(snapshot: Snapshot, function: FunctionType) -> Iterable[Any]:
    return (*(function.__closure__ or ()), function.__defaults__, function.__kwdefaults__)


def _take_method(snapshot: Snapshot, method: MethodType) -> Iterable[Any]:
    return (method.__self__, method.__func__)


def _take_partial(snapshot: Snapshot, call: partial[Any]) -> Iterable[Any]:
    return (call.func, call.args, call.keywords)


def _take_cell(snapshot: Snapshot, cell: CellType) -> Iterable[Any]:
    before = _content(cell)
    snapshot.undo_with(partial(_restore_cell, cell, before))
    return (before,)


def _take_cached(snapshot: Snapshot, cached: Any) -> Iterable[Any]:
    snapshot.undo_with(partial(_empty_cached, cached, cached.cache_info().currsize))
    return (cached.__wrapped__,)


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _ABSENT


def _restore_dict(held: Any, before: dict[Any, Any], keeps_definitions: bool) -> None:
    now = dict(held)
    if _same(now, before) and _same(now.values(), before.values()):
        return
    held.clear()
    held.update(before)
    if keeps_definitions:
        new = [(k, v) for k, v in now.items() if k not in before and isinstance(v, _DEFINITIONS)]
        held.update(new)


def _restore_sequence(held: Any, before: list[Any]) -> None:
    if not _same(held, before):
        held.clear()
        held.extend(before)


def _restore_set(held: Any, before: set[Any]) -> None:
    if held != before:
        held.clear()
        held.update(before)


def _restore_cell(cell: CellType, before: Any) -> None:
    if _content(cell) is not before and before is not _ABSENT:
        cell.cell_contents = before


def _restore_names(holder: Any, before: dict[str, Any]) -> None:
    if _same(vars(holder).values(), before.values()):
        return
    for name, value in list(vars(holder).items()):
        old = before.get(name, _ABSENT)
        if value is old or isinstance(value, _DEFINITIONS):
            continue
        if old is _ABSENT:
            delattr(holder, name)
        else:
            setattr(holder, name, old)


def _slots(kind: type) -> Iterable[str]:
    named = (vars(base).get("__slots__", ()) for base in kind.__mro__)
    each = ((names,) if isinstance(names, str) else names for names in named)
    return [name for names in each for name in names if not name.startswith("__")]


def _restore_slot(value: Any, name: str, before: Any) -> None:
    if getattr(value, name, _ABSENT) is before:
        return
    if before is _ABSENT:
        object.__delattr__(value, name)
    else:
        object.__setattr__(value, name, before)


def _empty_cached(cached: Any, size: int) -> None:
    if cached.cache_info().currsize != size:
        cached.cache_clear()


def _same(now: Iterable[Any], before: Iterable[Any]) -> bool:
    now, before = tuple(now), tuple(before)
    return len(now) == len(before) and all(map(is_, now, before))


def _is_simple_object(value: Any) -> bool:
    kind = type(value)
    if kind.__module__.partition(".")[0] in ENTANGLED or issubclass(kind, _OPAQUE):
        return False
    return hasattr(value, "__dict__") or hasattr(kind, "__slots__")


_TAKERS: dict[type, Callable[[Snapshot, Any], Iterable[Any] | None]] = {
    **dict.fromkeys((dict, OrderedDict, defaultdict, Counter), _take_dict),
    **dict.fromkeys((weakref.WeakKeyDictionary, weakref.WeakValueDictionary), _take_dict),
    list: _take_list,
    deque: _take_list,
    set: _take_set,
    tuple: _take_tuple,
    FunctionType: _take_function,
    MethodType: _take_method,
    partial: _take_partial,
    CellType: _take_cell,
    type(lru_cache(len)): _take_cached,
}
