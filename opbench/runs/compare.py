"""Compare two runs cell by cell: which differences are real.

The interval comes from the medians of rounds (``opbench.intervals.ratio_of_rounds``): rounds are
fresh processes, whose differences are what another run would have shown as well.  The machine may
have become slower between the runs: beside each round the time of a fixed piece of work was taken,
and the interval reaches over both the ratio as it is and the ratio in units of that work.  That
explains one machine at two times.  Between two environments it is the ratio as it is that is
asked for, and the ratio of the fixed work is told beside it.

An interval by Student's t supposes that rounds scatter around one time.  On a busy machine they
jump between two, and chance alone puts all rounds of one run into the one state and all of the
other into the other: with n rounds in both together, once in 2^(n - 1) pairs of runs.  Hence no
FASTER or SLOWER where a run's own rounds form two states, nor for a change of more than
``FAR_APART`` over fewer than ``ENOUGH`` rounds, unless the fixed work beside them took the same
time in all.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opbench.errors import BadValueError
from opbench.intervals import Interval, median, median_of_rounds, ratio_of_rounds, two_states
from opbench.record import Cell, Failure, Load, Measurement, Record, Round
from opbench.runs.environment import unequal_facts
from opbench.runs.lines import RoundLine
from opbench.runs.store import RunFile
from opbench.runs.verdict import Judged, Verdict, judge
from opbench.settings import Threshold, threshold_for
from opbench.timing.latency import followed
from opbench.timing.quality import UNSTABLE

# Rounds of both runs together: 1 in 2^7 pairs of runs, 0.8 %, are in one state each by chance.
ENOUGH = 8
# A ratio beyond this, or below its inverse, may be another state of the machine.
FAR_APART = 2.0
# Fixed pieces of work that differ by no more took the same time.
_SAME_WORK = 1.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison(Judged):
    """One cell in both runs.  ``ratio`` is None where one of them has no time.

    ``machine`` is the ratio of the fixed piece of work beside it: how much slower the machine was.
    ``loads``: the counts of both runs, where both have a time.
    """

    cell: Cell
    machine: float | None = None
    loads: tuple[Load, Load] | None = None

    @property
    def name(self) -> str:
        """The cell."""
        return str(self.cell)

    @property
    def changes(self) -> str:
        """``MACs 388,960 -> 1,555,840``; "" where the counts of both runs are equal."""
        if self.loads is None:
            return ""
        base, new = self.loads
        both = (("MACs", base.macs, new.macs), ("params", base.params, new.params))
        return ", ".join(f"{key} {one:,} -> {two:,}" for key, one, two in both if one != two)

    def to_json(self) -> dict[str, Any]:
        """Return a flat JSON object."""
        # Not super(): a dataclass with slots is another class than the one that is written here.
        judged = Judged.to_json(self)
        return {**self.cell.to_json(), **judged, "machine": self.machine, **self._counts()}

    def _counts(self) -> dict[str, int | None]:
        sides = zip(("base", "new"), self.loads or (None, None), strict=True)
        return {
            f"{side}_{key}": getattr(load, key, None)
            for side, load in sides
            for key in ("macs", "params")
        }


# A device and the number of its threads, which share the fixed work.
_Threads = tuple[str, int | None]


@dataclass(frozen=True, slots=True)
class _Side:
    """The cells of one run: those with a time, and the reasons of those without.

    rounds: those of each cell.  floors: the least time of the fixed work in the run.
    """

    times: Mapping[Cell, Record]
    failures: Mapping[Cell, str]
    rounds: Mapping[Cell, Sequence[Round]]
    floors: Mapping[_Threads, float]

    @classmethod
    def of(cls, run: RunFile) -> _Side:
        records = run.of(Record)
        times = {line.cell: line for line in records if not line.differs}
        floors: dict[_Threads, float] = {}
        rounds: dict[Cell, list[Round]] = {}
        for line in run.of(RoundLine):
            rounds.setdefault(line.cell, []).append(line.round)
            key = line.cell.device, line.cell.threads
            floors[key] = min([floors.get(key, math.inf), *line.round.reference_samples_s])
        failures = {line.cell: line.reason for line in run.of(Failure)}
        failures |= {line.cell: line.differs for line in records if line.differs}
        # A run that was gone on with may have tried again, with success.
        failed = {cell: why for cell, why in failures.items() if cell not in times}
        return cls(times, failed, rounds, floors)

    def floor(self, cell: Cell) -> float | None:
        """Return the least time of the fixed work in the run; None where it was not timed."""
        floor = self.floors.get((cell.device, cell.threads), math.inf)
        return floor if math.isfinite(floor) else None

    @property
    def cells(self) -> tuple[Cell, ...]:
        return (*self.times, *self.failures)


def compare_runs(
    base: RunFile, new: RunFile, thresholds: Sequence[Threshold] = ()
) -> list[Comparison]:
    """Compare every cell of either run, in the order of ``base``.

    Raises ``BadValueError`` where no cell is in both.
    """
    before, after = _Side.of(base), _Side.of(new)
    if not set(before.cells) & set(after.cells):
        raise BadValueError(
            f"the runs have no cell in common: {base.path} has {_some(before.cells)}; "
            f"{new.path} has {_some(after.cells)}"
        )
    one_machine = not unequal(base, new)
    return [
        _timed(cell, before, after, threshold_for(cell.name, thresholds), one_machine=one_machine)
        if cell in before.times and cell in after.times
        else _untimed(cell, before, after)
        for cell in dict.fromkeys((*before.cells, *after.cells))
    ]


def _some(cells: Sequence[Cell], most: int = 3) -> str:
    """Name the first few of ``cells``, and say how many more there are."""
    named = ", ".join(map(str, cells[:most])) or "none"
    more = len(cells) - most
    return f"{named} and {more} more" if more > 0 else named


def unequal(base: RunFile, new: RunFile) -> dict[str, tuple[Any, Any]]:
    """Return the facts that keep the two runs from being compared, with their values."""
    one, other = (run.header.environment for run in (base, new))
    return {name: (one.get(name), other.get(name)) for name in unequal_facts(one, other)}


def _untimed(cell: Cell, before: _Side, after: _Side) -> Comparison:
    """Compare a cell that lacks a time on one side or on both."""
    base_s, new_s = (
        side.times[cell].measurement.latency_s if cell in side.times else None
        for side in (before, after)
    )
    if cell in after.failures:
        verdict = Verdict.UNMEASURED if base_s is None else Verdict.FAILED
    else:
        verdict = Verdict.GONE if new_s is None else Verdict.NEW
    failed_before = f"before: {before.failures[cell]}" if cell in before.failures else ""
    note = after.failures.get(cell, failed_before)
    return Comparison(cell=cell, verdict=verdict, base_s=base_s, new_s=new_s, note=note)


def _timed(
    cell: Cell, before: _Side, after: _Side, threshold: Threshold, *, one_machine: bool
) -> Comparison:
    base, new = before.times[cell], after.times[cell]
    ratio, machine = _ratio(base, new, one_machine=one_machine)
    off = _between_floors(cell, before, after) if one_machine else 1.0
    if ratio:
        ratio = Interval(ratio.estimate, ratio.low * min(1.0, off), ratio.high * max(1.0, off))
    verdict, note = Verdict.AMBIGUOUS, "a single round does not show how rounds differ"
    if ratio:
        limit = threshold.of(base.measurement.latency_s)
        verdict, note = judge(ratio, limit), _advice((base, new))
        if verdict is not Verdict.SAME:
            doubts = list(_unsteady(base, new, limit))
            doubts = doubts or list(_too_few(base, new, ratio, one_machine))
            doubts = doubts or list(_never_alone(off, limit))
            verdict, note = (Verdict.AMBIGUOUS, "; ".join(doubts)) if doubts else (verdict, note)
        if verdict is Verdict.AMBIGUOUS and not note:
            note = "more --rounds would narrow the interval"
    return Comparison(
        cell=cell,
        verdict=verdict,
        base_s=base.measurement.latency_s,
        new_s=new.measurement.latency_s,
        ratio=ratio,
        machine=machine,
        threshold=threshold,
        note=note,
        loads=(base.load, new.load),
    )


def _unsteady(base: Record, new: Record, limit: float) -> Iterator[str]:
    """Yield why the rounds of either run describe no single time, and what to do about it."""
    for side, record in (("base", base), ("new", new)):
        measured = record.measurement
        times = measured.latencies_s or [median(samples) for samples in measured.rounds]
        told = f"{', '.join(map(_milliseconds, times))} ms"
        advice = measured.advice or "use a quieter machine, or more --rounds"
        if two_states(times, limit):
            yield f"rounds of the {side} run are in two states ({told}): {advice}"
        elif "unstable" in (measured.quality, _quality(measured)):
            yield f"rounds of the {side} run are unstable ({told}): {advice}"


def _milliseconds(seconds: float) -> str:
    value = 1e3 * seconds
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _quality(measured: Measurement) -> str:
    """Rate again what an older version rated by another interval, and another program not."""
    unrated = not measured.latencies_s
    return "unstable" if unrated and median_of_rounds(measured.rounds).relative > UNSTABLE else ""


def _too_few(base: Record, new: Record, ratio: Interval, one_machine: bool) -> Iterator[str]:
    """Yield why so large a change may be another state of the machine."""
    one, other = (len(each.measurement.samples_per_round) for each in (base, new))
    far = not 1 / FAR_APART <= ratio.estimate <= FAR_APART
    if far and one + other < ENOUGH and not _same_state(base, new, one_machine):
        yield (
            f"{one} and {other} rounds do not tell so large a change from another state of the "
            f"machine: take {ENOUGH // 2} in both runs with --rounds {ENOUGH // 2}"
        )


def _same_state(base: Record, new: Record, one_machine: bool) -> bool:
    """Return whether the fixed work took the same time beside all rounds of one machine."""
    times = [each.measurement.yardsticks_s for each in (base, new)]
    groups = [[*times[0], *times[1]]] if one_machine else times
    return all(_equal_work(group) for group in groups)


def _equal_work(times: Sequence[float | None]) -> bool:
    known = [each for each in times if each]
    return len(known) == len(times) > 0 and max(known) <= _SAME_WORK * min(known)


def _ratio(base: Record, new: Record, *, one_machine: bool) -> tuple[Interval | None, float | None]:
    """Return the ratio, on one machine with the hull of both intervals, and the machine's own."""
    if min(len(each.measurement.samples_per_round) for each in (base, new)) < 2:
        return None, None
    if min(len(each.measurement.latencies_s) for each in (base, new)) > 1:
        return _ratio_of_latencies(base.measurement, new.measurement), None
    plain = ratio_of_rounds(base.measurement.rounds, new.measurement.rounds)
    yardsticks = [each.measurement.yardsticks_s for each in (base, new)]
    known = [[each for each in times if each] for times in yardsticks]
    if not all(known) or known != [list(times) for times in yardsticks]:
        return plain, None
    machine = median(known[1]) / median(known[0])
    if not one_machine:
        return plain, machine
    paired = ratio_of_rounds(*(_in_units(each) for each in (base, new)))
    hull = Interval(plain.estimate, min(plain.low, paired.low), max(plain.high, paired.high))
    return hull, machine


def _ratio_of_latencies(base: Measurement, new: Measurement) -> Interval:
    """Return the ratio of latencies, which know the machine's moods; the interval is of rounds."""
    rounds = ([[each] for each in side.latencies_s] for side in (base, new))
    found, ratio = ratio_of_rounds(*rounds), new.latency_s / base.latency_s
    off = ratio / found.estimate
    return Interval(ratio, off * found.low, off * found.high)


def _between_floors(cell: Cell, before: _Side, after: _Side) -> float:
    """Return what a ratio is multiplied by where both runs have one least time of the fixed work.

    A machine has one; where the runs found two, one of them never saw the machine left alone.
    """
    least: list[float] = []
    power: list[float] = []
    for side in (before, after):
        floor, rounds = side.floor(cell), side.rounds.get(cell, ())
        if floor is None or not rounds or not side.times[cell].measurement.latencies_s:
            return 1.0
        least.append(floor)
        power.append(followed(rounds))
    base, new = (math.pow(min(least) / each, part) for each, part in zip(least, power, strict=True))
    return new / base


def _never_alone(off: float, limit: float) -> Iterator[str]:
    """Yield that one run never saw the machine left alone, where that alone may be the change."""
    if not 1 / (1 + limit) <= off <= 1 + limit:
        side = "new" if off < 1 else "base"
        yield (
            f"the machine was never left alone in the {side} run, by the fixed work beside its "
            "samples: repeat it on a quieter machine"
        )


def _in_units(record: Record) -> list[list[float]]:
    """Return the rounds, each in units of the work beside it."""
    pairs = zip(record.measurement.rounds, record.measurement.yardsticks_s, strict=True)
    return [[sample / yardstick for sample in samples] for samples, yardstick in pairs if yardstick]


def _advice(records: Iterable[Record]) -> str:
    advices = (each.measurement.advice for each in records)
    return "; ".join(dict.fromkeys(each for each in advices if each))
