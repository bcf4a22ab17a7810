"""Who says how accurate a network is: the accuracies of ``opbench show``.

The rule it embodies: what a table leaves out stands beneath it.  Where a figure was really read,
on which images and by whose weights, is in the notes, and every note is printed.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from opbench.accuracy import load_chart2016, load_published
from opbench.cli.conventions import show_chart
from opbench.cli.output import Column, Format, emit, text

_COLUMNS = (
    Column(key="primary", title="", show=lambda primary: "*" if primary else ""),
    Column(key="top1", title="top-1 %", show=text, right=True),
    Column(key="top5", title="top-5 %", show=text, right=True),
    Column(key="protocol", title="protocol"),
    Column(key="input_size", title="input"),
    Column(key="recipe", title="recipe"),
    Column(key="evidence", title="evidence"),
    Column(key="source", title="source"),
    Column(key="source_url", title="where"),
)


def show_accuracies(name: str) -> None:
    """Every published figure, the one on the chart first, and what is noted about each."""
    rows = _rows(name)
    if not rows:
        return
    emit(rows, Format.table, _COLUMNS, title="\nAccuracies published (* on the chart)")
    console = Console(highlight=False)
    for row in rows:
        if row["note"]:
            mark = "* " if row["primary"] else ""
            console.print(Padding(Text(f"{mark}{row['source']}: {row['note']}"), (0, 0, 0, 2)))


def show_published_only(name: str, format: Format) -> None:
    """What there is to say of a point on the chart whose definition was never published.

    Formats but table print the published figures only: there are no modules.
    """
    if format is not Format.table:
        emit(_rows(name), format, _COLUMNS)
        return
    (point,) = (each for each in load_chart2016() if each.architecture == name)
    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(f"{point.label}, a point of the 2016 chart  ({name})", style="bold"))
    console.print(
        f"\nparameters   {point.params_millions} M, as printed\n"
        f"operations   {point.gops_2xmac} G-Ops, as printed (2 for each multiply-add)",
        markup=False,
    )
    show_accuracies(name)
    show_chart(name)


def _rows(name: str) -> list[dict[str, Any]]:
    rows = [asdict(row) for row in load_published() if row.architecture == name]
    return sorted(rows, key=lambda row: not row["primary"])
