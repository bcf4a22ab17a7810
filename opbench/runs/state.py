"""The state of a run: what is known of each cell, gathered from the lines of its file.

The loop adds each line here as it writes it, and a run that is resumed starts by adding those it
finds: there is only one way from lines to state, so that a resumed run continues exactly where
the other stopped.  What failed before is tried again, unless memory was too small for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Self

from opbench.intervals import Interval
from opbench.record import DIFFERS, USUAL, Artefact, Cell, Failure, Load, Record, Round
from opbench.runs.lines import CeilingsLine, RoundLine, Setting
from opbench.timing.latency import floor_of
from opbench.timing.protocol import Protocol
from opbench.timing.quality import needs_another_round, summarise
from opbench.timing.roofline import attain, best
from opbench.value import Value


class RunState:
    """The state of every cell of ``plan``."""

    def __init__(self, plan: Sequence[Cell], protocol: Protocol, cores: int) -> None:
        self.plan = tuple(plan)
        self.protocol = protocol
        self.rounds: dict[Cell, list[Round]] = {cell: [] for cell in plan}
        self.loads: dict[Cell, Load] = {}
        self.artefacts: dict[Cell, Artefact] = {}
        self.records: dict[Cell, Record] = {}
        self.failures: dict[Cell, Failure] = {}
        self._cores = cores
        self._ceilings: dict[Setting, list[CeilingsLine]] = {}
        # The least time of the fixed work in each round, by device and threads.
        self._least: dict[tuple[str, int | None], dict[int, float]] = {}

    def add(self, line: Value) -> None:
        """Take in one line; other kinds than it needs, and cells not in the plan, are ignored."""
        match line:
            case CeilingsLine():
                self._ceilings.setdefault(line.setting, []).append(line)
            case RoundLine() if line.cell in self.rounds:
                self.rounds[line.cell].append(line.round)
                self._note(line)
                self.loads[line.cell] = line.load
                if line.artefact:
                    self.artefacts[line.cell] = line.artefact
            case Record() if line.cell in self.rounds:
                self.records[line.cell] = line
            case Failure() if line.cell in self.rounds:
                self.failures[line.cell] = line
            case _:
                pass

    def _note(self, line: RoundLine) -> None:
        if times := line.round.reference_samples_s:
            least = self._least.setdefault((line.cell.device, line.cell.threads), {})
            number = line.round.number
            least[number] = min(least.get(number, times[0]), *times)

    def replay(self, lines: Iterable[Value]) -> Self:
        """Take in the lines of an interrupted run.

        A failure counts only if memory ran out; any other is tried again.
        """
        for line in lines:
            if not isinstance(line, Failure) or line.out_of_memory:
                self.add(line)
        return self

    def settled(self, cell: Cell) -> bool:
        """Return whether nothing is left to measure of ``cell``."""
        return cell in self.records or cell in self.failures

    @property
    def missing(self) -> tuple[Cell, ...]:
        """The cells that are not settled, in the order of the plan."""
        return tuple(cell for cell in self.plan if not self.settled(cell))

    def pending(self, number: int) -> list[Cell]:
        """Return the cells that have a turn in round ``number``, in the order of the plan."""
        return [
            cell for cell in self.missing if len(self.rounds[cell]) < number and self.wanting(cell)
        ]

    def wanting(self, cell: Cell) -> bool:
        """Return whether ``cell`` needs another round."""
        return needs_another_round(self.rounds[cell], self.protocol)

    def settings(self) -> list[Setting]:
        """Return the distinct settings of the cells that are not settled."""
        return list(dict.fromkeys(Setting.of(cell) for cell in self.missing))

    def larger(self, cell: Cell) -> list[Cell]:
        """Return unsettled cells that differ from ``cell`` by a larger batch alone."""
        return [
            other
            for other in self.missing
            if other.batch_size > cell.batch_size
            and replace(other, batch_size=cell.batch_size) == cell
        ]

    def _floor(self, cell: Cell) -> Interval | None:
        """Return the least time of the fixed work until the cell's last round.

        Of that round only the cell's own is taken, and of later ones none: a record that is made
        again is the same.
        """
        own = self.rounds[cell][-1]
        least = self._least.get((cell.device, cell.threads), {})
        before = [each for number, each in least.items() if number < own.number]
        times = [*before, *([min(own.reference_samples_s)] if own.reference_samples_s else [])]
        return floor_of(times) if times else None

    def record(self, cell: Cell) -> Record:
        """Summarise the rounds of ``cell``, one or more, as a record."""
        load = self.loads[cell]
        floor = self._floor(cell)
        measurement = summarise(self.rounds[cell], self.protocol, self._cores, floor)
        attained = None
        last = self.rounds[cell][-1].number
        lines = self._ceilings.get(Setting.of(cell), [])
        if ceilings := [line.ceilings for line in lines if line.number <= last]:
            eager = cell.runtime == USUAL["runtime"]
            attained = attain(load, measurement, best(ceilings), compiled=not eager)
        artefact = self.artefacts.get(cell)
        if artefact and artefact.differs:
            measurement = replace(measurement, quality=DIFFERS, advice=artefact.differs)
        return Record(
            cell=cell, load=load, measurement=measurement, attained=attained, artefact=artefact
        )

    def unfinished(self) -> list[Record]:
        """Summarise the rounds so far of cells that are not settled."""
        return [self.record(cell) for cell in self.missing if self.rounds[cell]]


def available_cores() -> int:
    """Return the number of processor cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
