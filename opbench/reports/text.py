"""Render a report as plain text: a table of what is notable, and why."""

from __future__ import annotations

from opbench.reports import Report


def text(report: Report) -> str:
    """Render the report; outcomes with one cause share their details."""
    parts = [report.rows("table", notable=True)] if report.notable else []
    for summaries, details in report.paragraphs():
        parts.append("\n".join((*summaries, *(f"  {each}" for each in details))) + "\n")
    return "\n".join([*parts, f"{report.summary}\n"])
