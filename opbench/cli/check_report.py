"""Report what ``opbench check`` found, for people and for machines, on stdout and in files."""

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
from opbench.lock.verdict import CheckedTarget, Status
from opbench.record import TOTALS
from opbench.reports import Outcome
from opbench.reports.github import github
from opbench.reports.junit import junit
from opbench.reports.sarif import sarif

TITLE = "opbench check"
_SHOWN = 10  # changes of one target that people are shown; files for machines have all


class CheckFormat(StrEnum):
    """Formats of a report of ``opbench check``."""

    text = "text"
    table = "table"
    json = "json"
    csv = "csv"
    markdown = "markdown"
    github = "github"
    junit = "junit"
    sarif = "sarif"


_SUFFIXES = {
    ".txt": CheckFormat.text,
    ".json": CheckFormat.json,
    ".csv": CheckFormat.csv,
    ".md": CheckFormat.markdown,
    ".xml": CheckFormat.junit,
    ".sarif": CheckFormat.sarif,
}
READ_BY_PEOPLE = (CheckFormat.text, CheckFormat.table, CheckFormat.markdown)
_MEANINGS: dict[str, str] = {
    Status.EQUAL: "Every count is as locked.",
    Status.MOVED: "The totals are as locked, but modules or shapes changed.",
    Status.HEAVIER: "The network became heavier than its lock.",
    Status.LIGHTER: "The network became lighter than its lock.",
    Status.NEW: "The network is missing from the lock.",
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
class CheckReport:
    """Checked targets, with the lock's file and the root of the project."""

    checked: Sequence[CheckedTarget]
    lock: Path
    root: Path

    @property
    def summary(self) -> str:
        """``80 networks: 78 equal, 1 heavier, 1 new``."""
        return summarise("network", [each.status for each in self.checked], Status)

    def render(self, format: CheckFormat) -> str:
        """Render the report in one format."""
        match format:
            case CheckFormat.text | CheckFormat.table:
                return self._text()
            case CheckFormat.markdown:
                return self._markdown()
            case CheckFormat.github:
                return github(self._outcomes(shown=_SHOWN), title=TITLE)
            case CheckFormat.junit:
                return junit(self._outcomes(), title=TITLE)
            case CheckFormat.sarif:
                return sarif(self._outcomes(), title=TITLE, statuses=_MEANINGS)
        return _rows(self.checked, Format(format))

    def _outcomes(self, *, shown: int | None = None) -> list[Outcome]:
        return check_outcomes(self.checked, self.lock, self.root, shown)

    @property
    def _changed(self) -> list[CheckedTarget]:
        return [each for each in self.checked if each.status is not Status.EQUAL]

    def _text(self) -> str:
        parts = [_rows(self._changed, Format.table)] if self._changed else []
        for each in self._changed:
            parts.append("\n  ".join((each.sentence, *first(each.why, _SHOWN))) + "\n")
        return "\n".join([*parts, f"{self.summary}\n"])

    def _markdown(self) -> str:
        failures = sum(not each.ok for each in self.checked)
        verdict = f"{failures} of {len(self.checked)} fail" if failures else "passes"
        parts = [f"### {TITLE}: {verdict}\n", f"{self.summary}\n"]
        if self._changed:
            parts.append(_rows(self._changed, Format.markdown))
        for each in self._changed:
            bullets = "\n".join(f"- {line}" for line in first(each.why, _SHOWN))
            parts.append(f"{each.sentence}\n\n{bullets}".strip() + "\n")
        return "\n".join(parts)


def parse_output(text: str) -> tuple[CheckFormat, Path]:
    """Read the format and the file of ``"junit:out/report.xml"`` or ``"report.md"``.

    Raises ``BadValueError`` when neither a format in front nor the suffix says which.
    """
    head, colon, rest = text.partition(":")
    if colon and head in {str(each) for each in CheckFormat}:
        return CheckFormat(head), Path(rest)
    path = Path(text)
    if path.suffix not in _SUFFIXES:
        raise BadValueError(
            f"--output {text!r} does not say which format: use the suffix "
            f"{', '.join(_SUFFIXES)}, or put one of {', '.join(CheckFormat)} and a colon in front"
        )
    return _SUFFIXES[path.suffix], path


def append_step_summary(report: CheckReport) -> None:
    """Append to the page of the workflow run, where GitHub Actions offers one."""
    page = os.environ.get("GITHUB_STEP_SUMMARY")
    if not page:
        return
    try:
        with Appender(Path(page)) as file:
            file.append(report.render(CheckFormat.markdown).encode())
    except BadFileError as error:
        say(f"warning: no step summary: {error}")


def _rows(checked: Sequence[CheckedTarget], format: Format) -> str:
    return render([_row(each) for each in checked], format, _COLUMNS, plain=True)


def _row(target: CheckedTarget) -> dict[str, Any]:
    locked, now = target.locked, target.now
    row: dict[str, Any] = {
        "name": target.name,
        "status": str(target.status),
        "ok": target.ok,
        "input_size": str(now.input_size) if now else None,
        "locked_input_size": str(locked.input_size) if locked else None,
    }
    for metric in TOTALS:
        row[metric] = getattr(now, metric, None)
        row[f"locked_{metric}"] = getattr(locked, metric, None)
    row["uncounted"] = list(now.uncounted) if now else []
    return row | {"note": target.note, "why": "; ".join(target.why)}
