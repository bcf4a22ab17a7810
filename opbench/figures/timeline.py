"""Accuracy and cost of the ImageNet networks by year.

Two panels over one axis of years: what was reached, and what it cost.  Networks of one year stand
side by side in the order of their cost, which is said under the axis.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator, StrMethodFormatter

from opbench.errors import MissingDataError
from opbench.figures.parts import blobs, captions, labels, select
from opbench.figures.parts.axes import axis_label, reach, set_accuracy, set_axis, values
from opbench.figures.parts.frame import Sheet, note_names, sheet
from opbench.figures.parts.options import Options
from opbench.figures.parts.scatter import draw_bars
from opbench.figures.parts.style import colour
from opbench.spec import dataset_label
from opbench.table.frames import Table
from opbench.table.frontier import frontier

TAKES = frozenset({"unit", "dataset", "family", "highlight", "label"})

_SMALL = blobs.BY_PARAMS.smaller(0.4)
_GUTTER = 0.35  # inches
_YEARS = "A network stands in the year of its first publication, a later variant in its own."
_SHARE = 0.86  # of a year that its networks are spread over


def draw(table: Table, options: Options) -> Figure:
    """Top-1 above, operations below.  Raises ``MissingDataError`` when no network has a year."""
    frame = select.networks(table, options).dropna(subset=["year"])
    if not frame["lit"].any():
        asked = ", ".join(options.highlight) or "any network"
        raise MissingDataError(f"no year of {asked} is known: only the registry's have one")
    words = Sheet(
        title="What each year brought, and what it cost",
        subtitle=f"{dataset_label(frame['dataset'].iloc[0])} top-1 and operations of one forward "
        "pass, by the year of publication",
        notes=options.notes,
        caption=captions.caption(frame, _YEARS, captions.TOP1_INTERVAL, _SMALL.enlarged(frame)),
        legend=blobs.family_entries(frame),
        sizing=_SMALL,
        names=True,
    ).with_plot_height(7.6)
    figure, (left, bottom, right, top) = sheet(words)
    gutter = _GUTTER / words.height
    tall = (top - bottom - gutter) / 2
    above = figure.add_axes((left, bottom + tall + gutter, right - left, tall))
    below = figure.add_axes((left, bottom, right - left, tall))
    where = _spread_years(frame, options.cost)
    panels = ((above, "top1"), (below, options.cost))
    note_names(figure, [_panel(axes, frame, where, key, options) for axes, key in panels])
    above.tick_params(axis="x", labelbottom=False)
    below.set_xlabel("year of the paper; the place within a year is the order of cost, not a date")
    return figure


def _spread_years(frame: pd.DataFrame, cost: str) -> pd.Series[float]:
    rank = frame.groupby("year")[cost].rank(method="first")
    count = frame.groupby("year")["name"].transform("size")
    return frame["year"].astype(float) + _SHARE * ((rank - 0.5) / count - 0.5)


def _panel(
    axes: Axes, frame: pd.DataFrame, where: pd.Series[float], key: str, options: Options
) -> labels.Count:
    y = values(frame, key)
    axes.set_xlim(frame["year"].min() - 0.5, frame["year"].max() + 0.5)
    axes.xaxis.set_major_locator(MultipleLocator(1))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="x", visible=False)
    for year in range(int(frame["year"].min()), int(frame["year"].max())):
        axes.axvline(year + 0.5, color=axes.xaxis.get_gridlines()[0].get_color(), lw=0.8, zorder=0)
    if key == "top1":
        set_accuracy(axes, reach([frame], key))
        ends = frame["top1_low"], frame["top1_high"]
        faint = [0.9 if lit else 0.2 for lit in frame["lit"]]
        axes.vlines(where, *ends, color=colour("ink"), alpha=faint, lw=0.8, zorder=3.6)
        draw_bars(axes, frame, where)
    else:
        set_axis(axes, "y", y, log=True)
    axes.set_ylabel(axis_label(key).replace("  (", "\n("))
    areas = _SMALL.areas(frame)
    blobs.draw_networks(axes, frame, where, y, areas)
    best = frontier(frame, options.cost, "top1")
    named = select.names(frame, options, best).assign(x=where, y=y, area=blobs.around(frame, areas))
    return labels.place(axes, named, size=9)
