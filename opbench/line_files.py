"""Files of one JSON object per line, told apart by ``kind``: runs and comparisons.

A line is written whole, flushed and synchronised, so that a run that is killed keeps everything
it had measured; a file is created exclusively, so that two runs never share one.  Reading drops
no line in silence: one that is damaged is a ``Damage`` with file and number, and the rest is used.
A last line without an end is what a kill in the middle of a write leaves.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

import msgspec

from opbench.errors import BadFileError, remedy
from opbench.files import Appender
from opbench.value import Value

# The first key of each line, which tells what it is.
_BEFORE_KIND = b'{"kind":"'
_BUFFER = 2**20  # bytes that are read at once

_L = TypeVar("_L", bound=Value)
_H = TypeVar("_H", bound=Value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """A line, or a whole file, that could not be read."""

    path: Path
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path}, line {self.line}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFormat(Generic[_H]):
    """The lines that a file may have.

    what: what a file is, in words.  folder: where such files lie below the results.
    version: the version of the format, which the field ``format`` of the header, the first line,
    repeats.  kinds: the classes of lines, by kind.  bulk: those that a summary is without.
    go_on: how to continue after a full disk.
    """

    what: str
    folder: str
    version: int
    header: type[_H]
    kinds: Mapping[str, type[Value]]
    bulk: tuple[str, ...] = ()
    go_on: str = "continue with `opbench run --resume`"

    def line_json(self, line: Value) -> dict[str, Any]:
        """Return the JSON object of a line, its kind first."""
        kind = next(kind for kind, each in self.kinds.items() if each is type(line))
        return {"kind": kind, **line.to_json()}

    def encode(self, line: Value) -> bytes:
        """Return the bytes of a line, without its end.  Raises ``ValueError`` for NaN, infinity."""
        return json.dumps(self.line_json(line), separators=(",", ":"), allow_nan=False).encode()

    def decode(self, raw: bytes) -> Value:
        """Read one line.  Raises ``ValueError`` naming the field that is missing or damaged."""
        try:
            row = msgspec.json.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError(f"not a complete JSON object ({error})") from None
        kind = row.get("kind") if isinstance(row, dict) else None
        if not isinstance(kind, str):
            raise ValueError(f"not an object whose kind is one of {', '.join(self.kinds)}")
        if kind not in self.kinds:
            raise ValueError(f"unknown kind {kind!r}: damaged, or written by a newer opbench")
        try:
            return self.kinds[kind].from_json(row)
        except ValueError as error:
            raise ValueError(f"damaged {kind}: {error}") from None

    @property
    def left_out(self) -> tuple[bytes, ...]:
        """The beginnings of the lines that a summary is without."""
        return tuple(b'%s%s",' % (_BEFORE_KIND, kind.encode()) for kind in self.bulk)

    def summary_of(self, raw: bytes) -> Value:
        """Read one line without its ``BULK``.  Raises ``ValueError`` as ``decode`` does."""
        start = len(_BEFORE_KIND)
        kind = raw[start : raw.find(b'"', start)].decode(errors="replace")
        if not raw.startswith(_BEFORE_KIND) or kind not in self.kinds:
            return self.decode(raw)
        try:
            return self.kinds[kind].summary_of(raw)
        except (ValueError, RecursionError):
            return self.decode(raw)

    def new(self, results: Path) -> Appender:
        """Open a new file below ``results``, named by the time in UTC and this process.

        Raises ``BadFileError`` where it cannot be made.
        """
        stem = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}"
        return Appender.create(results / self.folder, stem, go_on=self.go_on)

    def find(self, results: Path, name: str) -> Path | None:
        """Return the file called ``name``: a name below ``results``, or a path; None without one.

        Only a path that ends in .jsonl is one: any other file may be called like a network.
        """
        folder = results / self.folder
        paths = [folder / f"{name}.jsonl"]
        if name.endswith(".jsonl"):
            paths += [folder / name, Path(name)]
        for path in paths:
            if os.path.isfile(path):  # noqa: PTH113  False, no error, in a closed folder
                return path
        return None

    def read_header(self, path: Path) -> _H:
        """Read the first line of a file.  Raises ``BadFileError``."""
        try:
            with path.open("rb") as file:
                return self.first_line(path, file.readline().rstrip(b"\r\n"))
        except OSError as error:
            raise BadFileError(f"{path} cannot be read: {error.strerror}{remedy(error)}") from None

    def first_line(self, path: Path, raw: bytes, *, summary: bool = False) -> _H:
        """Read the header.  Raises ``BadFileError`` for another line, and for another version."""
        where = f"{path}, line 1"
        try:
            header = self.summary_of(raw) if summary else self.decode(raw)
        except ValueError as error:
            raise BadFileError(f"{where}: {error}: repair the line or remove the file") from None
        if not isinstance(header, self.header):
            raise BadFileError(
                f"{where}: not the header of a {self.what}: repair the line or remove the file"
            )
        if (version := header.to_json()["format"]) != self.version:
            raise BadFileError(
                f"{where}: format {version} is not {self.version}: "
                "read it with the version of opbench that wrote it"
            )
        return header


def _without_end(line: bytes) -> bytes:
    return line.rstrip(b"\r\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFile(Generic[_H]):
    """A file as read: its header, its other lines in order, and what could not be read.

    ``size`` is that of the file in bytes.
    """

    path: Path
    size: int
    header: _H
    lines: tuple[Value, ...]
    damages: tuple[Damage, ...]

    def of(self, kind: type[_L]) -> list[_L]:
        """Return the lines of one kind, in order."""
        return [line for line in self.lines if isinstance(line, kind)]

    @classmethod
    def read(cls, path: Path, format: LineFormat[_H], *, summary: bool = False) -> Self:
        """Read a file, or a summary of it, which is without what ``LineFormat`` calls bulk.

        Raises ``BadFileError`` when it is missing or its header is damaged.
        """
        lines: list[Value] = []
        damages: list[Damage] = []
        read = format.summary_of if summary else format.decode
        left_out = format.left_out if summary else ()
        try:
            with path.open("rb", buffering=_BUFFER) as file:
                header = format.first_line(path, _without_end(file.readline()), summary=summary)
                for number, raw in enumerate(file, start=2):
                    if raw.startswith(left_out) and raw.endswith(b"}\n"):
                        continue
                    try:
                        lines.append(read(_without_end(raw)))
                    except ValueError as error:
                        damages.append(Damage(path=path, line=number, reason=str(error)))
                size = file.tell()
        except OSError as error:
            raise BadFileError(f"{path} cannot be read: {error.strerror}{remedy(error)}") from None
        return cls(path=path, size=size, header=header, lines=tuple(lines), damages=tuple(damages))
