"""Two runs, cell by cell: which differences are real.

    SAME       the ratio's 95 % interval lies within the threshold: no difference that matters
    FASTER     it lies beyond the threshold on the one side: a real difference
    SLOWER     on the other
    AMBIGUOUS  it reaches over an end of the threshold: the runs cannot tell
    FAILED     measured before, and now it cannot be
    NEW, GONE  in one of the runs only

The interval comes from the medians of rounds (``opbench.statistics.ratio_of_rounds``): rounds are
fresh processes, whose differences are what another run would have shown as well.  The machine may
have become slower between the runs: beside each round the time of a fixed piece of work was taken,
and the interval reaches over both the ratio as it is and the ratio in units of that work.  Only
runs from equal environments are compared: between machines, a ratio says nothing of the code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from itertools import accumulate, pairwise
from typing import Any

from opbench.errors import BadFileError, BadValueError
from opbench.record import Cell, unequal_facts
from opbench.statistics import Interval, median, ratio_of_rounds
from opbench.store import Line, Run
from opbench.thresholds import Threshold, threshold_for


class Verdict(StrEnum):
    """What became of one cell."""

    SLOWER = "SLOWER"
    FAILED = "FAILED"
    AMBIGUOUS = "AMBIGUOUS"
    FASTER = "FASTER"
    SAME = "SAME"
    NEW = "NEW"
    GONE = "GONE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One cell in both runs.  ``ratio`` is new over base; None where one of them has no time.

    ``machine`` is the same for the fixed piece of work beside it: how much slower the machine was.
    """

    cell: Cell
    verdict: Verdict
    base_s: float | None = None
    new_s: float | None = None
    ratio: Interval | None = None
    machine: float | None = None
    threshold: Threshold = field(default_factory=Threshold)
    note: str = ""

    @property
    def sentence(self) -> str:
        """What a reader should know, in one sentence."""
        if self.ratio is None:
            return f"{self.cell}: {self.verdict}{f', {self.note}' if self.note else ''}."
        low, high = (f"{(end - 1):+.1%}" for end in (self.ratio.low, self.ratio.high))
        change = f"{self.ratio.estimate - 1:+.1%} ({low} to {high})"
        return f"{self.cell}: {self.verdict}, {change}, where {self.threshold} does not matter."

    def to_json(self) -> dict[str, Any]:
        """A flat JSON object."""
        ratio = self.ratio or Interval(None, None, None)  # type: ignore[arg-type]
        return {
            **asdict(self.cell),
            "verdict": str(self.verdict),
            "base_s": self.base_s,
            "new_s": self.new_s,
            "ratio": ratio.estimate,
            "ratio_low": ratio.low,
            "ratio_high": ratio.high,
            "machine": self.machine,
            "threshold": self.threshold.relative,
            "threshold_s": self.threshold.seconds,
            "note": self.note,
        }


def compare_runs(base: Run, new: Run, thresholds: Sequence[Threshold] = ()) -> list[Comparison]:
    """Every cell of either run, in the order of ``base``.

    Raises ``BadValueError`` where no cell is in both, ``BadFileError`` for a record that lacks
    something.
    """
    before, after = _records(base), _records(new)
    if not before.keys() & after.keys():
        raise BadValueError(
            f"{base.path} and {new.path} have no cell in common: nothing to compare"
        )
    failures = {Cell.from_json(line): line["reason"] for line in new.of_kind("failure")}
    return [
        _compare_cell(cell, before, after, failures, threshold_for(cell.name, thresholds))
        for cell in dict.fromkeys((*before, *after))
    ]


def unequal(base: Run, new: Run) -> dict[str, tuple[Any, Any]]:
    """The facts that keep the two runs from being compared, with their values."""
    one, other = (run.header.get("environment", {}) for run in (base, new))
    return {name: (one.get(name), other.get(name)) for name in unequal_facts(one, other)}


def judge(ratio: Interval, limit: float) -> Verdict:
    """The verdict on a ratio, where a change by the fraction ``limit`` does not matter."""
    if ratio.low > 1 + limit:
        return Verdict.SLOWER
    if ratio.high < 1 / (1 + limit):
        return Verdict.FASTER
    within = ratio.low >= 1 / (1 + limit) and ratio.high <= 1 + limit
    return Verdict.SAME if within else Verdict.AMBIGUOUS


def _compare_cell(
    cell: Cell,
    before: Mapping[Cell, Line],
    after: Mapping[Cell, Line],
    failures: Mapping[Cell, str],
    threshold: Threshold,
) -> Comparison:
    if cell not in before:
        return Comparison(cell=cell, verdict=Verdict.NEW, new_s=after[cell]["median_s"])
    base = before[cell]
    if cell not in after:
        verdict = Verdict.FAILED if cell in failures else Verdict.GONE
        note = failures.get(cell, "")
        return Comparison(cell=cell, verdict=verdict, base_s=base["median_s"], note=note)
    new = after[cell]
    ratio, machine = _ratio(base, new)
    return Comparison(
        cell=cell,
        verdict=judge(ratio, threshold.of(base["median_s"])),
        base_s=base["median_s"],
        new_s=new["median_s"],
        ratio=ratio,
        machine=machine,
        threshold=threshold,
        note=_doubts((base, new)),
    )


def _ratio(base: Line, new: Line) -> tuple[Interval, float | None]:
    """The ratio with the hull of both intervals, and the machine's own."""
    plain = ratio_of_rounds(_rounds(base), _rounds(new))
    sticks = [each.get("yardsticks_s", ()) for each in (base, new)]
    if not all(one and all(one) for one in sticks):
        return plain, None
    paired = ratio_of_rounds(*(_in_units(each) for each in (base, new)))
    hull = Interval(plain.estimate, min(plain.low, paired.low), max(plain.high, paired.high))
    return hull, median(sticks[1]) / median(sticks[0])


def _in_units(record: Line) -> list[list[float]]:
    """The rounds, each in units of the work beside it."""
    pairs = zip(_rounds(record), record["yardsticks_s"], strict=True)
    return [[sample / stick for sample in samples] for samples, stick in pairs]


def _doubts(records: Iterable[Line]) -> str:
    return "; ".join(dict.fromkeys(each["advice"] for each in records if each["advice"]))


def _records(run: Run) -> dict[Cell, Line]:
    try:
        return {Cell.from_json(line): _checked(line) for line in run.of_kind("record")}
    except (KeyError, ValueError) as error:
        raise BadFileError(f"{run.path}: a record lacks {error}: measure it again") from None


def _checked(line: Line) -> Line:
    missing = {"median_s", "samples_s", "samples_per_round", "advice"} - line.keys()
    if missing:
        raise KeyError(", ".join(sorted(missing)))
    if len(line["samples_per_round"]) < 2:
        raise ValueError("a second round")
    return line


def _rounds(record: Line) -> list[list[float]]:
    cuts = accumulate(record["samples_per_round"], initial=0)
    return [record["samples_s"][start:end] for start, end in pairwise(cuts)]
