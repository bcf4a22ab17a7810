"""Render a report as markdown, for the page of a workflow run or a comment."""

from __future__ import annotations

from opbench import escapes
from opbench.reports import Level, Report


def markdown(report: Report) -> str:
    """Render the report; outcomes with one cause share their details."""
    failures = sum(each.level in (Level.FAIL, Level.ERROR) for each in report.outcomes)
    verdict = f"{failures} of {len(report.outcomes)} fail" if failures else "passes"
    parts = [f"### {report.title}: {verdict}\n", f"{report.summary}\n"]
    if report.notable:
        parts.append(report.rows("markdown", notable=True))
    for summaries, details in report.paragraphs():
        bullets = "\n".join(f"- {escapes.markdown(each)}" for each in details)
        paragraphs = (*map(escapes.markdown, summaries), bullets)
        parts.append("\n\n".join(filter(None, paragraphs)) + "\n")
    return "\n".join(parts)
