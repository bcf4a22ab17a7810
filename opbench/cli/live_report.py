"""The findings of ``opbench compare`` of targets, for people and for machines."""

from __future__ import annotations

from opbench.cli.columns import Column, integer, scaled
from opbench.cli.compare_report import FINDINGS, NOTE, TITLE, CompareFormat, Verdicts, for_people
from opbench.cli.render import Format, render
from opbench.live.comparison import LiveComparison
from opbench.metrics import METRICS
from opbench.reports.github import github
from opbench.reports.junit import junit


def _both(title: str, key: str, factor: float, digits: int) -> Column:
    """Return the column of what base and new cost."""
    show = scaled(factor, digits)
    return Column(
        key=f"base_{key}",
        also=(f"new_{key}",),
        title=title,
        show=lambda base, new: f"{show(base) or '-'} to {show(new) or '-'}" if base or new else "",
        right=True,
    )


def _off(base: float | None, new: float | None) -> str:
    if not base and not new:
        return ""
    return " to ".join("-" if each is None else f"{each:.1e}" for each in (base, new))


_COLUMNS = (
    Column(key="base", title="base", keep=True),
    Column(key="new", title="new", keep=True),
    *FINDINGS,
    Column(key="pairs", title="pairs", show=integer, right=True),
    _both("peak MiB", "memory_bytes", METRICS["peak_memory_bytes"].scale, 1),
    _both("start-up s", "start_up_s", 1.0, 2),
    _both("conversion s", "conversion_s", 1.0, 1),
    _both("MB on disk", "artefact_bytes", 1e-6, 1),
    Column(
        key="base_output_error",
        also=("new_output_error",),
        title="outputs off by",
        show=_off,
        right=True,
        caption="Outputs are off by so much of the largest output of eager float32.",
    ),
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
