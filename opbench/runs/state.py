"""What is known of each cell of a run, gathered from the lines of its file.

The loop adds each line here as it writes it, and a run that is resumed starts by adding those it
finds: there is one way only from lines to knowledge, so that a resumed run goes on exactly where
the other stopped.  What failed before is tried again, unless memory was too small for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from opbench.record import Ceilings, Cell, Failure, Load, Record, Round, from_row
from opbench.timing.protocol import Protocol
from opbench.timing.quality import needs_another_round, summarise
from opbench.timing.roofline import attain, typical

Line = dict[str, Any]
Setting = tuple[str, str, int | None]


class Sheet:
    """The cells of ``plan`` and what is known of them."""

    def __init__(self, plan: Sequence[Cell], protocol: Protocol, cores: int) -> None:
        self.plan = tuple(plan)
        self.protocol = protocol
        self.rounds: dict[Cell, list[Round]] = {cell: [] for cell in plan}
        self.loads: dict[Cell, Load] = {}
        self.records: dict[Cell, Line] = {}
        self.failures: dict[Cell, Failure] = {}
        self._cores = cores
        self._ceilings: dict[Setting, list[Ceilings]] = {}

    def add(self, line: Mapping[str, Any]) -> None:
        """Take in one line of the file; other kinds than it needs, and cells that are not in the
        plan, are passed over."""
        kind = line["kind"]
        if kind == "ceilings":
            setting = (line["device"], line["dtype"], line["threads"])
            self._ceilings.setdefault(setting, []).append(from_row(Ceilings, line))
        elif kind in ("round", "record", "failure"):
            cell = Cell.from_json(line)
            if cell in self.rounds:
                self._add_of_cell(kind, cell, line)

    def _add_of_cell(self, kind: str, cell: Cell, line: Mapping[str, Any]) -> None:
        if kind == "failure":
            spent = line.get("out_of_memory", False)
            self.failures[cell] = Failure(cell=cell, reason=line["reason"], out_of_memory=spent)
        elif kind == "record":
            self.records[cell] = dict(line)
        else:
            self.rounds[cell].append(Round.from_json(line))
            self.loads[cell] = from_row(Load, line)

    def settled(self, cell: Cell) -> bool:
        """Whether there is nothing more to find out about ``cell``."""
        return cell in self.records or cell in self.failures

    @property
    def missing(self) -> tuple[Cell, ...]:
        """The cells that are not settled, in the order of the plan."""
        return tuple(cell for cell in self.plan if not self.settled(cell))

    def pending(self, number: int) -> list[Cell]:
        """The cells that have a turn in round ``number``, in the order of the plan."""
        return [
            cell for cell in self.missing if len(self.rounds[cell]) < number and self.wanting(cell)
        ]

    def wanting(self, cell: Cell) -> bool:
        """Whether ``cell`` needs another round."""
        return needs_another_round(self.rounds[cell], self.protocol)

    def settings(self) -> list[Setting]:
        """The distinct device, dtype and threads of the cells that are not settled."""
        return list(dict.fromkeys(_setting(cell) for cell in self.missing))

    def larger(self, cell: Cell) -> list[Cell]:
        """The cells that differ from ``cell`` by a larger batch alone and are not settled."""
        return [
            other
            for other in self.missing
            if other.batch_size > cell.batch_size
            and replace(other, batch_size=cell.batch_size) == cell
        ]

    def record(self, cell: Cell) -> Record:
        """The rounds of ``cell``, one or more, as a record."""
        load = self.loads[cell]
        measurement = summarise(self.rounds[cell], self.protocol, self._cores)
        attained = None
        if ceilings := self._ceilings.get(_setting(cell)):
            compiled = cell.compile is not None
            attained = attain(load, measurement, typical(ceilings), compiled=compiled)
        return Record(cell=cell, load=load, measurement=measurement, attained=attained)

    def unfinished(self) -> list[Record]:
        """What the rounds so far say of cells that are not settled."""
        return [self.record(cell) for cell in self.missing if self.rounds[cell]]


def round_line(cell: Cell, load: Load, taken: Round) -> Line:
    """The line of one cell and round."""
    return {"kind": "round", **asdict(cell), **asdict(load), **asdict(taken)}


def ceilings_line(setting: Setting, number: int, measured: Mapping[str, Any]) -> Line:
    """The line of what a device was seen to reach at the start of a round."""
    device, dtype, threads = setting
    where = {"device": device, "dtype": dtype, "threads": threads}
    return {"kind": "ceilings", "number": number, **where, **measured}


def available_cores() -> int:
    """Processor cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def taken_up(lines: Iterable[Mapping[str, Any]], sheet: Sheet) -> Sheet:
    """``sheet`` after taking in what an earlier go has left.  Only failures that would come again
    are taken in: a worker that was killed may live next time."""
    for line in lines:
        if line["kind"] != "failure" or line.get("out_of_memory"):
            sheet.add(line)
    return sheet


def _setting(cell: Cell) -> Setting:
    return cell.device, cell.dtype, cell.threads
