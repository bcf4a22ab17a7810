"""Top-1 accuracy against the operations of one forward pass; blob area is parameters.

Figure 2 of A. Canziani, A. Paszke, E. Culurciello, "An Analysis of Deep Neural Network Models for
Practical Applications", arXiv:1605.07678, for the ImageNet networks of the registry.  The cost axis
is logarithmic, because the registry reaches from 0.7 to 39 G-ops and is crowded below 10.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opbench.figures import _blobs, _labels, _select, _words
from opbench.figures._axes import values
from opbench.figures._frame import Sheet, single_axes
from opbench.figures._options import Options
from opbench.figures._scatter import Scatter, draw_scatter, finish
from opbench.figures._style import colour
from opbench.metrics import METRICS
from opbench.table import Table

TAKES = frozenset(
    {
        "unit",
        "with",
        "x",
        "y",
        "log",
        "family",
        "highlight",
        "label",
        "device",
        "dtype",
        "batch-size",
    }
)

_OVERLAY = (
    "Rings: the fourteen points of the chart of 2016 (arXiv:1605.07678, Figure 2) as printed, tied "
    "to the same network today; a black ring is known from that print alone."
)


def draw(table: Table, options: Options) -> Figure:
    """One panel, ImageNet only.  Raises ``MissingDataError`` when no network has an accuracy."""
    spec = Scatter(
        x=options.x or options.cost,
        y=options.y or "top1",
        log_x=options.log is not False,
        frontier=True,
    )
    frame = _select.points(table, options, spec.x, spec.y)
    figure, axes = single_axes(_sheet(table, frame, spec, options))
    points, lines = draw_scatter(axes, frame, spec, options)

    if options.chart2016 and spec.x == options.cost and spec.y == "top1":
        points += _overlay(axes, table.chart2016, frame, spec)
    finish(axes, spec, points, lines)
    return figure


def _sheet(table: Table, frame: pd.DataFrame, spec: Scatter, options: Options) -> Sheet:
    x, y = METRICS[spec.x], METRICS[spec.y]
    known = table.networks[table.networks["name"].isin(frame["name"])]
    notes = (
        _words.FRONTIER if y.better == "higher" else "",
        _words.TOP1_INTERVAL if spec.y == "top1" else "",
        _words.timed(table, frame) if "run" in frame else "",
        _OVERLAY if options.chart2016 else "",
    )
    title = f"What accuracy costs in {x.label}"
    words = Sheet(
        title=title if spec.y == "top1" else f"{y.label.capitalize()} against {x.label}",
        subtitle="Top-1 on the ImageNet validation set; area of a blob: parameters"
        if spec.y == "top1"
        else "Networks of ImageNet; area of a blob: parameters",
        caption=_words.caption(known, options, *notes),
        legend=_blobs.family_entries(frame),
        sizing=spec.sizing,
    )
    return words.with_plot_height(6.4)


def _overlay(axes: Axes, chart: pd.DataFrame, frame: pd.DataFrame, spec: Scatter) -> _labels.Points:
    """Rings where the 2016 chart has its blobs, each tied to the blob of today."""
    printed = chart.assign(macs=chart["flops"] / 2)
    x, y, areas = values(printed, spec.x), printed["top1"], spec.sizing.areas(printed)
    now = frame.set_index("name")
    known = printed["architecture"].isin(now.index)
    families = [now["family"].get(name) for name in printed["architecture"]]
    axes.scatter(
        x, y, s=areas, facecolors="none", linewidths=1.3, zorder=3.5,
        edgecolors=[_blobs.hue(family) if family else colour("ink") for family in families],
    )  # fmt: skip
    axes.set_ylim(bottom=min(axes.get_ylim()[0], y.min() - 2))
    today = now.loc[printed["architecture"][known]]
    axes.plot(
        [x[known], values(today, spec.x)], [y[known], today["top1"]],
        color=colour("muted"), lw=0.8, zorder=2.9,
    )  # fmt: skip
    return _labels.Points(
        x=list(x),
        y=list(y),
        areas=list(areas),
        labels=["" if here else name for name, here in zip(printed["name"], known, strict=True)],
    )
