"""Top-1 accuracy against the operations of one forward pass; blob area is parameters.

Figure 2 of A. Canziani, A. Paszke, E. Culurciello, "An Analysis of Deep Neural Network Models for
Practical Applications", arXiv:1605.07678, for the ImageNet networks of the registry.  The cost axis
is logarithmic, because the registry reaches from 0.7 to 39 G-ops and is crowded below 10.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from opbench.errors import BadValueError
from opbench.figures import _blobs, _labels, _words
from opbench.figures._frame import Sheet, single_axes
from opbench.figures._options import Options
from opbench.figures._style import colour
from opbench.frontier import frontier
from opbench.metrics import METRICS
from opbench.table import Table

_SCALE = 24.0  # square points per million parameters: 155 M is a disc of 61 points
_TICKS = (0.25, 0.5, 1, 2, 5, 10, 20, 50, 100)


def draw(table: Table, options: Options) -> Figure:
    """One panel, ImageNet only.  Raises ``BadValueError`` when no network has an accuracy."""
    frame = _points(table)
    cost = METRICS[options.cost]
    x = frame[options.cost] * cost.scale
    figure, axes = single_axes(_sheet(table, frame, options))
    _limits(axes, x, frame["top1"])
    axes.set_xlabel(f"{cost.axis}, one forward pass of one image  ({options.convention})")
    axes.set_ylabel(METRICS["top1"].axis)
    line = _draw_frontier(axes, frame, options)
    _blobs.draw_networks(axes, frame, x, _SCALE)
    _blobs.family_legend(axes, frame)
    _blobs.size_legend(axes, _SCALE, at=(0.99, 0.105))
    points = _labels.Points(
        x=list(x),
        y=list(frame["top1"]),
        areas=list(_blobs.area(frame["params"], _SCALE)),
        labels=list(frame["label"]),
    )
    if options.chart2016:
        points += _overlay(axes, table.chart2016, frame, options)
    _labels.place(axes, points, [line])
    return figure


def _points(table: Table) -> pd.DataFrame:
    frame = table.networks.query("dataset == 'imagenet' and top1.notna()")
    if frame.empty:
        raise BadValueError("no ImageNet network of the registry has an accuracy to draw")
    return frame.sort_values("params", ascending=False)


def _sheet(table: Table, frame: pd.DataFrame, options: Options) -> Sheet:
    more = "The stepped line joins the networks that no other beats in both accuracy and cost."
    overlay = (
        "Rings: the fourteen points of the chart of 2016 (arXiv:1605.07678, Figure 2) as printed, "
        "tied to the same network today; a black ring is known from that print alone."
        if options.chart2016
        else ""
    )
    return Sheet(
        title="What accuracy costs in operations",
        subtitle="Top-1 on the ImageNet validation set, single central crop; "
        "area of a blob is its number of parameters",
        caption=_words.caption(frame, options, more, overlay),
    )


def _limits(axes: Axes, x: pd.Series[float], y: pd.Series[float]) -> None:
    axes.set_xscale("log")
    axes.set_xlim(x.min() / 1.35, x.max() * 1.35)
    axes.set_ylim(np.floor(y.min()) - 3, np.ceil(y.max()) + 2)
    ticks = [tick for tick in _TICKS if axes.get_xlim()[0] <= tick <= axes.get_xlim()[1]]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())


def _draw_frontier(
    axes: Axes, frame: pd.DataFrame, options: Options
) -> tuple[list[float], list[float]]:
    best = frontier(frame, options.cost, "top1")
    scale = METRICS[options.cost].scale
    right = axes.get_xlim()[1]
    x = [*(best[options.cost] * scale), right]
    y = [*best["top1"], best["top1"].iloc[-1]]
    axes.plot(x, y, drawstyle="steps-post", color=colour("muted"), lw=1.1, ls=(0, (4, 3)), zorder=1)
    corners_x = np.repeat(x, 2)[1:]
    corners_y = np.repeat(y, 2)[:-1]
    return list(corners_x), list(corners_y)


def _overlay(
    axes: Axes, chart: pd.DataFrame, frame: pd.DataFrame, options: Options
) -> _labels.Points:
    """Rings where the 2016 chart has its blobs, each tied to the blob of today."""
    per_op = METRICS["flops"].scale / (1 if options.unit == "ops" else 2)
    now = frame.set_index("name")
    x, areas = chart["flops"] * per_op, _blobs.area(chart["params"], _SCALE)
    known = chart["architecture"].isin(now.index)
    families = chart["architecture"].map(now["family"])
    colours = [
        _blobs.hue(family) if here else colour("ink")
        for family, here in zip(families, known, strict=True)
    ]
    axes.scatter(
        x, chart["top1"], s=areas, facecolors="none", edgecolors=colours, linewidths=1.3, zorder=3.5
    )
    for name, here, there in zip(
        chart["architecture"][known], x[known], chart["top1"][known], strict=True
    ):
        today = now.loc[name]
        axes.plot(
            [here, today[options.cost] * METRICS[options.cost].scale], [there, today["top1"]],
            color=colour("muted"), lw=0.8, zorder=2.9,
        )  # fmt: skip
    return _labels.Points(
        x=list(x),
        y=list(chart["top1"]),
        areas=list(areas),
        labels=["" if here else label for label, here in zip(chart["name"], known, strict=True)],
    )
