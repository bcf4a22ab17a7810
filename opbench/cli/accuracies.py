"""Published accuracies of a network, for ``opbench show``, with every note on them.

A note says where a number was read, on which images and with whose weights.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from opbench.accuracy import load_chart2016, load_published
from opbench.cli.columns import Column
from opbench.cli.conventions import render_chart
from opbench.cli.render import WIDER, Format, heading, indented, render

_COLUMNS = (
    Column(key="primary", title="", keep=True, show=lambda primary: "*" if primary else ""),
    Column(key="top1", title="top-1 %", right=True),
    Column(key="top5", title="top-5 %", right=True),
    Column(key="protocol", title="protocol"),
    Column(key="input_size", title="input"),
    Column(key="source", title="source", prose=True),
    Column(key="recipe", title="recipe"),
    Column(key="evidence", title="evidence"),
    Column(key="source_url", title="where"),
)


def render_accuracies(name: str) -> str:
    """Render every published accuracy, the one on the chart first, and the notes on each."""
    rows = _rows(name)
    if not rows:
        return ""
    title = heading("Accuracies published (* on the chart)")
    notes = (
        indented(f"{'* ' if row['primary'] else ''}{row['source']}: {row['note']}")
        for row in rows
        if row["note"]
    )
    return f"\n{title}{render(rows, Format.table, _COLUMNS, more=WIDER)}{''.join(notes)}"


def render_published_only(name: str, format: Format) -> str:
    """Render a point on the chart whose definition was never published.

    Formats other than table hold its accuracies only: there are no modules.
    """
    if format is not Format.table:
        return render(_rows(name), format, _COLUMNS)
    (point,) = (each for each in load_chart2016() if each.architecture == name)
    return (
        f"{heading(f'{point.label}, a point of the 2016 chart  ({name})')}\n"
        f"parameters   {point.params_millions} M, as printed\n"
        f"operations   {point.gops_2xmac} G-Ops, as printed (2 for each multiply-add)\n"
        f"{render_accuracies(name)}{render_chart(name)}"
    )


def _rows(name: str) -> list[dict[str, Any]]:
    rows = [asdict(row) for row in load_published() if row.architecture == name]
    return sorted(rows, key=lambda row: not row["primary"])
