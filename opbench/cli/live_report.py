"""The findings of ``opbench compare`` of targets, for people and for machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opbench.cli.columns import Column, integer
from opbench.cli.compare_report import FINDINGS, NOTE, TITLE, CompareFormat, level_of
from opbench.cli.render import Format, render, summarise
from opbench.escapes import markdown
from opbench.live.comparison import LiveComparison
from opbench.reports import Level, Outcome
from opbench.reports.github import github
from opbench.reports.junit import junit
from opbench.runs.compare import Verdict

_COLUMNS = (
    Column(key="base", title="base", keep=True),
    Column(key="new", title="new", keep=True),
    *FINDINGS,
    Column(key="pairs", title="pairs", show=integer, right=True),
    Column(key="input_size", title="input"),
    Column(key="batch_size", title="batch", right=True),
    Column(key="device", title="device"),
    NOTE,
)
_TIMED = {
    "latency_s": "the time that a caller waits",
    "device_s": "the GPU's time, launches hidden",
    "processor_s": "the processor seconds of the calling thread",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveReport:
    """Comparisons of targets.  ``strict``: AMBIGUOUS fails."""

    comparisons: Sequence[LiveComparison]
    strict: bool

    @property
    def fails(self) -> bool:
        """Return whether any comparison fails."""
        return any(self._level(each) is Level.FAIL for each in self.comparisons)

    @property
    def summary(self) -> str:
        """``1 comparison: 1 SLOWER``."""
        return summarise("comparison", [each.verdict for each in self.comparisons], Verdict)

    def render(self, format: CompareFormat) -> str:
        """Render the comparisons in one format."""
        rows = [each.to_json() for each in self.comparisons]
        match format:
            case CompareFormat.github:
                return github(self._outcomes, title=TITLE)
            case CompareFormat.junit:
                return junit(self._outcomes, title=TITLE)
            case CompareFormat.json | CompareFormat.csv:
                return render(rows, Format(format))
        text = render(rows, Format(format), _COLUMNS, caption=self._caption)
        return text if format is CompareFormat.table else f"{text}\n{markdown(self._caption)}\n"

    @property
    def _caption(self) -> str:
        timed = " and ".join({_TIMED[each.metric]: None for each in self.comparisons})
        return (
            f"New over base of {timed}, in turns, with the 95 % interval over pairs of fresh "
            "processes."
        )

    @property
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

    def _level(self, comparison: LiveComparison) -> Level:
        return level_of(comparison.verdict, strict=self.strict)
