"""What ``opbench check`` found, for people and for machines, on stdout and into files."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from enum import StrEnum
from io import StringIO
from pathlib import Path
from typing import Any

from opbench.cli.output import Column, Format, emit, integer, messages
from opbench.errors import BadFileError, BadValueError
from opbench.lock import line_of, load
from opbench.lock.verdict import Finding, Status
from opbench.record import TOTALS
from opbench.reports import Level, Outcome
from opbench.reports.github import github
from opbench.reports.junit import junit
from opbench.reports.sarif import sarif

TITLE = "opbench check"
_SHOWN = 10  # changes of one target that people are shown; files for machines have all


class ReportFormat(StrEnum):
    """How findings are reported."""

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
_MEANINGS = {
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
    """Findings and where they can be looked at: ``lock`` is the file, ``root`` the project."""

    findings: Sequence[Finding]
    lock: Path
    root: Path

    def write(self, format: ReportFormat) -> str:
        """The whole report in one format."""
        if format in (ReportFormat.text, ReportFormat.table):
            return self._text()
        if format in (ReportFormat.json, ReportFormat.csv):
            return _printed([_row(each) for each in self.findings], Format(format))
        if format is ReportFormat.markdown:
            return self._markdown()
        if format is ReportFormat.github:
            return github(self._outcomes(shown=_SHOWN), title=TITLE)
        if format is ReportFormat.junit:
            return junit(self._outcomes(), title=TITLE)
        statuses = {str(status): meaning for status, meaning in _MEANINGS.items()}
        return sarif(self._outcomes(), title=TITLE, statuses=statuses)

    @property
    def summary(self) -> str:
        """``80 networks: 78 equal, 1 heavier, 1 new``."""
        numbers = Counter(each.status for each in self.findings)
        said = ", ".join(f"{numbers[status]} {status}" for status in Status if numbers[status])
        plural = "" if len(self.findings) == 1 else "s"
        return f"{len(self.findings)} network{plural}: {said}"

    @property
    def _told(self) -> list[Finding]:
        return [each for each in self.findings if each.status is not Status.EQUAL]

    def _text(self) -> str:
        parts = []
        if self._told:
            parts.append(_printed([_row(each) for each in self._told], Format.table))
        for each in self._told:
            lines = (each.sentence, *_first(each.why, _SHOWN))
            parts.append("\n  ".join(lines) + "\n")
        return "\n".join([*parts, self.summary + "\n"])

    def _markdown(self) -> str:
        failures = sum(not each.ok for each in self.findings)
        verdict = f"{failures} of {len(self.findings)} fail" if failures else "passes"
        parts = [f"### {TITLE}: {verdict}\n", f"{self.summary}\n"]
        if self._told:
            parts.append(_printed([_row(each) for each in self._told], Format.markdown))
        for each in self._told:
            bullets = "\n".join(f"- {line}" for line in _first(each.why, _SHOWN))
            parts.append(f"{each.sentence}\n\n{bullets}".strip() + "\n")
        return "\n".join(parts)

    def _outcomes(self, *, shown: int | None = None) -> list[Outcome]:
        text = self._lock_text()
        return [self._outcome(each, text, shown) for each in self.findings]

    def _lock_text(self) -> str:
        """The lock to point into; with --against, what lies there now may be damaged or gone."""
        try:
            load(self.lock)
        except BadFileError:
            return "{}"
        return self.lock.read_text(encoding="utf-8")

    def _outcome(self, finding: Finding, lock_text: str, shown: int | None) -> Outcome:
        file, level = _file(finding.name), _level(finding)
        line = 1
        if not file and level is not Level.PASS:
            line = line_of(lock_text, ("networks", finding.name))
        return Outcome(
            name=finding.name,
            status=finding.status,
            level=level,
            summary=finding.sentence,
            details=finding.why if shown is None else _first(finding.why, shown),
            path=_from_checkout(self.root / file if file else self.lock, self.root),
            line=line,
        )


def parse_output(text: str) -> tuple[ReportFormat, Path]:
    """``"junit:out/report.xml"`` or ``"report.md"``: the format and the file.

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


def write_file(text: str, path: Path) -> None:
    """Write one ``--output``.  Raises ``BadFileError`` when it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadFileError(
            f"{path} cannot be written: {error.strerror}: choose another file with --output"
        ) from None


def write_step_summary(report: Report) -> None:
    """Append to the page of the workflow run, where GitHub Actions offers one."""
    page = os.environ.get("GITHUB_STEP_SUMMARY")
    if not page:
        return
    try:
        with Path(page).open("a", encoding="utf-8") as file:
            file.write(report.write(ReportFormat.markdown) + "\n")
    except OSError as error:
        messages.print(f"warning: no step summary: {page}: {error.strerror}", markup=False)


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
    row["uncounted"] = ", ".join(now.uncounted) if now else ""
    return row | {"note": finding.note, "why": "; ".join(finding.why)}


def _printed(rows: list[dict[str, Any]], format: Format) -> str:
    buffer = StringIO()
    with redirect_stdout(buffer):
        emit(rows, format, _COLUMNS)
    return buffer.getvalue()


def _first(why: tuple[str, ...], shown: int) -> tuple[str, ...]:
    if len(why) <= shown:
        return why
    return (*why[:shown], f"and {len(why) - shown} more changes: --format json has them all")


def _level(finding: Finding) -> Level:
    if finding.status is Status.EQUAL:
        return Level.PASS
    if finding.ok:
        return Level.NOTE
    return Level.ERROR if finding.status is Status.CANNOT_COUNT else Level.FAIL


def _file(name: str) -> str:
    """The file of a target that is in one."""
    head, _, _ = name.rpartition(":")
    return head if head.endswith(".py") else ""


def _from_checkout(path: Path, root: Path) -> str:
    """``path`` as GitHub counts it: from the workspace, else from the project."""
    for base in (os.environ.get("GITHUB_WORKSPACE"), root):
        if base and path.is_relative_to(base):
            return path.relative_to(base).as_posix()
    return path.as_posix()
