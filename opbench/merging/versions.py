"""The copies that count among all that were found, and their names.

A copy of a run that was made before it went on has nothing that a later one has not, nor has one
with a line that was damaged since: the copy that has the readable lines of the others counts.  Two
that went on apart, on two machines, both count.  Files that would have one name are told apart by
their hashes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from opbench.merging.copies import Copy

# The files among some of one folder that say nothing which the others do not.
Redundant = Callable[[Sequence[Copy]], Collection[Copy]]

# Added to the names of files that have one name and are not the same.
_HASH = re.compile(r"(?<=.)~[0-9a-f]{8}$")
# The name that opbench gives; another one was chosen by somebody.
_GIVEN = re.compile(r"\d{8}T\d{6}Z-\d+(-\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A copy that counts, its place below a results folder, and all that have nothing more."""

    copy: Copy
    place: Path
    copies: tuple[Copy, ...]


def choose_versions(
    copies: Iterable[Copy], redundant: Redundant = lambda copies: (), taken: Collection[Path] = ()
) -> list[Version]:
    """Return the copies that count, but for those that are ``redundant``, by place.

    Places that are ``taken`` are of files that nothing can read.
    """
    chosen: dict[Copy, tuple[Copy, ...]] = {}
    for _, alike in groupby(sorted(copies, key=_by_run), key=lambda each: each.header):
        chosen |= _latest(tuple(alike))
    for each in redundant(tuple(chosen)):
        del chosen[each]
    places = {
        copy: Path(copy.format.folder, f"{_stem(copy, group)}.jsonl")
        for copy, group in chosen.items()
    }
    times = Counter([*places.values(), *taken])
    versions = [
        Version(copy=copy, place=_place(copy, place, alone=times[place] == 1), copies=chosen[copy])
        for copy, place in places.items()
    ]
    return sorted(versions, key=lambda each: each.place)


def _by_run(copy: Copy) -> tuple[str, bytes, str]:
    return copy.format.folder, copy.header, copy.sha256


def _latest(copies: Sequence[Copy]) -> dict[Copy, tuple[Copy, ...]]:
    """Return the copies of one run that have what no other has, each with those it replaces."""
    different = list({each.sha256: each for each in copies}.values())
    if len(different) == 1:
        return {different[0]: tuple(copies)}
    lines = {each.sha256: each.readable for each in different}
    kept: list[Copy] = []
    # Of those with equal lines the one with the fewest damages is the first.
    for each in sorted(
        different,
        key=lambda each: (-len(lines[each.sha256]), len(each.damages), each.size, each.sha256),
    ):
        if not any(lines[each.sha256] <= lines[other.sha256] for other in kept):
            kept.append(each)
    return {
        one: tuple(each for each in copies if lines[each.sha256] <= lines[one.sha256])
        for one in kept
    }


def _stem(copy: Copy, copies: Iterable[Copy]) -> str:
    """Return the name that somebody chose for a copy, else the one that it was given.

    Names of the copies that it replaces do not count: they are gone at the next merge.
    """
    stems = {_HASH.sub("", each.path.stem) for each in copies if each.sha256 == copy.sha256}
    return min(stems, key=lambda stem: (bool(_GIVEN.fullmatch(stem)), stem))


def _place(copy: Copy, place: Path, *, alone: bool) -> Path:
    return place if alone else place.with_name(f"{place.stem}~{copy.sha256[:8]}.jsonl")
