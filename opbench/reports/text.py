"""Render a report as plain text: a table of what is notable, and why."""

from __future__ import annotations

from opbench.escapes import printable
from opbench.reports import Report


def text(report: Report) -> str:
    """Render the report; outcomes with one cause share their details."""
    parts = [report.rows("table", notable=True)] if report.notable else []
    for summaries, details in report.paragraphs():
        lines = [*map(printable, summaries), *(f"  {printable(each)}" for each in details)]
        parts.append("\n".join(lines) + "\n")
    return "\n".join([*parts, f"{report.summary}\n"])
