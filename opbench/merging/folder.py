"""Merge copies into a results folder: find what is new there, and write it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from opbench.errors import BadFileError
from opbench.files import files_in, read, remove, write
from opbench.line_files import LineFormat
from opbench.locks import in_use
from opbench.merging.copies import Copy, copy_in_folder, find_copies
from opbench.merging.versions import Redundant, Version, choose_versions
from opbench.value import Value


class Change(StrEnum):
    """The change that merging a file makes in a results folder."""

    new = "new"
    longer = "longer"
    known = "known"
    left_out = "left out"
    removed = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedFile(Value):
    """A file that was merged: its name in the folder, where it was, and where it was measured."""

    name: str
    kind: str
    change: str
    path: str
    host: str = ""
    sha256: str = ""
    bytes: int
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """The files that a results folder is to hold.

    ``versions`` are those, ``there`` the copies that it holds now, ``given`` those to be merged.
    """

    results: Path
    versions: tuple[Version, ...]
    there: tuple[Copy, ...]
    given: tuple[Copy, ...]

    @property
    def changed(self) -> list[Copy]:
        """The files that are new in the folder, or longer than those that it holds, each once."""
        there = {copy.sha256 for copy in self.there}
        kept = {version.copy.sha256 for version in self.versions}
        new = {copy.sha256: copy for copy in reversed(self.given) if copy.sha256 in kept - there}
        return [copy for copy in self.given if new.get(copy.sha256) is copy]

    def rows(self) -> Iterator[MergedFile]:
        """Describe what becomes of each of the files."""
        of = {copy: version for version in self.versions for copy in version.copies}
        there, changed = set(self.there), set(self.changed)
        for copy in (*self.given, *(each for each in self.there if each not in of)):
            version = of.get(copy)
            if version is None:
                change = Change.removed if copy in there else Change.left_out
            elif copy in changed:
                change = Change.new if there.isdisjoint(version.copies) else Change.longer
            else:
                change = Change.known
            yield MergedFile(
                name=version.place.stem if version else copy.path.stem,
                kind=copy.format.what,
                change=change,
                path=str(copy.path),
                host=copy.host,
                sha256=copy.sha256,
                bytes=copy.size,
                problem=_problem(copy, change),
            )

    def write(self) -> None:
        """Write what is new, and then remove what it replaces.

        Raises ``BadFileError``, before anything is written where a file is in use.
        """
        kept = {version.place: version.copy for version in self.versions}
        there = {_below(copy): copy.sha256 for copy in self.there}
        new = {place: copy for place, copy in kept.items() if there.get(place) != copy.sha256}
        old = [copy.path for copy in self.there if _below(copy) not in kept]
        for path in [*old, *(self.results / place for place in new)]:
            if in_use(path):
                raise BadFileError(f"{path} is being written by another process: wait for it")
        # Those of the folder itself are read first: two files may change places.
        own = {copy.path.resolve() for copy in self.there}
        moved = {
            place: read(copy.path) for place, copy in new.items() if copy.path.resolve() in own
        }
        for place, copy in new.items():
            content = moved.get(place) or read(copy.path)
            write(self.results / place, content, remedy="choose another folder with --results")
        for path in old:
            remove(path)


def plan_merge(
    paths: Sequence[Path],
    results: Path,
    formats: Sequence[LineFormat[Any]],
    redundant: Redundant,
) -> Merge:
    """Find what merging ``paths`` into ``results`` changes there.  Raises ``BadFileError``."""
    given = [copy for path in paths for copy in find_copies(path, formats)]
    there = [
        copy_in_folder(path, formats)
        for each in formats
        for path in files_in(results / each.folder, ".jsonl")
    ]
    readable = [copy for copy in (*there, *given) if not copy.problem]
    # Nothing is written over what cannot be read; an empty file has nothing.
    taken = [_below(copy) for copy in there if copy.problem and not _is_empty(copy)]
    return Merge(
        results=results,
        versions=tuple(choose_versions(readable, redundant, taken)),
        there=tuple(copy for copy in there if not copy.problem),
        given=tuple(given),
    )


def _is_empty(copy: Copy) -> bool:
    return copy.path.is_file() and not copy.size


def _below(copy: Copy) -> Path:
    """Return the place of a copy below the results folder that it is in."""
    return Path(copy.format.folder, copy.path.name)


def _problem(copy: Copy, change: Change) -> str:
    if copy.problem:
        return copy.problem
    if change in (Change.left_out, Change.removed):
        return "other files have the same answers to all of its images"
    # Those of a file that is there already were told when it came.
    number = 0 if change is Change.known else len(copy.damages)
    return f"{number} damaged line{'s' * (number != 1)}" if number else ""
