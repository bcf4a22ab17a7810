"""One live comparison as it is told: verdict, ratio, interval, and what to do about a doubt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opbench.intervals import median
from opbench.live.lines import SIDES, Compared, ComparedSide, ComparedSides, Metric, PairLine
from opbench.live.verdict import PAIRS, Clock, clock_of, judge_turns, median_s, ratio_of
from opbench.record import Cell
from opbench.runs.verdict import Judged, Verdict, judge
from opbench.settings import Threshold, threshold_for

# Cores that others keep busy, from which on they are to blame.
_BUSY_CORES = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveComparison(Judged):
    """One comparison.  ``ratio`` is None where fewer than two pairs were timed.

    ``metric``: the header's, or "processor_s" where other programs kept the cores busy.
    ``costs``: of both sides, by key: memory, start-up, conversion, bytes on disk, output error.
    """

    base: ComparedSide
    new: ComparedSide
    metric: str
    pairs: int = 0
    costs: Mapping[str, float | None] = field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, str]:
        """The names of base and new, each with the settings in which they differ."""
        return _label(self.base, self.new), _label(self.new, self.base)

    @property
    def name(self) -> str:
        """Both sides in a few words."""
        return _in_words(*self.labels)

    @property
    def rule(self) -> str:
        """The threshold, in words."""
        usual = f"where {self.threshold} does not matter"
        if (
            self.verdict not in (Verdict.SLOWER, Verdict.FASTER)
            or not self.ratio
            or not self.base_s
        ):
            return usual
        surely = judge(self.ratio, self.threshold.of(self.base_s)) is self.verdict
        return usual if surely else f"a real change that may exceed {self.threshold}"

    def to_json(self) -> dict[str, Any]:
        """Return a flat JSON object."""
        base, new = self.labels
        sides = {"base": base, "new": new, "metric": self.metric}
        judged = Judged.to_json(self)
        return {**self.new.cell.to_json(), **sides, **judged, "pairs": self.pairs, **self.costs}


def names(sides: ComparedSides) -> str:
    """Name both sides in a few words."""
    return _in_words(_label(sides.base, sides.new), _label(sides.new, sides.base))


def _in_words(base: str, new: str) -> str:
    return f"{new} against {base if base != new else 'itself'}"


def told(
    compared: Compared, metric: Metric, thresholds: Sequence[Threshold] = ()
) -> LiveComparison:
    """Judge one comparison, by its own threshold unless ``thresholds`` are given."""
    sides, pairs = compared.sides, compared.pairs
    limit = threshold_for(sides.new.cell.name, thresholds) if thresholds else sides.limit
    timed = [pair for pair in pairs if pair.base_s and pair.new_s]
    clock = clock_of(timed)
    verdict, note, ratio = Verdict.AMBIGUOUS, "", ratio_of(timed, clock)
    seconds = [median_s(timed, side, clock) if timed else None for side in SIDES]
    if compared.failure:
        verdict = Verdict.NEW if compared.failure.absent else Verdict.FAILED
        note, ratio = f"{compared.failure.side}: {compared.failure.reason}", None
    elif seconds[0]:
        verdict = judge_turns(ratio, limit.of(seconds[0]))
        note = "; ".join(_notes(timed, clock, verdict))
    return LiveComparison(
        base=sides.base,
        new=sides.new,
        metric="processor_s" if clock == "processor" else metric,
        verdict=verdict,
        base_s=seconds[0],
        new_s=seconds[1],
        ratio=ratio,
        pairs=len(timed),
        threshold=limit,
        note=note,
        costs=dict(_costs(compared)),
    )


def _costs(compared: Compared) -> Iterator[tuple[str, float | None]]:
    """Yield what each side costs beside its passes: medians over pairs, or of its artefact."""
    # In the first pair what is made of a network is not loaded, but made.
    later = compared.pairs[1:] or compared.pairs
    for side in SIDES:
        for key in ("memory_bytes", "start_up_s"):
            known = [each for pair in later if (each := getattr(pair, f"{side}_{key}")) is not None]
            yield f"{side}_{key}", median(known) if known else None
    for side in SIDES:
        artefact = compared.artefacts.get(side)
        for key in ("conversion_s", "artefact_bytes", "output_error"):
            yield f"{side}_{key}", getattr(artefact, key) if artefact else None


def _notes(pairs: Sequence[PairLine], clock: Clock, verdict: Verdict) -> Iterator[str]:
    """Yield what disturbed the pairs, which clock decided, and what would tell more."""
    doubt = verdict is Verdict.AMBIGUOUS
    if doubt or clock == "processor":
        yield from _busy(pairs)
    if clock == "processor":
        yield "so processor seconds of the calling thread were compared, not the time of a pass"
    if doubt:
        few = f"only {len(pairs)} of {PAIRS} pairs fitted into the time: " * (len(pairs) < PAIRS)
        yield f"{few}give it a larger --max-seconds"


def _busy(pairs: Sequence[PairLine]) -> Iterator[str]:
    kinds = (
        ("others_cores", "other programs kept {:.1f} cores busy"),
        ("stolen_cores", "other virtual machines took {:.1f} cores"),
    )
    for key, told in kinds:
        known = [cores for pair in pairs if (cores := getattr(pair, key)) is not None]
        if known and (cores := median(known)) > _BUSY_CORES:
            yield told.format(cores)


def _label(side: ComparedSide, other: ComparedSide) -> str:
    """Name a side, with the settings in which another of its name differs."""
    both = zip(_settings(side.cell), _settings(other.cell), strict=True)
    same_name = side.cell.name == other.cell.name
    differing = [one for one, two in both if same_name and one != two]
    commit = [f"at {side.commit}"] if side.commit else []
    return " ".join([side.cell.name, *filter(None, differing), *commit])


def _settings(cell: Cell) -> Iterator[str]:
    yield cell.inputs or str(cell.input_size)
    yield f"batch {cell.batch_size}"
    yield from (cell.device, cell.dtype, cell.memory_format, cell.execution, cell.pass_)
    yield f"{cell.threads} thread{'s' * (cell.threads > 1)}" if cell.threads else ""
