"""List the runs of a results folder, each with its state, and delete one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from opbench.errors import BadFileError
from opbench.files import files_in, in_use, remove
from opbench.record import Failure, Record
from opbench.runs.lines import RUN
from opbench.runs.store import RunFile, find_run, read_run
from opbench.value import Value


class State(StrEnum):
    """The state of a run file; ``interrupted`` is one that ``run --resume`` continues."""

    finished = "finished"
    interrupted = "interrupted"
    running = "running"
    empty = "empty"
    unreadable = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Value):
    """One file of a results folder.

    ``label`` says what it holds; ``cells`` are planned, of which ``records`` were measured and
    ``failures`` could not be; ``problem`` is why it cannot be read, or how many lines of it.
    """

    name: str
    kind: str = "run"
    label: str = ""
    state: str
    started: str = ""
    cells: int = 0
    records: int = 0
    failures: int = 0
    bytes: int
    problem: str = ""


def list_runs(results: Path) -> list[Listed]:
    """Describe every run file below ``results``, oldest first."""
    return [_listed(path) for path in files_in(results / RUN.folder, ".jsonl")]


def delete_runs(results: Path, names: Iterable[str]) -> Iterator[Path]:
    """Delete the runs called ``names`` below ``results``, none unless all can be, and yield paths.

    Raises ``BadFileError`` as ``_deletable`` does.
    """
    for path in dict.fromkeys([_deletable(results, name) for name in names]):
        remove(path)
        yield path


def _deletable(results: Path, name: str) -> Path:
    """Return the path of the run called ``name`` below ``results``.

    Raises ``BadFileError`` where there is none, or where it is being written.
    """
    folder = results / RUN.folder
    # Also one that is empty, which is no run to anything else.
    path = next((each for each in files_in(folder, ".jsonl") if each.stem == name), None)
    path = path or find_run(results, name)
    if path.resolve().parent != folder.resolve():
        raise BadFileError(f"{path} is not in {folder}: name the folder it is in with --results")
    if in_use(path):
        raise BadFileError(f"{path} is being written by another process: stop that run first")
    return path


def _listed(path: Path) -> Listed:
    try:
        size = path.stat().st_size
        if not size:
            return Listed(name=path.stem, state=State.empty, bytes=0)
        run = read_run(path)
    except (BadFileError, OSError) as error:
        problem = str(error).removeprefix(f"{path}, ").removeprefix(f"{path} ")
        return Listed(name=path.stem, state=State.unreadable, bytes=_size(path), problem=problem)
    damaged, measured = len(run.damages), {line.cell for line in run.of(Record)}
    return Listed(
        name=path.stem,
        label=_label(run),
        state=State.running if in_use(path) else _state(run),
        started=run.header.started,
        cells=len(run.header.plan),
        records=len(measured),
        failures=len({line.cell for line in run.of(Failure)} - measured),
        bytes=size,
        problem=f"{damaged} damaged line{'s' * (damaged != 1)}" if damaged else "",
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _state(run: RunFile) -> State:
    return State.finished if run.finished else State.interrupted


def _label(run: RunFile) -> str:
    """Return the name that the run was given, else what it measures."""
    if run.header.run not in ("", run.path.stem):
        return run.header.run
    names = dict.fromkeys(cell.name for cell in run.header.plan)
    more = len(names) - 1
    return f"{next(iter(names), '')}{f' and {more} more' if more > 0 else ''}"
