"""The findings of ``opbench check``, for people and for machines, on stdout and in files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from opbench.cli.check_outcomes import check_outcomes, first
from opbench.cli.render import Column, Format, integer, render, say, summarise
from opbench.errors import BadFileError, BadValueError
from opbench.files import Appender
from opbench.lock.verdict import Finding, Status
from opbench.record import TOTALS
from opbench.reports import Outcome
from opbench.reports.github import github
from opbench.reports.junit import junit
from opbench.reports.sarif import sarif

TITLE = "opbench check"
_SHOWN = 10  # changes of one target that people are shown; files for machines have all


class ReportFormat(StrEnum):
    """Formats of findings."""

    text = "text"
    table = "table"
    json = "json"
    csv = "csv"
    markdown = "markdown"
    github = "github"
    junit = "junit"
    sarif = "sarif"


_SUFFIXES = {
    ".txt": ReportFormat.text,
    ".json": ReportFormat.json,
    ".csv": ReportFormat.csv,
    ".md": ReportFormat.markdown,
    ".xml": ReportFormat.junit,
    ".sarif": ReportFormat.sarif,
}
READ_BY_PEOPLE = (ReportFormat.text, ReportFormat.table, ReportFormat.markdown)
_MEANINGS: dict[str, str] = {
    Status.EQUAL: "Every count is as locked.",
    Status.MOVED: "The totals are as locked, other modules or shapes make them up.",
    Status.HEAVIER: "The network became heavier than its lock.",
    Status.LIGHTER: "The network became lighter than its lock.",
    Status.NEW: "The lock should hold this network and does not.",
    Status.GONE: "The lock holds a network that does not exist.",
    Status.CANNOT_COUNT: "The network cannot be counted.",
}
_COLUMNS = (
    Column(key="name", title="name"),
    Column(key="status", title="status"),
    Column(key="ok", title="check", show=lambda ok: "passes" if ok else "fails"),
    Column(key="locked_params", title="params locked", show=integer, right=True),
    Column(key="params", title="params now", show=integer, right=True),
    Column(key="locked_macs", title="MACs locked", show=integer, right=True),
    Column(key="macs", title="MACs now", show=integer, right=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Findings, and where they can be looked at: ``lock`` is the file, ``root`` the project."""

    findings: Sequence[Finding]
    lock: Path
    root: Path

    @property
    def summary(self) -> str:
        """``80 networks: 78 equal, 1 heavier, 1 new``."""
        return summarise("network", [each.status for each in self.findings], Status)

    def render(self, format: ReportFormat) -> str:
        """Render the findings in one format."""
        match format:
            case ReportFormat.text | ReportFormat.table:
                return self._text()
            case ReportFormat.markdown:
                return self._markdown()
            case ReportFormat.github:
                return github(self._outcomes(shown=_SHOWN), title=TITLE)
            case ReportFormat.junit:
                return junit(self._outcomes(), title=TITLE)
            case ReportFormat.sarif:
                return sarif(self._outcomes(), title=TITLE, statuses=_MEANINGS)
        return _rows(self.findings, Format(format))

    def _outcomes(self, *, shown: int | None = None) -> list[Outcome]:
        return check_outcomes(self.findings, self.lock, self.root, shown)

    @property
    def _changed(self) -> list[Finding]:
        return [each for each in self.findings if each.status is not Status.EQUAL]

    def _text(self) -> str:
        parts = [_rows(self._changed, Format.table)] if self._changed else []
        for each in self._changed:
            parts.append("\n  ".join((each.sentence, *first(each.why, _SHOWN))) + "\n")
        return "\n".join([*parts, f"{self.summary}\n"])

    def _markdown(self) -> str:
        failures = sum(not each.ok for each in self.findings)
        verdict = f"{failures} of {len(self.findings)} fail" if failures else "passes"
        parts = [f"### {TITLE}: {verdict}\n", f"{self.summary}\n"]
        if self._changed:
            parts.append(_rows(self._changed, Format.markdown))
        for each in self._changed:
            bullets = "\n".join(f"- {line}" for line in first(each.why, _SHOWN))
            parts.append(f"{each.sentence}\n\n{bullets}".strip() + "\n")
        return "\n".join(parts)


def parse_output(text: str) -> tuple[ReportFormat, Path]:
    """Read the format and the file of ``"junit:out/report.xml"`` or ``"report.md"``.

    Raises ``BadValueError`` when neither a format in front nor the suffix says which.
    """
    head, colon, rest = text.partition(":")
    if colon and head in {str(each) for each in ReportFormat}:
        return ReportFormat(head), Path(rest)
    path = Path(text)
    if path.suffix not in _SUFFIXES:
        raise BadValueError(
            f"--output {text!r} does not say which format: end it with "
            f"{', '.join(_SUFFIXES)}, or put one of {', '.join(ReportFormat)} and a colon in front"
        )
    return _SUFFIXES[path.suffix], path


def append_step_summary(report: Report) -> None:
    """Append to the page of the workflow run, where GitHub Actions offers one."""
    page = os.environ.get("GITHUB_STEP_SUMMARY")
    if not page:
        return
    try:
        with Appender(Path(page)) as file:
            file.append(report.render(ReportFormat.markdown).encode())
    except BadFileError as error:
        say(f"warning: no step summary: {error}")


def _rows(findings: Sequence[Finding], format: Format) -> str:
    return render([_row(each) for each in findings], format, _COLUMNS, plain=True)


def _row(finding: Finding) -> dict[str, Any]:
    locked, now = finding.locked, finding.now
    row: dict[str, Any] = {
        "name": finding.name,
        "status": str(finding.status),
        "ok": finding.ok,
        "input_size": str(now.input_size) if now else None,
        "locked_input_size": str(locked.input_size) if locked else None,
    }
    for metric in TOTALS:
        row[metric] = getattr(now, metric, None)
        row[f"locked_{metric}"] = getattr(locked, metric, None)
    row["uncounted"] = list(now.uncounted) if now else []
    return row | {"note": finding.note, "why": "; ".join(finding.why)}
