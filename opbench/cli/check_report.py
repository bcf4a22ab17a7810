"""Report what ``opbench check`` found, for people and for machines, on stdout and in files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from opbench.cli.check_outcomes import check_outcomes
from opbench.cli.columns import Column, Row, integer
from opbench.cli.render import Format, render, say, summarise
from opbench.errors import BadFileError
from opbench.files import Appender
from opbench.lock.verdict import CheckedTarget, Status
from opbench.reports import Report
from opbench.reports.formats import FORMATS

TITLE = "opbench check"

_MEANINGS: dict[str, str] = {
    Status.EQUAL: "Every count is as locked.",
    Status.RENAMED: "Every count is as locked, under other names of modules.",
    Status.CHANGED: "The totals are as locked, but modules or shapes changed.",
    Status.HEAVIER: "The network became heavier than its lock.",
    Status.LIGHTER: "The network became lighter than its lock.",
    Status.OTHER_INPUT: "The network was counted on an input of another size than its lock.",
    Status.NEW: "The network is missing from the lock.",
    Status.GONE: "The lock holds a network that does not exist.",
    Status.CANNOT_COUNT: "The network cannot be counted.",
}
_COLUMNS = (
    Column(key="name", title="name", keep=True),
    Column(key="status", title="status"),
    Column(key="ok", title="check", show=lambda ok: "passes" if ok else "fails"),
    Column(key="locked_macs", title="MACs locked", show=integer, right=True),
    Column(key="macs", title="MACs now", show=integer, right=True),
    Column(key="locked_params", title="params locked", show=integer, right=True),
    Column(key="params", title="params now", show=integer, right=True),
)


def check_report(checked: Sequence[CheckedTarget], *, lock: Path, root: Path) -> Report:
    """Return the report on checked targets."""
    return Report(
        title=TITLE,
        summary=summarise("network", [each.status for each in checked], Status),
        outcomes=check_outcomes(checked, lock, root),
        statuses=_MEANINGS,
        render=_render,
    )


def on_terminal(report: Report, width: int | None) -> Report:
    """Return the report with tables and lines that fit a terminal; others are for files."""
    return replace(report, render=partial(_render, plain=False), width=width)


def _render(rows: Sequence[Row], format: str, *, plain: bool = True) -> str:
    return render(rows, Format(format), _COLUMNS, plain=plain)


def append_step_summary(report: Report) -> None:
    """Append to the page of the workflow run, where GitHub Actions offers one."""
    page = os.environ.get("GITHUB_STEP_SUMMARY")
    if not page:
        return
    try:
        with Appender(Path(page)) as file:
            file.append(FORMATS["markdown"].write(report).encode())
    except BadFileError as error:
        say(f"warning: no step summary: {error}")
