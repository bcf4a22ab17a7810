"""Render a report as plain text: a table of what is notable, and why."""

from __future__ import annotations

import textwrap

from opbench.escapes import printable
from opbench.reports import Report

_INDENT = "  "


def text(report: Report) -> str:
    """Render the report; outcomes with one cause share their details."""
    parts = [report.rows("table", notable=True)] if report.notable else []
    for summaries, details in report.paragraphs():
        lines = [_line(each, "", report.width) for each in summaries]
        lines += [_line(each, _INDENT, report.width) for each in details]
        parts.append("\n".join(lines) + "\n")
    return "\n".join([*parts, f"{report.summary}\n"])


def _line(sentence: str, indent: str, width: int | None) -> str:
    """Indent a sentence; on a terminal wrap it, with its further lines indented once more."""
    line = f"{indent}{printable(sentence)}"
    if width is None:
        return line
    return textwrap.fill(
        line,
        width,
        subsequent_indent=indent + _INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
