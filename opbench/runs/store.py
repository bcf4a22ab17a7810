"""Run files: one JSON object a line, on disk before the next is made.

    {"kind": "header", "format": 1, "run": ..., "environment": {...}, "plan": [...], ...}
    {"kind": "record", "name": ..., "samples_s": [...], ...}
    {"kind": "failure", "name": ..., "reason": ...}
    {"kind": "end", "reason": "finished", ...}

A line is written whole, flushed and synchronised, so that a run that is killed leaves everything
it had measured; a file is created exclusively, so that two runs never share one.  Reading drops
no line in silence: one that cannot be read, or lacks what a line of its kind must have, is a
``Damage`` with file and number, and the rest is used.  A last line without an end is what a kill
in the middle of a write leaves.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self

from opbench.errors import BadFileError
from opbench.record import Ceilings, Cell, Load, Round, required

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # Windows locks no files this way
    flock = None  # type: ignore[assignment]

FORMAT = 1
RUNS = "runs"

Line = dict[str, Any]

_CELL = required(Cell)
# What a line of each kind must have; of a record, what any reader of it cannot do without.
_NEEDED: Mapping[str, frozenset[str]] = {
    "round": _CELL | required(Load) | required(Round),
    "ceilings": required(Ceilings) | {"device", "dtype", "threads"},
    "failure": _CELL | {"reason"},
    "record": _CELL
    | {"params", "macs", "activations", "median_s", "low_s", "high_s"}
    | {"samples_s", "samples_per_round"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """A line that could not be read."""

    path: Path
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path}, line {self.line}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run file as read: its header, its other lines in order, and what could not be read.

    ``size`` is that of the file in bytes.
    """

    path: Path
    size: int
    header: Line
    lines: tuple[Line, ...]
    damages: tuple[Damage, ...]

    def of_kind(self, kind: str) -> list[Line]:
        """The lines of one kind, in order."""
        return [line for line in self.lines if line.get("kind") == kind]

    @property
    def finished(self) -> bool:
        """Whether the run came to its end."""
        return any(line.get("reason") == "finished" for line in self.of_kind("end"))


class RunWriter:
    """Appends lines to one run file, which is its own as long as it is open.

    A context manager that closes the file, nothing else.
    """

    def __init__(self, path: Path, *, size: int | None = None) -> None:
        """Append to ``path``, which had ``size`` bytes when it was read.

        Raises ``BadFileError`` where another process is writing it, or has since.
        """
        self.path = path
        try:
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise BadFileError(f"{path} cannot be written: {error.strerror}") from None
        self._lock()
        if size not in (None, path.stat().st_size):
            self._refuse()
        if path.stat().st_size and not _ends_with_newline(path):
            # What a kill left of its last line must not run into the next one.
            self._file.write(b"\n")

    @classmethod
    def create(cls, results: Path) -> Self:
        """A new file in ``results/runs``, named by the time in UTC and this process.

        Raises ``BadFileError`` where it cannot be made.
        """
        folder = results / RUNS
        stem = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for path in _free_names(folder, stem):
                try:
                    path.touch(exist_ok=False)
                except FileExistsError:
                    continue
                return cls(path)
        except OSError as error:
            raise BadFileError(
                f"no run file can be made in {folder}: {error.strerror}: "
                "choose another folder with --results"
            ) from None
        raise AssertionError("the names never end")

    def _lock(self) -> None:
        try:
            if flock is not None:
                flock(self._file.fileno(), LOCK_EX | LOCK_NB)
        except OSError:
            self._refuse()

    def _refuse(self) -> NoReturn:
        self._file.close()
        raise BadFileError(
            f"{self.path} is being written by another process: wait for it, or start a new run"
        ) from None

    def write(self, line: Mapping[str, Any]) -> None:
        """Append one line and bring it to the disk.  Raises ``BadFileError`` on a full disk."""
        data = json.dumps(line, separators=(",", ":"), allow_nan=False).encode() + b"\n"
        # Not tell(): after a write that failed it lies beyond what was taken back.
        start = os.fstat(self._file.fileno()).st_size
        try:
            while data:
                data = data[self._file.write(data) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            # Half a line is taken back; where that fails too, opening the file again ends it.
            with suppress(OSError):
                self._file.truncate(start)
            raise BadFileError(
                f"{self.path} cannot be written: {error.strerror}: what was measured before is "
                "in it; make room and go on with `opbench run --resume`"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()


def read_run(path: Path) -> Run:
    """One run file.  Raises ``BadFileError`` when it is missing or has no readable header."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadFileError(f"{path} cannot be read: {error.strerror}") from None
    lines: list[Line] = []
    damages: list[Damage] = []
    for number, raw in enumerate(data.splitlines(), start=1):
        try:
            lines.append(_parse(raw))
        except ValueError as error:
            damages.append(Damage(path=path, line=number, reason=str(error)))
    if not lines or lines[0].get("kind") != "header":
        raise BadFileError(
            f"{path}, line 1: this is no header of a run file of opbench: "
            "mend the line or remove the file"
        )
    if lines[0].get("format") != FORMAT:
        raise BadFileError(
            f"{path}, line 1: format {lines[0].get('format')!r} is not {FORMAT}: "
            "read it with the version of opbench that wrote it"
        )
    return Run(
        path=path, size=len(data), header=lines[0], lines=tuple(lines[1:]), damages=tuple(damages)
    )


def run_files(results: Path) -> list[Path]:
    """The run files below a results folder, oldest first.

    Empty ones are passed over: a run makes its file before it writes the first line, and there is
    nothing in one that was killed, or found the disk full, in between.
    """
    files = sorted((results / RUNS).glob("*.jsonl"))
    return [path for path in files if path.stat().st_size]


def find_run(results: Path, name: str | None = None) -> Path:
    """The run file called ``name`` (a path, or a name below ``results``); the newest by default.

    Raises ``BadFileError`` where there is none.
    """
    files = run_files(results)
    if name is None:
        if not files:
            raise BadFileError(f"there is no run in {results}: `opbench run` makes one")
        return files[-1]
    for path in (Path(name), results / RUNS / f"{name}.jsonl", results / RUNS / name):
        if path.is_file():
            return path
    known = f": it has {', '.join(path.stem for path in files)}" if files else ""
    raise BadFileError(f"there is no run {name!r} in {results}{known}")


def _parse(raw: bytes) -> Line:
    try:
        line = json.loads(raw)
    except ValueError:
        raise ValueError("not a whole JSON object") from None
    if not isinstance(line, dict) or not isinstance(line.get("kind"), str):
        raise ValueError("not an object with a kind")
    if lacking := _NEEDED.get(line["kind"], frozenset()) - line.keys():
        raise ValueError(f"a {line['kind']} without {', '.join(sorted(lacking))}")
    return line


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"


def _free_names(folder: Path, stem: str) -> Iterator[Path]:
    yield folder / f"{stem}.jsonl"
    number = 2
    while True:
        yield folder / f"{stem}-{number}.jsonl"
        number += 1
