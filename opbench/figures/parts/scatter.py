"""Networks as blobs over two metrics: the drawing behind most figures.

Intervals are drawn as whiskers where the table has them: columns ``KEY_low`` and ``KEY_high``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opbench.figures.parts import blobs, labels, select
from opbench.figures.parts.axes import axis_label, reach, set_accuracy, set_axis, values
from opbench.figures.parts.options import Options
from opbench.figures.parts.style import colour
from opbench.metrics import METRICS
from opbench.table.frontier import frontier


@dataclass(frozen=True, slots=True, kw_only=True)
class Scatter:
    """A scatter plot: the metric of each axis, and what else is drawn."""

    x: str
    y: str
    sizing: blobs.Sizing = blobs.BY_PARAMS
    log_x: bool = True
    log_y: bool = False
    frontier: bool = False
    type_size: float = 10.5


def draw_scatter(
    axes: Axes,
    frame: pd.DataFrame,
    spec: Scatter,
    options: Options,
    also: Sequence[pd.DataFrame] = (),
) -> tuple[pd.DataFrame, list[labels.Line]]:
    """Draw everything but the names, and return the blobs and lines that ``finish`` takes.

    ``also`` are frames of rows that the axes need room for, drawn by the caller.
    """
    rows = [frame, *also]
    x, y = values(frame, spec.x), values(frame, spec.y)
    set_axis(axes, "x", reach(rows, spec.x), log=spec.log_x)
    if METRICS[spec.y].unit == "%":
        set_accuracy(axes, reach(rows, spec.y))
    else:
        set_axis(axes, "y", reach(rows, spec.y), log=spec.log_y)
    axes.set_xlabel(axis_label(spec.x))
    axes.set_ylabel(axis_label(spec.y))
    lines: list[labels.Line] = []
    best = frontier(frame, spec.x, spec.y) if METRICS[spec.y].better == "higher" else None
    if spec.frontier and best is not None:
        lines += draw_frontier(axes, best, spec)
    areas = spec.sizing.areas(frame)
    blobs.draw_networks(axes, frame, x, y, areas)
    lines += _whiskers(axes, frame, spec)
    return select.names(frame, options, best).assign(
        x=x, y=y, area=blobs.around(frame, areas)
    ), lines


def finish(
    axes: Axes, spec: Scatter, named: pd.DataFrame, lines: list[labels.Line]
) -> labels.Count:
    """Write the names, and return how many of how many.  Nothing may be drawn afterwards."""
    return labels.place(axes, named, lines, size=spec.type_size)


def draw_frontier(axes: Axes, best: pd.DataFrame, spec: Scatter) -> list[labels.Line]:
    """Draw the stepped line of a frontier, and return it for names to avoid."""
    if best.empty:
        return []
    across, up = steps(axes, best, spec)
    axes.plot(across, up, color=colour("muted"), lw=1.1, ls=(0, (4, 3)), zorder=1)
    return [(across, up)]


def steps(axes: Axes, best: pd.DataFrame, spec: Scatter) -> labels.Line:
    """Return the stepped line of a frontier: up where the next network begins, or down where the
    last one ends.
    """
    x, y = list(values(best, spec.x)), list(values(best, spec.y))
    if METRICS[spec.x].better == "lower":
        x, y = [*x, axes.get_xlim()[1]], [*y, y[-1]]
    else:
        x, y = [axes.get_xlim()[0], *x], [y[0], *y]
    across, up = np.repeat(x, 2), np.repeat(y, 2)
    if METRICS[spec.x].better == "lower":
        return list(across[1:]), list(up[:-1])
    return list(across[:-1]), list(up[1:])


def _whiskers(axes: Axes, frame: pd.DataFrame, spec: Scatter) -> list[labels.Line]:
    """Draw intervals where the table has them, and return them for names to avoid."""
    lines: list[labels.Line] = []
    for key, other in ((spec.x, spec.y), (spec.y, spec.x)):
        if f"{key}_low" not in frame:
            continue
        low, high = (values(frame, key, f"{key}_{end}") for end in ("low", "high"))
        upright = key == spec.y
        lines += draw_whiskers(axes, frame, values(frame, other), (low, high), upright=upright)
    if spec.y == "top1":
        draw_bars(axes, frame, values(frame, spec.x))
    return lines


def draw_bars(axes: Axes, frame: pd.DataFrame, at: pd.Series[float]) -> None:
    """Draw the intervals of accuracies that were measured here as bars with ends."""
    for lit, alpha in ((True, 1.0), (False, 0.2)):
        rows = frame["top1_measured"].astype(bool) & (frame["lit"] == lit)
        if rows.any():
            y, low, high = (frame[f"top1{end}"][rows] for end in ("", "_low", "_high"))
            # The bar lies under a small disc, and its ends over a large one.
            _, ends, _ = axes.errorbar(
                at[rows], y, [y - low, high - y], fmt="none", ecolor=colour("ink"), alpha=alpha,
                elinewidth=1.4, capsize=3.2, capthick=1.4, zorder=2.4,
            )  # fmt: skip
            for each in ends:
                each.set_zorder(3.7)


def draw_whiskers(
    axes: Axes,
    frame: pd.DataFrame,
    at: pd.Series[float],
    ends: tuple[pd.Series[float], pd.Series[float]],
    *,
    upright: bool = True,
) -> list[labels.Line]:
    """Draw a line from end to end of each interval, and return them for names to avoid."""
    lines: list[labels.Line] = []
    for lit, alpha in ((True, 0.9), (False, 0.2)):
        rows = frame["lit"] == lit
        low, high = (end[rows] for end in ends)
        # One line that is interrupted: a vector file of thousands of lines is slow.
        along = np.column_stack([low, high, np.full(len(low), np.nan)]).ravel()
        across = np.repeat(at[rows], 3)
        x, y = (across, along) if upright else (along, across)
        axes.plot(x, y, color=colour("ink"), lw=0.8, alpha=alpha, zorder=3.6, solid_capstyle="butt")
        lines.append((list(x), list(y)))
    return lines
