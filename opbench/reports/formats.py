"""Every format of a report, once: its name, its file's suffix and the function that writes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from opbench.errors import BadValueError, UnknownNameError
from opbench.reports import Report
from opbench.reports.github import github
from opbench.reports.junit import junit
from opbench.reports.markdown import markdown
from opbench.reports.sarif import sarif
from opbench.reports.text import text


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFormat:
    """One format.  ``suffix`` is empty where a file's name cannot tell it.

    ``summarised``: it says how many outcomes of each kind there are.
    """

    write: Callable[[Report], str]
    suffix: str = ""
    summarised: bool = False


FORMATS: dict[str, ReportFormat] = {
    "text": ReportFormat(write=text, suffix=".txt", summarised=True),
    "table": ReportFormat(write=text, summarised=True),
    "json": ReportFormat(write=lambda report: report.rows("json"), suffix=".json"),
    "csv": ReportFormat(write=lambda report: report.rows("csv"), suffix=".csv"),
    "markdown": ReportFormat(write=markdown, suffix=".md", summarised=True),
    "github": ReportFormat(write=lambda report: github(report.outcomes, title=report.title)),
    "junit": ReportFormat(
        write=lambda report: junit(report.outcomes, title=report.title), suffix=".xml"
    ),
    "sarif": ReportFormat(
        write=lambda report: sarif(report.outcomes, title=report.title, statuses=report.statuses),
        suffix=".sarif",
    ),
}


# What the name of a file may end with.
SUFFIXES = {each.suffix: name for name, each in FORMATS.items() if each.suffix}


def format_of(name: str) -> ReportFormat:
    """Return the format called ``name``.  Raises ``UnknownNameError``."""
    if name not in FORMATS:
        raise UnknownNameError("format", name, FORMATS, see=f"choose from {', '.join(FORMATS)}")
    return FORMATS[name]


def parse_output(option: str) -> tuple[str, Path]:
    """Read the format and the file of ``"junit:out/report.xml"`` or ``"report.md"``.

    Raises ``BadValueError`` when neither a format in front nor the suffix says which.
    """
    name, colon, rest = option.partition(":")
    if colon and name in FORMATS:
        return name, Path(rest)
    path = Path(option)
    if path.suffix not in SUFFIXES:
        raise BadValueError(
            f"--output {option!r} does not say which format: use the suffix "
            f"{', '.join(SUFFIXES)}, or put one of {', '.join(FORMATS)} and a colon in front"
        )
    return SUFFIXES[path.suffix], path
