"""The files of one plan as they grow, and what is left of a shard of it to measure."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from opbench.errors import BadFileError, OpbenchError
from opbench.files import in_use
from opbench.record import Cell, Failure, Record
from opbench.runs.lines import RUN, Header, RoundLine
from opbench.runs.parts import settled
from opbench.runs.pool import Handler
from opbench.runs.start import Prepared, resume
from opbench.runs.state import RunState, available_cores
from opbench.runs.store import RunFile, read_run, run_files


@dataclass(frozen=True, slots=True)
class PlanFiles:
    """The run files below ``results`` of the plan ``plan_id``, read again where they have grown."""

    results: Path
    plan_id: str
    _read: dict[Path, RunFile | None] = field(default_factory=dict)

    def look(self) -> list[RunFile]:
        """Return the files as they are now; one that cannot be read is not of them."""
        for path in run_files(self.results):
            known = self._read.get(path)
            if path in self._read and (known is None or known.size == _size(path)):
                continue
            try:
                of_plan = RUN.read_header(path).plan_id == self.plan_id
                self._read[path] = read_run(path) if of_plan else None
            except BadFileError:
                self._read.pop(path, None)  # its first line may not be whole yet
        return [run for run in self._read.values() if run]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def state_of(header: Header, runs: Iterable[RunFile]) -> RunState:
    """Return the records of all cells of a plan, and the failures of those without one."""
    state = RunState(header.plan, header.protocol, available_cores())
    lines = [line for run in runs for line in run.lines]
    for line in lines:
        if isinstance(line, Record):
            state.add(line)
    for line in lines:
        if isinstance(line, Failure) and line.cell not in state.records:
            state.add(line)
    return state


def begun(state: RunState, runs: Iterable[RunFile]) -> int:
    """Return the number of cells of which files have a round and nothing more."""
    rounds = {line.cell for run in runs for line in run.of(RoundLine)}
    return sum(not state.settled(cell) for cell in rounds)


def left_of(cells: Iterable[Cell], runs: Iterable[RunFile]) -> tuple[Cell, ...]:
    """Return the cells without a record for which memory was not too small."""
    there = settled(runs)
    return tuple(cell for cell in cells if cell not in there)


def continue_shard(
    prepared: Prepared, results: Path, workers: Handler
) -> tuple[RunFile | None, Prepared | None]:
    """Return how to go on with a shard: the file to continue, None for a new one, and with what.

    A file is continued in the environment it was made in, unless it is being written; else the
    cells that are left start anew, in a file of their own.  Nothing to prepare: nothing is left.
    """
    header = prepared.header
    assert isinstance(header, Header)
    runs = PlanFiles(results, header.plan_id).look()
    left = left_of(header.plan, runs)
    if not left:
        return None, None
    for run in reversed(runs):
        if set(left_of(run.header.plan, runs)) == set(left) and _can_be_continued(run.path):
            try:
                return run, resume(run, workers)
            except OpbenchError:
                continue  # its times would not be of one environment
    state = RunState(left, header.protocol, available_cores())
    return None, replace(prepared, state=state, header=replace(header, plan=left))


def _can_be_continued(path: Path) -> bool:
    return os.access(path, os.W_OK) and not in_use(path)
