"""The findings of ``opbench compare`` of evaluations, for people and for machines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from opbench.accuracy.measured.paired import AccuracyVerdict, PairedComparison, points
from opbench.cli.columns import Column, integer, scaled
from opbench.cli.compare_report import NOTE, TITLE, CompareFormat, for_people
from opbench.cli.render import Format, render, summarise
from opbench.reports import Level, Outcome
from opbench.reports.github import github
from opbench.reports.junit import junit


def _difference(value: float, low: float, high: float) -> str:
    return f"{points(value)} ({points(low)} to {points(high)})"


def _p_value(value: float) -> str:
    return "<0.0001" if value < 1e-4 else f"{value:.2g}"


_PERCENT = scaled(1, 2)
_COLUMNS = (
    Column(key="base", title="base", keep=True),
    Column(key="new", title="new", keep=True),
    Column(key="verdict", title="verdict", keep=True),
    Column(
        key="difference",
        also=("low", "high"),
        title="points (95 %)",
        show=_difference,
        right=True,
    ),
    Column(key="p_adjusted", title="p", show=_p_value, right=True),
    Column(key="base_top1", title="base top-1 %", show=_PERCENT, right=True),
    Column(key="new_top1", title="new top-1 %", show=_PERCENT, right=True),
    Column(key="only_base_right", title="only base right", show=integer, right=True),
    Column(key="only_new_right", title="only new right", show=integer, right=True),
    NOTE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedReport:
    """Comparisons of evaluations with the first of them.

    at_most: the points that may be lost, None where a loss that is WORSE fails.
    strict: a comparison that does not tell fails as well.
    """

    comparisons: Sequence[PairedComparison]
    strict: bool
    at_most: float | None = None

    @property
    def fails(self) -> bool:
        """Return whether any comparison fails."""
        return any(self._fails(each) for each in self.comparisons)

    @property
    def summary(self) -> str:
        """``2 comparisons: 1 WORSE, 1 SAME``, and how many lost too much."""
        verdicts = [each.verdict for each in self.comparisons]
        return "; ".join([summarise("comparison", verdicts, AccuracyVerdict), *self._lost()])

    def render(self, format: CompareFormat) -> str:
        """Render the comparisons in one format."""
        rows = [each.to_json() for each in self.comparisons]
        match format:
            case CompareFormat.github:
                return github(self._outcomes(), title=TITLE)
            case CompareFormat.junit:
                return junit(self._outcomes(), title=TITLE)
            case CompareFormat.json | CompareFormat.csv:
                return render(rows, Format(format))
        return for_people(rows, format, _COLUMNS, " ".join(self._caption()))

    def _fails(self, each: PairedComparison) -> bool:
        if self.at_most is None:
            doubtful = each.verdict is AccuracyVerdict.AMBIGUOUS
            return each.verdict is AccuracyVerdict.WORSE or (self.strict and doubtful)
        if self.strict:
            return each.may_lose(self.at_most)
        return each.surely_loses(self.at_most)

    def _lost(self) -> Iterator[str]:
        """Yield in how many comparisons more is lost than may be, surely or perhaps."""
        if (most := self.at_most) is None:
            return
        surely = sum(each.surely_loses(most) for each in self.comparisons)
        perhaps = sum(each.may_lose(most) for each in self.comparisons) - surely
        yield f"more than {most:g} points lost in {surely}, perhaps in {perhaps}"

    def _outcomes(self) -> list[Outcome]:
        return [
            Outcome(
                name=each.name,
                status=str(each.verdict),
                level=self._level(each),
                summary=each.sentence,
                details=(each.note,) if each.note else (),
            )
            for each in self.comparisons
        ]

    def _level(self, each: PairedComparison) -> Level:
        if self._fails(each):
            return Level.FAIL
        return Level.PASS if each.verdict is AccuracyVerdict.SAME else Level.NOTE

    def _caption(self) -> Iterator[str]:
        images, limit = self.comparisons[0].images, self.comparisons[0].threshold
        yield (
            f"New minus base in points of top-1 on the same {images:,} images, with Tango's 95 % "
            "interval; p of the exact McNemar test."
        )
        if len(self.comparisons) > 1:
            yield (
                f"The intervals hold for all {len(self.comparisons)} together (Bonferroni), and p "
                "is corrected for as many tests (Holm)."
            )
        yield f"WORSE and BETTER: a real difference that may exceed {limit:g} points."
