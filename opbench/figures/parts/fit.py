"""A fitted line over a scatter, with what it says written beside it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opbench.figures.parts.labels import Line, fence
from opbench.figures.parts.style import colour
from opbench.table.fits import fit_line, rank_correlation

_STEPS = 60


def draw_fit(
    axes: Axes,
    x: pd.Series[float],
    y: pd.Series[float],
    units: tuple[str, str],
    *,
    at: str = "left",
) -> list[Line]:
    """The least-squares line of the points, a curve on logarithmic axes, and its numbers.

    Returns what labels must keep clear of.

    ``units`` are those of x and y; ``at`` is the upper corner the numbers stand in.
    """
    line = fit_line(list(x), list(y))
    low, high = axes.get_xlim()
    steps = np.linspace(low, high, _STEPS)
    if axes.get_xscale() == "log":
        steps = np.geomspace(low, high, _STEPS)
    heights = line.intercept + line.slope * steps
    seen = (heights > axes.get_ylim()[0]) & (heights < axes.get_ylim()[1])
    axes.plot(steps[seen], heights[seen], color=colour("muted"), lw=1.1, ls=(0, (4, 3)), zorder=1)
    sign = "+" if line.intercept >= 0 else "-"
    words = (
        f"fit: {line.slope:.3g} {units[1]}/{units[0]} · x {sign} {abs(line.intercept):.3g} "
        f"{units[1]}\nR² {line.r2:.2f}, rank correlation {rank_correlation(list(x), list(y)):.2f}"
    )
    text = axes.text(
        0.015 if at == "left" else 0.985, 0.985, words, transform=axes.transAxes, va="top", ha=at,
        size=11, color=colour("muted"), linespacing=1.35,
    )  # fmt: skip
    return [(list(steps[seen]), list(heights[seen])), fence(axes, text)]


def draw_idle(axes: Axes, rows: pd.DataFrame) -> list[Line]:
    """The power the device drew while idle, where it was measured; returned for labels to avoid."""
    idle = rows["idle_power_w"].astype(float).median()
    if not idle > 0:
        return []
    axes.axhline(idle, color=colour("muted"), lw=1.1, ls=(0, (1, 2)), zorder=1)
    text = axes.text(
        0.985, idle, f"idle: {idle:.0f} W", transform=axes.get_yaxis_transform(), ha="right",
        va="bottom", size=11, color=colour("muted"),
    )  # fmt: skip
    return [([*axes.get_xlim()], [idle, idle]), fence(axes, text)]
