"""A fitted line over a scatter, with what it says written beside it.

Reference:
    N. R. Draper, H. Smith.  "Applied Regression Analysis."  Wiley, 3rd ed. 1998, section 1.4: the
    interval of the slope of a straight line, by Student's t.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opbench.figures.parts.labels import Line, fence
from opbench.figures.parts.style import colour
from opbench.intervals import student_t
from opbench.table.fits import Line as Fitted
from opbench.table.fits import fit_line, rank_correlation

_STEPS = 60
_CORNERS = ((0, 1), (1, 0), (1, 1), (0, 0))  # of the axes, in the order that they are tried
_FEWEST = 3  # different x: a line through two points says nothing of a trend


def draw_fit(
    axes: Axes,
    x: pd.Series[float],
    y: pd.Series[float],
    units: tuple[str, str],
) -> list[Line]:
    """The least-squares line of the points, a curve on logarithmic axes, and its numbers.

    Returns what labels must keep clear of.  Too few points get a sentence instead of a line.

    ``units`` are those of x and y.
    """
    if x.nunique() < _FEWEST:
        words = f"no fit: needs {_FEWEST} different x, has {x.nunique()}"
        return [_write(axes, words, x, y)]
    line = fit_line(list(x), list(y))
    low, high = axes.get_xlim()
    steps = np.linspace(low, high, _STEPS)
    if axes.get_xscale() == "log":
        steps = np.geomspace(low, high, _STEPS)
    heights = line.intercept + line.slope * steps
    seen = (heights > axes.get_ylim()[0]) & (heights < axes.get_ylim()[1])
    axes.plot(steps[seen], heights[seen], color=colour("muted"), lw=1.1, ls=(0, (4, 3)), zorder=1)
    around = _write(axes, _words(line, list(x), list(y), units), x, y)
    return [(list(steps[seen]), list(heights[seen])), around]


def _words(line: Fitted, x: Sequence[float], y: Sequence[float], units: tuple[str, str]) -> str:
    """State the line, the interval of its slope, the points behind it and their correlation."""
    low, high = slope_interval(line, x, y)
    sign = "+" if line.intercept >= 0 else "-"
    return (
        f"fit: {line.slope:.3g} {units[1]}/{units[0]} · x {sign} {abs(line.intercept):.3g} "
        f"{units[1]}\n95 % interval of the slope {low:.3g} to {high:.3g}, n = {len(x)}\n"
        f"R² {line.r2:.2f}, rank correlation {rank_correlation(x, y):.2f}"
    )


def slope_interval(line: Fitted, x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of a least-squares slope, for scatter that is the same everywhere.

    Needs three points or more.
    """
    freedom = len(x) - 2
    mean = sum(x) / len(x)
    left = sum((value - line.at(at)) ** 2 for at, value in zip(x, y, strict=True))
    spread = sum((at - mean) ** 2 for at in x)
    half = student_t(freedom) * (left / freedom / spread) ** 0.5
    return line.slope - half, line.slope + half


def _write(axes: Axes, words: str, x: pd.Series[float], y: pd.Series[float]) -> Line:
    """Write ``words`` in the corner with the fewest points, and return the line around them."""
    at = axes.transAxes.inverted().transform(axes.transData.transform(np.column_stack([x, y])))
    rows = words.count("\n") + 1
    wide = 5.6 * max(map(len, words.split("\n"))) / (axes.bbox.width * 72 / axes.figure.dpi)
    tall = 17 * rows / (axes.bbox.height * 72 / axes.figure.dpi)
    crowd = {
        corner: (
            (np.abs(at[:, 0] - corner[0]) < wide) & (np.abs(at[:, 1] - corner[1]) < tall)
        ).sum()
        for corner in _CORNERS
    }
    right, up = min(crowd, key=crowd.__getitem__)
    text = axes.text(
        0.985 if right else 0.015, 0.985 if up else 0.02, words, transform=axes.transAxes,
        ha="right" if right else "left", va="top" if up else "bottom", size=11,
        color=colour("muted"), linespacing=1.35,
    )  # fmt: skip
    return fence(axes, text)


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
