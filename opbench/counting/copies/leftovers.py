"""Find tensors that a count made and that are still kept somewhere, and take them out again.

``opbench.counting.copies.namespaces`` puts back what it knows of; a cache in another place (a
module that is imported during the pass, a hook's list, a generator) would hold tensors without
values, or of inference mode, on which the network's next pass fails.  Storages are watched from the
pass on, so that nothing is searched where all of them are gone, as they are for most networks.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from types import CellType, FrameType, ModuleType
from typing import Any

import torch
from torch import Tensor

from opbench.counting.meta.disguise import on_meta
from opbench.counting.tracing.lifetimes import Lifetimes, all_tensors, storage_of
from opbench.errors import CountError

_NESTING = 3  # a tuple of tuples in a dictionary
# Generations of the garbage collector: what a pass made that ran without collections, and all.
_YOUNG, _OLD = 1, 2
_WATCHED: list[list[Lifetimes]] = []


@contextmanager
def taken_out(*, strictly: bool) -> Iterator[None]:
    """Take out what is left at the end of a count, also of one that fails, as far as it is found.

    Raises ``CountError`` for what cannot be taken out of one that succeeds, if ``strictly``.
    """
    _WATCHED.append([])
    try:
        yield
        kept = take_out()
    except BaseException:
        with suppress(Exception):  # the error of the network is the one to tell
            take_out(thoroughly=False)
        raise
    finally:
        _WATCHED.pop()
    if kept and strictly:
        raise CountError(
            f"the forward pass keeps a tensor in {kept}, where it cannot be put back: count the "
            "network with `opbench count`, or in a process in which it does not run afterwards"
        )


def watch(lifetimes: Lifetimes) -> None:
    """Watch the storages of a pass that begins."""
    for watched in _WATCHED[-1:]:
        watched.append(lifetimes)


def take_out(*, thoroughly: bool = True) -> str:
    """Take out what is left until now; return the place of a tensor that stays, else nothing.

    ``thoroughly``: garbage that is older than the pass is told from what is kept.
    """
    watched = _WATCHED[-1]
    place = ""
    for generation in (_YOUNG, _OLD) if thoroughly else (_YOUNG,):
        if _left(watched):
            gc.collect(generation)
        if _left(watched):
            found = _tensors(_left(watched))
            place = _take_out(found) if found else ""
            found.clear()
    left = bool(_left(watched))
    watched.clear()
    return place if left else ""


def _left(watched: Iterable[Lifetimes]) -> set[int]:
    return {key for lifetimes in watched for key in lifetimes.left()}


def _tensors(storages: set[int]) -> list[Tensor]:
    """Return the tensors of these storages that a network of real weights cannot work with."""
    with torch._C.DisableTorchFunctionSubclass():
        return [e for e in all_tensors() if _storage(e) in storages and _is_unfit(e)]


def _is_unfit(tensor: Tensor) -> bool:
    return on_meta(tensor) or tensor.is_inference()


def _storage(tensor: Tensor) -> int | None:
    storage = storage_of(tensor)
    return None if storage is None else storage._cdata


def _take_out(values: list[Any], nesting: int = _NESTING) -> str:
    """Remove values from whatever refers to them; return what one cannot be removed from.

    All at once, as each search for what refers to something looks at every object there is.
    """
    ids = set(map(id, values))
    holders = [each for each in gc.get_referrers(*values) if each is not values]
    owners = _owners([each for each in holders if isinstance(each, dict)])
    tuples = []
    place = ""
    for holder in holders:
        if isinstance(holder, dict):
            place = _from_dictionary(holder, owners.get(id(holder)), ids) or place
        elif isinstance(holder, (list, deque)):
            _from_sequence(holder, ids)
        elif isinstance(holder, set):
            holder.difference_update([each for each in holder if id(each) in ids])
        elif isinstance(holder, tuple) and nesting:
            tuples.append(holder)
        elif not _is_by_torch(holder) and not _is_of_frames(holder, holders):
            place = _in_object(holder, ids)
    holders.clear()  # or they would be found as what refers to the tuples
    return (_take_out(tuples, nesting - 1) if tuples else "") or place


def _is_of_frames(holder: Any, holders: list[Any]) -> bool:
    """Return whether this is a frame, or the cell of a variable that frames alone refer to.

    Such variables end with their frames, which an exception may keep that others handled.
    """
    if isinstance(holder, CellType):
        others = (each for each in gc.get_referrers(holder) if each is not holders)
        return all(isinstance(each, FrameType) for each in others)
    return isinstance(holder, FrameType)


def _owners(dictionaries: list[dict[Any, Any]]) -> dict[int, Any]:
    """Return the objects whose attributes dictionaries are, by the identity of the dictionary."""
    candidates = gc.get_referrers(*dictionaries) if dictionaries else []
    return {
        id(variables): each
        for variables in dictionaries
        for each in candidates
        if _owns(each, variables)
    }


def _from_dictionary(holder: dict[Any, Any], owner: Any, ids: set[int]) -> str:
    for key in [key for key, each in holder.items() if id(each) in ids or id(key) in ids]:
        if owner is None:
            holder.pop(key)
        elif _is_by_torch(owner):
            return ""  # a tensor made of others, which torch keeps
        elif isinstance(owner, ModuleType):
            return f"the variable {key} of the module {owner.__name__}"
        else:
            return _attribute(str(key), owner)
    return ""


def _in_object(holder: Any, ids: set[int]) -> str:
    """Return the attribute of an object that is one of the values, or the object's class."""
    slots = (name for kind in type(holder).__mro__ for name in vars(kind).get("__slots__", ()))
    for name in (*getattr(holder, "__dict__", {}), *slots):
        if id(getattr(holder, name, None)) in ids:
            return _attribute(name, holder)
    return _of_class(holder)


def _attribute(name: str, owner: Any) -> str:
    return f"the attribute {name} of {_of_class(owner)}"


def _of_class(value: Any) -> str:
    kind = value if isinstance(value, type) else type(value)
    name = f"{kind.__module__}.{kind.__qualname__}"
    return f"the class {name}" if value is kind else f"an object of the class {name}"


def _from_sequence(holder: Any, ids: set[int]) -> None:
    kept = [each for each in holder if id(each) not in ids]
    if len(kept) < len(holder):
        holder.clear()
        holder.extend(kept)


def _is_by_torch(value: Any) -> bool:
    name = value.__name__ if isinstance(value, ModuleType) else type(value).__module__
    return name.partition(".")[0] == "torch"


def _owns(value: Any, variables: dict[Any, Any]) -> bool:
    """Return whether a dictionary is that of the attributes of a value."""
    if isinstance(value, type):
        return vars(value).keys() == variables.keys()
    try:
        return object.__getattribute__(value, "__dict__") is variables
    except (AttributeError, TypeError):
        return False
