"""Accuracy against time in every runtime and data type, with what no other beats.

A network has a mark for each way in which it was timed, and a line joins them.  The mark is solid
where the accuracy is of the very artefact that was timed, else a ring.  The frontier is
that of networks and runtimes together: who has so many milliseconds reads off both.  Figures of one
runtime colour families (``accuracy-vs-throughput``, ``pareto --x latency_s``); here the colour is
the runtime's.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opbench.figures.parts import captions, labels, select
from opbench.figures.parts.axes import axis_label, number, reach, set_accuracy, set_axis, values
from opbench.figures.parts.frame import Sheet, note_names, single_axes
from opbench.figures.parts.marks import by_execution, draw_joins, named
from opbench.figures.parts.options import OF_RUNTIMES, Options
from opbench.figures.parts.scatter import Scatter, draw_bars, draw_frontier, draw_whiskers, steps
from opbench.spec import dataset_label
from opbench.table.frames import Table
from opbench.table.frontier import frontier

TAKES = OF_RUNTIMES | {"log"}

_TIME = "latency_per_image_s"
_AREA = 52.0  # square points
_SPEC = Scatter(x=_TIME, y="top1")
_JOINED = "A line joins the ways in which one network was timed."
_FRONTIER = "The stepped line joins what no other network beats in both directions, in any runtime."
_EAGER = "Dotted: the frontier of eager float32 alone."
_OTHERS = (
    "Faint: accuracies that are not known to be of a single central crop, which do not compete."
)


def draw(table: Table, options: Options) -> Figure:
    """Marks, joined, and their frontier.  Raises ``MissingDataError`` saying what to run."""
    frame = select.in_runtimes(table, options, _TIME, "top1")
    best = frontier(frame, _TIME, "top1")
    networks = select.facts(table, frame)
    words = Sheet(
        title="Accuracy against time, in every runtime",
        subtitle=f"Top-1 on {dataset_label(frame['dataset'].iloc[0])} against latency per image at "
        f"batch {frame['batch_size'].iloc[0]}; a line joins the marks of one network",
        notes=options.notes,
        caption=captions.joined(
            _listed(best),
            f"{_FRONTIER}  {_EAGER if _has_usual(frame) else ''}".rstrip(),
            captions.timed(table, frame),
            _JOINED if frame["single_crop"].all() else f"{_JOINED}  {_OTHERS}",
            captions.joins(frame, "Rings"),
            captions.sources(networks),
            captions.protocols(networks),
        ),
        legend=[each.entry() for each, _ in by_execution(frame)],
        names=True,
    ).with_plot_height(7.4)
    figure, axes = single_axes(words)
    set_axis(axes, "x", reach([frame], _TIME), log=options.log is not False)
    set_accuracy(axes, frame["top1"])
    axes.set_xlabel(axis_label(_TIME))
    axes.set_ylabel(axis_label("top1"))
    note_names(figure, [_draw_marks(axes, frame, best, options)])
    return figure


def _has_usual(frame: pd.DataFrame) -> bool:
    return any(execution.usual for execution, _ in by_execution(frame))


def _listed(best: pd.DataFrame) -> str:
    """Name what is on the frontier, with its runtime, time and accuracy."""
    ways = [
        f"{named(row)} ({number(float(f'{1e3 * row[_TIME]:.2g}'))} ms, {row['top1']:.1f} %)"
        for row in best.to_dict("records")
    ]
    return f"On the frontier: {captions.listed(ways)}." if ways else ""


def _draw_marks(
    axes: Axes, frame: pd.DataFrame, best: pd.DataFrame, options: Options
) -> labels.Count:
    faint = ~frame["single_crop"].astype(bool)
    solid = frame["one_artefact"].astype(bool)
    frame = frame.assign(x=values(frame, _TIME), y=frame["top1"], faint=faint, solid=solid)
    lines = draw_frontier(axes, best, _SPEC) + draw_joins(axes, frame, "x", "y")
    for execution, rows in by_execution(frame):
        if execution.usual:
            alone = frontier(rows, _TIME, "top1")
            axes.plot(*steps(axes, alone, _SPEC), color=execution.hue, lw=1.0, ls=":", zorder=1)
    ends = (values(frame, _TIME, f"{_TIME}_low"), values(frame, _TIME, f"{_TIME}_high"))
    draw_whiskers(axes, frame, frame["y"], ends, upright=False)
    draw_bars(axes, frame, frame["x"])
    for execution, rows in by_execution(frame):
        execution.draw(axes, rows, "x", "y", _AREA)
    return labels.place(axes, _named(frame, best, options), lines, size=9.5)


def _named(frame: pd.DataFrame, best: pd.DataFrame, options: Options) -> pd.DataFrame:
    """Return the names, one for each network: at its mark on the frontier, or the fastest."""
    named = select.names(frame, options, best)
    on = frame.index.isin(best.index)
    first = frame.assign(on=~on).sort_values(["on", "x"]).drop_duplicates("name").index
    shown = frame.index.isin(first)
    return named.assign(
        label=np.where(shown, named["label"], ""),
        must=named["must"] & shown,
        x=frame["x"],
        y=frame["y"],
        area=_AREA,
    )
