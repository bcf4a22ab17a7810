"""Align the modules of two blocks of one target by shape, so that an inserted one is one change.

Modules are a tree of dotted names.  The children of two modules that correspond are aligned in
their order: first those that are equal but for their names, then those with equal parameters, then
by name and kinds, by kinds, and by name alone; what corresponds and differs is aligned inside.
What remains of both trees is aligned once more as two plain lists, so that modules that moved into
another container are renamed and not gone and new.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import NamedTuple

from opbench.lock.blocks import LockedModule

_DEEPEST = 50  # a name in a damaged lock may have thousands of dots


class Pair(NamedTuple):
    """The names of a module before and after; None where it does not exist."""

    before: str | None
    after: str | None


def align(
    before: Mapping[str, LockedModule], after: Mapping[str, LockedModule]
) -> tuple[Pair, ...]:
    """Return every module of both once, each with the one that it corresponds to."""
    pairs = list(_align(_tree(before), _tree(after)))
    gone = [old for old, new in pairs if old is not None and new is None]
    come = [new for old, new in pairs if new is not None and old is None]
    moved = list(_moved(before, after, gone, come))
    found_again = {each for old, new in moved for each in (Pair(old, None), Pair(None, new))}
    return (*(each for each in pairs if each not in found_again), *moved)


@dataclass(slots=True)
class _Part:
    """A module with everything below it; ``rows`` are in the order of the network."""

    name: str = ""
    row: LockedModule | None = None
    rows: list[tuple[str, Hashable]] = field(default_factory=list)
    shapes: list[Hashable] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    children: dict[str, _Part] = field(default_factory=dict)

    @property
    def equality(self) -> Hashable:
        return tuple(row for _, row in self.rows)


_Key = Callable[[_Part], Hashable]
_KEYS: tuple[_Key, ...] = (
    lambda part: part.equality,
    lambda part: tuple(part.shapes),
    lambda part: (part.name.rpartition(".")[2], tuple(part.kinds)),
    lambda part: tuple(part.kinds),
    lambda part: part.name.rpartition(".")[2],
)


def _tree(modules: Mapping[str, LockedModule]) -> _Part:
    root = _Part()
    for name, module in modules.items():
        part = root
        _add(part, name, module)
        for piece in name.split(".", _DEEPEST) if name else ():
            below = f"{part.name}.{piece}" if part.name else piece
            part = part.children.setdefault(piece, _Part(name=below))
            _add(part, name, module)
        part.row = module
    return root


def _add(part: _Part, name: str, module: LockedModule) -> None:
    part.rows.append((name, _row(module)))
    part.shapes.append((module.kind, module.params))
    part.kinds.append(module.kind)


def _row(module: LockedModule) -> Hashable:
    calls = tuple(sorted(module.operators.items()))
    return (module.kind, module.params, module.macs, module.activations, calls)


def _align(before: _Part, after: _Part) -> Iterator[Pair]:
    if before.equality == after.equality:
        for (old, _), (new, _) in zip(before.rows, after.rows, strict=True):
            yield Pair(old, new)
        return
    if before.row or after.row:
        yield Pair(before.name if before.row else None, after.name if after.row else None)
    yield from _children([*before.children.values()], [*after.children.values()], _KEYS)


def _children(
    before: Sequence[_Part], after: Sequence[_Part], keys: Sequence[_Key]
) -> Iterator[Pair]:
    if not (keys and before and after):
        for part in before:
            yield from (Pair(name, None) for name, _ in part.rows)
        for part in after:
            yield from (Pair(None, name) for name, _ in part.rows)
        return
    key, *rest = keys
    for equal, old, new in _runs([*map(key, before)], [*map(key, after)]):
        if equal:
            for one, other in zip(before[old], after[new], strict=True):
                yield from _align(one, other)
        else:
            yield from _children(before[old], after[new], rest)


def _moved(
    before: Mapping[str, LockedModule],
    after: Mapping[str, LockedModule],
    gone: Sequence[str],
    new: Sequence[str],
) -> Iterator[Pair]:
    """Yield runs of equal modules; one that is a kind alone says too little by itself."""
    rows = [_row(before[name]) for name in gone], [_row(after[name]) for name in new]
    for equal, old, now in _runs(*rows):
        if equal and any(before[name].counts for name in gone[old]):
            yield from map(Pair, gone[old], new[now])


def _runs(
    before: Sequence[Hashable], after: Sequence[Hashable]
) -> Iterator[tuple[bool, slice, slice]]:
    """Yield runs of both that are equal, or that replace each other."""
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for tag, start, end, other_start, other_end in matcher.get_opcodes():
        yield tag == "equal", slice(start, end), slice(other_start, other_end)
