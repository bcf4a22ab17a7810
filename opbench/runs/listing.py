"""List the files of a results folder, each with its state, and delete one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from opbench.errors import BadFileError
from opbench.files import files_in, remove
from opbench.line_files import LineFile, LineFormat
from opbench.locks import in_use
from opbench.record import Failure, Record
from opbench.runs.lines import RUN
from opbench.runs.store import RunFile, find_run, read_run
from opbench.value import Value


class State(StrEnum):
    """The state of a file; ``--resume`` continues a run or evaluation that is ``interrupted``."""

    finished = "finished"
    interrupted = "interrupted"
    running = "running"
    empty = "empty"
    unreadable = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Value):
    """One file of a results folder.

    ``label`` says what it holds; ``cells`` are planned, or comparisons begun, or images of all
    shards of an evaluation, of which ``records`` were measured and ``failures`` could not be;
    ``problem`` is why it cannot be read, or how many lines of it.
    """

    name: str
    kind: str
    label: str = ""
    state: str
    started: str = ""
    cells: int = 0
    records: int = 0
    failures: int = 0
    bytes: int
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of files: their format, and how to read one, which raises ``BadFileError``."""

    format: LineFormat[Any]
    read: Callable[[Path], Contents]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The contents of a file as far as ``Listed`` tells them."""

    file: LineFile[Any]
    finished: bool
    label: str
    cells: int
    records: int
    failures: int


def list_files(results: Path, kinds: Iterable[Kind]) -> list[Listed]:
    """Describe every file of these kinds below ``results``, by name, which is oldest first."""
    files = [
        (path, kind) for kind in kinds for path in files_in(results / kind.format.folder, ".jsonl")
    ]
    return [_listed(*each) for each in sorted(files, key=lambda each: each[0].stem)]


def delete_files(results: Path, names: Iterable[str], kinds: Sequence[Kind]) -> Iterator[Path]:
    """Delete the files called ``names`` below ``results``, none unless all can be; yield paths.

    Raises ``BadFileError`` as ``_deletable`` does.
    """
    folders = [results / kind.format.folder for kind in kinds]
    for path in dict.fromkeys([_deletable(results, name, folders) for name in names]):
        remove(path)
        yield path


def _deletable(results: Path, name: str, folders: Sequence[Path]) -> Path:
    """Return the path of the file called ``name`` in one of ``folders``, below ``results``.

    Raises ``BadFileError`` where there is none, or where it is being written.
    """
    # Also one that is empty, which is no run to anything else.
    files = (path for folder in folders for path in files_in(folder, ".jsonl"))
    path = next((each for each in files if each.stem == name), None) or find_run(results, name)
    if path.resolve().parent not in [folder.resolve() for folder in folders]:
        raise BadFileError(f"{path} is not in {results}: name its folder with --results")
    if in_use(path):
        raise BadFileError(f"{path} is being written by another process: stop that first")
    return path


def _listed(path: Path, kind: Kind) -> Listed:
    name, what = path.stem, kind.format.what
    try:
        if not path.stat().st_size:
            return Listed(name=name, kind=what, state=State.empty, bytes=0)
        read = kind.read(path)
    except (BadFileError, OSError) as error:
        problem = str(error).removeprefix(f"{path}, ").removeprefix(f"{path} ")
        return Listed(
            name=name, kind=what, state=State.unreadable, bytes=_size(path), problem=problem
        )
    damaged = len(read.file.damages)
    return Listed(
        name=name,
        kind=what,
        label=read.label,
        state=State.running if in_use(path) else _ended(read),
        started=read.file.header.started,
        cells=read.cells,
        records=read.records,
        failures=read.failures,
        bytes=read.file.size,
        problem=f"{damaged} damaged line{'s' * (damaged != 1)}" if damaged else "",
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _ended(read: Contents) -> State:
    return State.finished if read.finished else State.interrupted


def _run(path: Path) -> Contents:
    run = read_run(path)
    plan, measured = run.header.plan, {line.cell for line in run.of(Record)}
    return Contents(
        file=run,
        finished=run.finished,
        label=_label(run),
        cells=len(plan),
        records=len(measured),
        failures=len({line.cell for line in run.of(Failure)} - measured),
    )


def _label(run: RunFile) -> str:
    """Return the name that the run was given, else what it measures."""
    if run.header.run not in ("", run.path.stem):
        return run.header.run
    networks = first_of([cell.name for cell in run.header.plan])
    shard = f"shard {run.header.shard}" if run.header.shard else ""
    return ", ".join(filter(None, [networks, shard]))


def first_of(names: Iterable[str]) -> str:
    """Return the first of ``names``, and how many others there are."""
    different = [*dict.fromkeys(names)]
    more = len(different) - 1
    return f"{''.join(different[:1])}{f' and {more} more' if more > 0 else ''}"


RUNS = Kind(format=RUN, read=_run)
