"""Copies of files of lines as they are found in folders."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from opbench import files
from opbench.errors import BadFileError, remedy
from opbench.line_files import Damage, LineFormat
from opbench.value import fields_of


@dataclass(frozen=True, kw_only=True)
class Copy:
    """One file.

    ``header`` is its first line as it stands there, ``host`` the machine that wrote it, "" where it
    does not say; ``problem`` is why none of it can be read.
    """

    path: Path
    format: LineFormat[Any] = field(hash=False, compare=False)
    size: int = 0
    sha256: str = ""
    header: bytes = b""
    host: str = ""
    problem: str = ""

    @cached_property
    def damages(self) -> tuple[Damage, ...]:
        """The lines that nothing can read.  Raises ``BadFileError``."""
        return tuple(damage for _, damage in self._lines() if damage)

    @cached_property
    def readable(self) -> frozenset[bytes]:
        """The other lines.  Raises ``BadFileError``."""
        return frozenset(line for line, damage in self._lines() if not damage)

    def _lines(self) -> Iterator[tuple[bytes, Damage | None]]:
        for number, line in enumerate(_read(self.path).splitlines(), start=1):
            try:
                self.format.decode(line)
                yield line, None
            except ValueError as error:
                yield line, Damage(path=self.path, line=number, reason=str(error))


def find_copies(path: Path, formats: Sequence[LineFormat[Any]]) -> Iterator[Copy]:
    """Yield the files that ``path`` is or holds: a file, a folder of files, or a results folder.

    Raises ``BadFileError`` where there is none.
    """
    if not path.is_dir():
        yield read_copy(path, formats)
        return
    found = list(_places(path, formats))
    if not found:
        folders = ", ".join(f"{each.folder}/" for each in formats)
        raise BadFileError(f"{path} has nothing to merge: no .jsonl files, nor any in {folders}")
    for each in found:
        yield copy_in_folder(each, formats)


def _places(folder: Path, formats: Iterable[LineFormat[Any]]) -> Iterator[Path]:
    for each in (folder, *(folder / format.folder for format in formats)):
        yield from files.files_in(each, ".jsonl")


def copy_in_folder(path: Path, formats: Sequence[LineFormat[Any]]) -> Copy:
    """Read one of many files; where that fails the others still count."""
    try:
        return read_copy(path, formats)
    except BadFileError as error:
        format = _format(path, b"", formats)
        problem = str(error).removeprefix(f"{path} ")
        return Copy(path=path, format=format, size=path.lstat().st_size, problem=problem)


def read_copy(path: Path, formats: Sequence[LineFormat[Any]]) -> Copy:
    """Read one file, of one of ``formats``.  Raises ``BadFileError`` where there is none."""
    data = _read(path)
    first = next(iter(data[: data.find(b"\n") + 1 or None].splitlines()), b"")
    format = _format(path, first, formats)
    try:
        header = format.first_line(path, first).to_json()
    except BadFileError as error:
        problem = str(error).removeprefix(f"{path}, ") if data else "it is empty"
        return Copy(path=path, format=format, size=len(data), problem=problem)
    return Copy(
        path=path,
        format=format,
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        header=first,
        host=str(header.get("environment", {}).get("host", "")),
    )


def _format(path: Path, first: bytes, formats: Sequence[LineFormat[Any]]) -> LineFormat[Any]:
    """Return the format of a file: that of its folder, else the one that knows its header best."""
    for each in formats:
        if path.absolute().parent.name == each.folder:
            return each
    try:
        row = msgspec.json.decode(first)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        row = None
    keys = set(row) if isinstance(row, dict) else set()
    return max(formats, key=lambda each: len(keys & {one.key for one in fields_of(each.header)}))


def _read(path: Path) -> bytes:
    if path.is_fifo():  # read twice, and may have no end
        raise BadFileError(f"{path} cannot be read: it is a pipe, not a file")
    try:
        return files.read(path)
    except OSError as error:
        raise BadFileError(f"{path} cannot be read: {error.strerror}{remedy(error)}") from None
