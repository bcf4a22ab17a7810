"""What is known of each cell of a run, gathered from the lines of its file.

The loop adds each line here as it writes it, and a run that is resumed starts by adding those it
finds: there is one way only from lines to knowledge, so that a resumed run goes on exactly where
the other stopped.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

from opbench.record import Ceilings, Cell, Failure, Load, Record, Round
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
        """Take in one line of the file; lines of other kinds than it needs are passed over."""
        kind = line["kind"]
        if kind == "ceilings":
            known = Ceilings(**{each.name: line[each.name] for each in fields(Ceilings)})
            setting = (line["device"], line["dtype"], line["threads"])
            self._ceilings.setdefault(setting, []).append(known)
        elif kind in ("round", "record", "failure"):
            self._add_of_cell(kind, Cell.from_json(line), line)

    def _add_of_cell(self, kind: str, cell: Cell, line: Mapping[str, Any]) -> None:
        if kind == "failure":
            self.failures[cell] = Failure(cell=cell, reason=line["reason"])
        elif kind == "record":
            self.records[cell] = dict(line)
        else:
            self.rounds[cell].append(Round.from_json(line))
            self.loads[cell] = Load(**{each.name: line[each.name] for each in fields(Load)})

    def settled(self, cell: Cell) -> bool:
        """Whether there is nothing more to find out about ``cell``."""
        return cell in self.records or cell in self.failures

    def pending(self, number: int) -> list[Cell]:
        """The cells that have a turn in round ``number``, in the order of the plan."""
        return [
            cell
            for cell in self.plan
            if not self.settled(cell) and len(self.rounds[cell]) < number and self.wanting(cell)
        ]

    def wanting(self, cell: Cell) -> bool:
        """Whether ``cell`` needs another round."""
        return needs_another_round(self.rounds[cell], self.protocol)

    def settings(self) -> list[Setting]:
        """The distinct device, dtype and threads of the cells that are not settled."""
        cells = (cell for cell in self.plan if not self.settled(cell))
        return list(dict.fromkeys(_setting(cell) for cell in cells))

    def larger(self, cell: Cell) -> list[Cell]:
        """The cells that differ from ``cell`` by a larger batch alone and are not settled."""
        return [
            other
            for other in self.plan
            if other.batch_size > cell.batch_size
            and replace(other, batch_size=cell.batch_size) == cell
            and not self.settled(other)
        ]

    def record(self, cell: Cell) -> Record:
        """The rounds of ``cell``, one or more, as a record."""
        load = self.loads[cell]
        measurement = summarise(self.rounds[cell], self.protocol, self._cores)
        ceilings = self._ceilings.get(_setting(cell))
        return Record(
            cell=cell,
            load=load,
            measurement=measurement,
            attained=attain(load, measurement.median_s, typical(ceilings)) if ceilings else None,
        )

    def unfinished(self) -> list[Record]:
        """What the rounds so far say of cells that are not settled."""
        return [
            self.record(cell)
            for cell, rounds in self.rounds.items()
            if rounds and not self.settled(cell)
        ]


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


def sheet_of(lines: Iterable[Mapping[str, Any]], sheet: Sheet) -> Sheet:
    """``sheet`` after taking in ``lines``."""
    for line in lines:
        sheet.add(line)
    return sheet


def _setting(cell: Cell) -> Setting:
    return cell.device, cell.dtype, cell.threads
