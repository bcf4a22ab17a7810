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
from opbench.merging.copies import Copy, find_copies, read_copy
from opbench.merging.versions import Redundant, Version, choose_versions
from opbench.value import Value


class Change(StrEnum):
    """The change that merging a file makes in a results folder."""

    new = "new"
    longer = "longer"
    known = "known"
    left_out = "left out"


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

    def rows(self) -> Iterator[MergedFile]:
        """Describe what becomes of each of the files."""
        of = {copy: version for version in self.versions for copy in version.copies}
        for copy in self.given:
            version = of.get(copy)
            yield MergedFile(
                name=version.place.stem if version else "",
                kind=copy.format.what,
                change=self._change(copy, version),
                path=str(copy.path),
                host=copy.host,
                sha256=copy.sha256,
                bytes=copy.size,
                problem=_problem(copy, version),
            )

    def _change(self, copy: Copy, version: Version | None) -> Change:
        if version is None:
            return Change.left_out
        there = {each.sha256 for each in version.copies if each in set(self.there)}
        if copy.sha256 != version.copy.sha256 or copy.sha256 in there:
            return Change.known
        return Change.longer if there else Change.new

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
        # All are read first: two files may change places.
        data = {place: read(copy.path) for place, copy in new.items()}
        for place, content in data.items():
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
        read_copy(path, formats)
        for each in formats
        for path in files_in(results / each.folder, ".jsonl")
    ]
    readable = [copy for copy in (*there, *given) if not copy.problem]
    # Nothing is written over what cannot be read; an empty file has nothing.
    taken = [_below(copy) for copy in there if copy.problem and copy.size]
    return Merge(
        results=results,
        versions=tuple(choose_versions(readable, redundant, taken)),
        there=tuple(copy for copy in there if not copy.problem),
        given=tuple(given),
    )


def _below(copy: Copy) -> Path:
    """Return the place of a copy below the results folder that it is in."""
    return Path(copy.format.folder, copy.path.name)


def _problem(copy: Copy, version: Version | None) -> str:
    if copy.problem:
        return copy.problem
    if version is None:
        return "other files have the same answers to all of its images"
    number = len(copy.damages)
    return f"{number} damaged line{'s' * (number != 1)}" if number else ""
