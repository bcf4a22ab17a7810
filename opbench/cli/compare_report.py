"""The findings of ``opbench compare``, for people and for machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from opbench.cli.render import Column, Format, metric_column, render, summarise, text
from opbench.reports import Level, Outcome
from opbench.reports.github import github
from opbench.reports.junit import junit
from opbench.runs.compare import Comparison, Verdict
from opbench.runs.store import RunFile

TITLE = "opbench compare"


class CompareFormat(StrEnum):
    """Formats of a report of ``opbench compare``."""

    table = "table"
    json = "json"
    csv = "csv"
    markdown = "markdown"
    github = "github"
    junit = "junit"


_FAILING = (Verdict.SLOWER, Verdict.FAILED)


def _change(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio - 1:+.1%}"


_COLUMNS = (
    Column(key="verdict", title="verdict"),
    Column(key="cell", title="cell"),
    metric_column("latency_s", 3, "base", key="base_s"),
    metric_column("latency_s", 3, "new", key="new_s"),
    Column(key="ratio", title="change", show=_change, right=True),
    Column(key="ratio_low", title="95 % from", show=_change, right=True),
    Column(key="ratio_high", title="to", show=_change, right=True),
    Column(key="note", title="", show=text),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareReport:
    """Comparisons of two runs.  ``strict``: AMBIGUOUS fails.  ``differing``: facts that differ."""

    comparisons: Sequence[Comparison]
    base: RunFile
    new: RunFile
    strict: bool
    differing: Mapping[str, tuple[Any, Any]]

    @property
    def fails(self) -> bool:
        """Return whether any comparison fails."""
        return any(self._level(each) is Level.FAIL for each in self.comparisons)

    @property
    def summary(self) -> str:
        """``12 cells: 1 SLOWER, 11 SAME``."""
        return summarise("cell", [each.verdict for each in self.comparisons], Verdict)

    def render(self, format: CompareFormat) -> str:
        """Render the comparisons in one format."""
        match format:
            case CompareFormat.github:
                return github(self._outcomes(), title=TITLE)
            case CompareFormat.junit:
                return junit(self._outcomes(), title=TITLE)
            case CompareFormat.json:
                return render([each.to_json() for each in self.comparisons], Format.json)
        rows = [{**each.to_json(), "cell": str(each.cell)} for each in self._by_verdict()]
        return render(rows, Format(format), _COLUMNS, caption=self._caption())

    def _by_verdict(self) -> list[Comparison]:
        order = list(Verdict)
        return sorted(self.comparisons, key=lambda each: order.index(each.verdict))

    def _caption(self) -> str:
        across = (
            f" Across environments: {', '.join(self.differing)} differ." if self.differing else ""
        )
        return f"{self.summary}; base {self.base.path.stem}, new {self.new.path.stem}.{across}"

    def _outcomes(self) -> list[Outcome]:
        return [
            Outcome(
                name=str(each.cell),
                status=str(each.verdict),
                level=self._level(each),
                summary=each.sentence,
                details=(each.note,) if each.note else (),
            )
            for each in self.comparisons
        ]

    def _level(self, comparison: Comparison) -> Level:
        failing = (*_FAILING, Verdict.AMBIGUOUS) if self.strict else _FAILING
        if comparison.verdict in failing:
            return Level.FAIL
        return Level.PASS if comparison.verdict is Verdict.SAME else Level.NOTE
