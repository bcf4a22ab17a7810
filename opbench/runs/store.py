"""Run files: one JSON object per line, on disk before the next is made.

A line is written whole, flushed and synchronised, so that a run that is killed keeps everything
it had measured; a file is created exclusively, so that two runs never share one.  Reading drops
no line in silence: one that is damaged is a ``Damage`` with file and number, and the rest is used.
A last line without an end is what a kill in the middle of a write leaves.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from opbench.errors import BadFileError, either, near_matches, remedy
from opbench.files import Appender, files_in
from opbench.runs.lines import FORMAT, End, Header, decode
from opbench.value import Value

RUNS = "runs"

LATEST = re.compile(r"latest(?:~(\d{1,6}))?")
# So many of the newest runs are named where another was asked for.
_NAMED = 3

_L = TypeVar("_L", bound=Value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """A line, or a whole file, that could not be read."""

    path: Path
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path}, line {self.line}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFile:
    """A run file as read: its header, its other lines in order, and what could not be read.

    ``size`` is that of the file in bytes.
    """

    path: Path
    size: int
    header: Header
    lines: tuple[Value, ...]
    damages: tuple[Damage, ...]

    @property
    def name(self) -> str:
        """The run's name, by which it is asked for."""
        return self.header.run or self.path.stem

    def of(self, kind: type[_L]) -> list[_L]:
        """Return the lines of one kind, in order."""
        return [line for line in self.lines if isinstance(line, kind)]

    @property
    def finished(self) -> bool:
        """True when the run came to its end."""
        return any(line.reason == "finished" for line in self.of(End))


def new_run(results: Path) -> Appender:
    """Open a new file in ``results/runs``, named by the time in UTC and this process.

    Raises ``BadFileError`` where it cannot be made.
    """
    stem = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}"
    return Appender.create(results / RUNS, stem)


def read_run(path: Path) -> RunFile:
    """Read one run file.  Raises ``BadFileError`` when it is missing or its header is damaged."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadFileError(f"{path} cannot be read: {error.strerror}{remedy(error)}") from None
    first, *rest = data.splitlines() or [b""]
    header = _header(path, first)
    lines: list[Value] = []
    damages: list[Damage] = []
    for number, raw in enumerate(rest, start=2):
        try:
            lines.append(decode(raw))
        except ValueError as error:
            damages.append(Damage(path=path, line=number, reason=str(error)))
    return RunFile(
        path=path, size=len(data), header=header, lines=tuple(lines), damages=tuple(damages)
    )


def _header(path: Path, raw: bytes) -> Header:
    try:
        header = decode(raw)
    except ValueError as error:
        raise BadFileError(f"{path}, line 1: {error}: repair the line or remove the file") from None
    if not isinstance(header, Header):
        raise BadFileError(
            f"{path}, line 1: not the header of a run: repair the line or remove the file"
        )
    if header.format != FORMAT:
        raise BadFileError(
            f"{path}, line 1: format {header.format} is not {FORMAT}: "
            "read it with the version of opbench that wrote it"
        )
    return header


def run_files(results: Path) -> list[Path]:
    """Return the run files below a results folder, oldest first.

    Empty ones are passed over: a run makes its file before it writes the first line, and there is
    nothing in one that was killed, or found the disk full, in between.
    Raises ``BadFileError`` where the folder cannot be read.
    """
    files = files_in(results / RUNS, ".jsonl")
    return [path for path in files if not path.exists() or path.stat().st_size]


def read_runs(results: Path) -> tuple[list[RunFile], tuple[Damage, ...]]:
    """Read every run below a results folder, oldest first, and list what could not be read."""
    runs: list[RunFile] = []
    damages: list[Damage] = []
    for path in run_files(results):
        try:
            runs.append(read_run(path))
            damages += runs[-1].damages
        except BadFileError as error:
            reason = str(error).partition(": ")[2]
            damages.append(Damage(path=path, line=1, reason=f"the run is skipped: {reason}"))
    return runs, tuple(damages)


def find_run(results: Path, name: str = "latest") -> Path:
    """Return the run file called ``name``: a path, a name below ``results``, or one by age.

    ``latest`` is the newest below ``results``, ``latest~1`` the one before it.
    Raises ``BadFileError`` where there is none.
    """
    for path in (Path(name), results / RUNS / f"{name}.jsonl", results / RUNS / name):
        if os.path.isfile(path):  # noqa: PTH113  False, no error, in a folder that is closed to us
            return path
    files = run_files(results)
    if not files:
        raise BadFileError(f"there is no run in {results}: make one with `opbench run`")
    by_age = LATEST.fullmatch(name)
    back = int(by_age[1] or 0) if by_age else len(files)
    if back < len(files):
        return files[-1 - back]
    stems = [path.stem for path in files]
    near = [] if by_age else near_matches(name, ["latest", *stems], likeness=0.7)
    hint = f"; did you mean {either(near)}?" if near else f": it has {_some(stems, results)}"
    raise BadFileError(f"there is no run {name!r} in {results}{hint}")


def _some(stems: Sequence[str], results: Path) -> str:
    """Name the newest runs, and where the others are listed."""
    more = len(stems) - _NAMED
    others = f" and {more} more: `opbench runs --results {results}`" if more > 0 else ""
    return f"{', '.join(stems[-_NAMED:])}{others}"
