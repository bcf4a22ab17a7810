"""Accuracies of a network for ``opbench show``: published, with every note on them, and measured.

A note says where a number was read, on which images and with whose weights.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opbench.accuracy import load_chart2016, load_published
from opbench.cli.columns import TOP1, Column, integer, scaled
from opbench.cli.conventions import render_chart
from opbench.cli.render import WIDER, Format, heading, indented, render
from opbench.spec import dataset_label

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opbench.accuracy.measured.evaluation import Evaluation
    from opbench.table.measured import MeasuredAccuracy

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
_MEASURED = (
    Column(key="drawn", title="", keep=True, show=lambda drawn: "*" if drawn else ""),
    TOP1,
    Column(key="verdict", title="against published", prose=True, keep=True),
    Column(key="published", title="published %", right=True),
    Column(key="top5", title="top-5 %", show=scaled(1, 2), right=True),
    Column(key="dataset", title="data set"),
    Column(key="images", title="images", show=integer, right=True),
    Column(key="protocol", title="protocol", prose=True),
    Column(key="unusual", title="how"),
    Column(key="source", title="published in", prose=True),
    Column(key="weights", title="weights", prose=True),
    Column(key="evaluation", title="evaluation"),
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


def render_measured(name: str, results: Path) -> str:
    """Render every evaluation of a network in a results folder, the newest first."""
    from opbench.accuracy.measured.store import read_evaluations
    from opbench.table.measured import best_measured

    evaluations, damages = read_evaluations(results)
    mine = [each for each in evaluations if each.header.name == name]
    best = best_measured(mine).get(name, {})
    rows = [row for each in reversed(mine) if (row := _measured_row(each, best))]
    if not rows:
        return ""
    title = heading("Accuracies measured here (* counts on charts of its data set)")
    table = render(rows, Format.table, _MEASURED, more=WIDER)
    return f"\n{title}{table}{''.join(indented(str(each)) for each in damages)}"


def _measured_row(
    evaluation: Evaluation, best: Mapping[str, MeasuredAccuracy]
) -> dict[str, Any] | None:
    """Return the row of an evaluation, None where no image was answered."""
    from opbench.table.measured import MeasuredAccuracy

    found = MeasuredAccuracy.of(evaluation)
    if found is None:
        return None
    against = found.against
    return {
        "drawn": not found.beside and best[found.dataset].evaluation == found.evaluation,
        "top1": found.top1.value,
        "top1_low": found.top1.low,
        "top1_high": found.top1.high,
        "top5": found.top5.value if found.top5 else None,
        "dataset": dataset_label(found.dataset),
        "images": found.images,
        "protocol": found.how,
        "unusual": found.unusual,
        "published": against.published if against else None,
        "source": against.source if against else None,
        "verdict": evaluation.header.differs or _verdict(found),
        "weights": evaluation.header.weights,
        "evaluation": found.evaluation,
    }


def _verdict(found: MeasuredAccuracy) -> str:
    return found.against.verdict if found.against else found.beside or "nothing published"


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
