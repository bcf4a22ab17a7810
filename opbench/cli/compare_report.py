"""The findings of ``opbench compare``, for people and for machines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Generic, TypeVar

from opbench.cli.cells import cell_columns
from opbench.cli.columns import Column, significant
from opbench.cli.render import Format, plural, render, summarise
from opbench.escapes import markdown
from opbench.metrics import METRICS
from opbench.reports import Level, Outcome
from opbench.reports.github import github
from opbench.reports.junit import junit
from opbench.runs.compare import Comparison
from opbench.runs.store import RunFile
from opbench.runs.verdict import Judged, Verdict, change

TITLE = "opbench compare"

J = TypeVar("J", bound=Judged)


class CompareFormat(StrEnum):
    """Formats of a report of ``opbench compare``."""

    table = "table"
    json = "json"
    csv = "csv"
    markdown = "markdown"
    github = "github"
    junit = "junit"


_FAILING = (Verdict.SLOWER, Verdict.FAILED)
# Cells of which only one run knows.
_ONE_SIDED = (Verdict.NEW, Verdict.GONE)


def _change(ratio: float | None, low: float | None, high: float | None) -> str:
    if ratio is None or low is None or high is None:
        return ""
    return f"{change(ratio)} ({change(low)} to {change(high)})"


_LATENCY = METRICS["latency_s"]
_SHOW = significant(_LATENCY.scale)
# Columns leave a narrow terminal from the right: the settings of the cells follow these.
FINDINGS = (
    Column(key="verdict", title="verdict", keep=True),
    Column(
        key="ratio",
        also=("ratio_low", "ratio_high"),
        title="change (95 %)",
        show=_change,
        right=True,
    ),
    Column(key="base_s", title=f"base {_LATENCY.unit}", show=_SHOW, right=True),
    Column(key="new_s", title=f"new {_LATENCY.unit}", show=_SHOW, right=True),
)
NOTE = Column(key="note", title="", note=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts(Generic[J]):
    """The verdicts of one command.  ``strict``: AMBIGUOUS fails."""

    what: ClassVar[str]
    comparisons: Sequence[J]
    strict: bool

    @property
    def fails(self) -> bool:
        """Return whether any comparison fails."""
        return any(self._level(each.verdict) is Level.FAIL for each in self.comparisons)

    @property
    def summary(self) -> str:
        """``12 cells: 1 SLOWER, 11 SAME``."""
        return summarise(self.what, [each.verdict for each in self.comparisons], Verdict)

    def outcomes(self, comparisons: Iterable[J]) -> list[Outcome]:
        """Return some of the comparisons as reports of checks have them."""
        return [
            Outcome(
                name=each.name,
                status=str(each.verdict),
                level=self._level(each.verdict),
                summary=each.sentence,
                details=(each.note,) if each.note else (),
            )
            for each in comparisons
        ]

    def _level(self, verdict: Verdict) -> Level:
        if verdict in (*_FAILING, *[Verdict.AMBIGUOUS] * self.strict):
            return Level.FAIL
        return Level.PASS if verdict is Verdict.SAME else Level.NOTE


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareReport(Verdicts[Comparison]):
    """Comparisons of two runs.  ``differing``: facts that differ."""

    what = "cell"
    base: RunFile
    new: RunFile
    differing: Mapping[str, tuple[Any, Any]]

    def render(self, format: CompareFormat) -> str:
        """Render the comparisons in one format.

        What only one of the runs has is in every row of JSON, CSV and JUnit, and for people one
        sentence of numbers.
        """
        match format:
            case CompareFormat.github:
                return github(self.outcomes(self._in_both), title=TITLE)
            case CompareFormat.junit:
                return junit(self.outcomes(self.comparisons), title=TITLE)
            case CompareFormat.json:
                return render([each.to_json() for each in self.comparisons], Format.json)
            case CompareFormat.csv:
                return render(_rows(self.comparisons), Format.csv)
        rows = _rows(self._in_both)
        vary, same = cell_columns(rows)
        columns = [*vary, *FINDINGS, *same, NOTE]
        return for_people(rows, format, columns, self._caption)

    @property
    def _in_both(self) -> list[Comparison]:
        return [each for each in self.comparisons if each.verdict not in _ONE_SIDED]

    @property
    def _caption(self) -> str:
        sentences = [
            f"Base {self.base.path.stem}, new {self.new.path.stem}.",
            *map(self._alone, (Verdict.NEW, Verdict.GONE)),
            *self._changed(),
        ]
        return " ".join(filter(None, [*sentences, *self._across()]))

    def _changed(self) -> Iterator[str]:
        """Name each network whose counts differ between the runs, with those of one cell."""
        changes = {each.cell.name: each.changes for each in self.comparisons[::-1] if each.changes}
        for name, told in reversed(changes.items()):
            yield f"{name} was changed: {told}."

    def _across(self) -> Iterator[str]:
        """Name the facts that differ, and those that only one of the runs records."""
        one_sided = [name for name, values in self.differing.items() if None in values]
        differ = [name for name in self.differing if name not in one_sided]
        if differ:
            yield f"Across environments: {', '.join(differ)} differ."
        if one_sided:
            yield f"Only one of the runs records {', '.join(one_sided)}."

    def _alone(self, verdict: Verdict) -> str:
        """Count the cells that only one of the runs has."""
        cells = plural(sum(each.verdict is verdict for each in self.comparisons), "cell")
        side = "new" if verdict is Verdict.NEW else "base"
        return "" if cells.startswith("0 ") else f"{cells} only in the {side} run ({verdict})."


def for_people(
    rows: Sequence[Mapping[str, Any]],
    format: CompareFormat,
    columns: Sequence[Column],
    caption: str,
) -> str:
    """Render a table of the terminal, or one of Markdown with its caption below."""
    told = render(rows, Format(format), columns, caption=caption)
    return told if format is CompareFormat.table else f"{told}\n{markdown(caption)}\n"


def _rows(comparisons: Iterable[Comparison]) -> list[dict[str, Any]]:
    """Return rows for people, the worst verdict first."""
    order = list(Verdict)
    ordered = sorted(comparisons, key=lambda each: order.index(each.verdict))
    return [each.to_json() for each in ordered]
