"""The findings of ``opbench compare`` of targets, for people and for machines."""

from __future__ import annotations

from opbench.cli.columns import Column, integer
from opbench.cli.compare_report import FINDINGS, NOTE, TITLE, CompareFormat, Verdicts, for_people
from opbench.cli.render import Format, render
from opbench.live.comparison import LiveComparison
from opbench.reports.github import github
from opbench.reports.junit import junit

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


class LiveReport(Verdicts[LiveComparison]):
    """Comparisons of targets."""

    what = "comparison"

    def render(self, format: CompareFormat) -> str:
        """Render the comparisons in one format."""
        rows = [each.to_json() for each in self.comparisons]
        match format:
            case CompareFormat.github:
                return github(self.outcomes(self.comparisons), title=TITLE)
            case CompareFormat.junit:
                return junit(self.outcomes(self.comparisons), title=TITLE)
            case CompareFormat.json | CompareFormat.csv:
                return render(rows, Format(format))
        return for_people(rows, format, _COLUMNS, self._caption)

    @property
    def _caption(self) -> str:
        timed = " and ".join({_TIMED[each.metric]: None for each in self.comparisons})
        return (
            f"New over base of {timed}, in turns, with the 95 % interval over pairs of fresh "
            "processes. SLOWER and FASTER: a real change that may exceed the threshold."
        )
