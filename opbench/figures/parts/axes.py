"""Axes: limits with room for blobs, ticks at 1, 2 and 5, labels with unit and convention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import AutoLocator, FixedLocator, FuncFormatter, LogLocator, NullLocator
from numpy.typing import NDArray

from opbench.metrics import METRICS, PER_MAC

_COUNTED = {"macs", "flops"}
_THOUSANDTH = {"G-ops": "M-ops", "GMAC": "MMAC"}
_FEW_DECADES = 2.6
_ACCURACIES = (0, 20, 40, 50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 98, 99)


def values(frame: pd.DataFrame, key: str, column: str = "") -> pd.Series[float]:
    """A metric's column in the unit that its axis prints; ``column`` when it is named otherwise."""
    return frame[column or key].astype(float) * METRICS[key].scale


def reach(frames: Sequence[pd.DataFrame], key: str) -> pd.Series[float]:
    """The values and, where there are columns for them, the ends of their intervals: an axis has
    room for both."""
    columns = (key, f"{key}_low", f"{key}_high")
    there = [values(frame, key, each) for frame in frames for each in columns if each in frame]
    return pd.concat(there).dropna()


def axis_label(key: str) -> str:
    """Return label, unit and, for counts, what was counted and the convention."""
    text = METRICS[key].axis
    return f"{text} of one image  ({PER_MAC})" if key in _COUNTED else text


def set_smaller_unit(axes: Axes, key: str) -> None:
    """Print the ticks and the unit of the x axis in thousandths where all of it is below 1."""
    unit = METRICS[key].unit
    if unit in _THOUSANDTH and axes.get_xlim()[1] < 1:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(1e3 * value)))
        axes.set_xlabel(axes.get_xlabel().replace(f"[{unit}]", f"[{_THOUSANDTH[unit]}]"))


def set_axis(axes: Axes, which: str, shown: pd.Series[float], *, log: bool) -> None:
    """Scale, limits and ticks of the ``x`` or ``y`` axis of ``axes`` for the values ``shown``.

    A logarithmic axis has no place for 0: with one, it is linear.
    """
    axis: Axis = getattr(axes, f"{which}axis")
    low, high = float(shown.min()), float(shown.max())
    if log and low > 0:
        getattr(axes, f"set_{which}scale")("log")
        room = (high / low) ** 0.08 * 1.12
        getattr(axes, f"set_{which}lim")(low / room, high * room)
        _log_ticks(axis, low / room, high * room)
    else:
        room = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
        bottom = low - room if low < 0 or low > 0.3 * high else 0.0
        getattr(axes, f"set_{which}lim")(bottom, high + room)


def set_accuracy(axes: Axes, shown: pd.Series[float]) -> None:
    """The y axis of an accuracy: room for blobs below and labels above, but none above 100 %."""
    low, high = float(shown.min()), float(shown.max())
    room = max(0.3, 0.12 * (high - low))
    axes.set_ylim(low - 1.1 * room, min(high + 1.3 * room, max(100.0, high + 0.4 * room)))
    # Nothing is more accurate than 100 %, so no tick says so.
    axes.yaxis.set_major_locator(UpTo100())


def set_error(axes: Axes) -> None:
    """Scale the y axis of an accuracy by the logarithm of the error: 80 to 90 % as 60 to 80 %."""
    axes.set_yscale("function", functions=(_from_accuracy, _to_accuracy))
    axes.yaxis.set_major_locator(FixedLocator(_ACCURACIES))


def _from_accuracy(percent: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(-np.log10(np.maximum(100 - np.asarray(percent), 1e-3)))


def _to_accuracy(height: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(100 - 10 ** -np.asarray(height))


class UpTo100(AutoLocator):
    """Place no tick beyond 100 %."""

    def tick_values(self, vmin: float, vmax: float) -> Any:
        return [tick for tick in super().tick_values(vmin, vmax) if tick <= 100]


def _log_ticks(axis: Axis, low: float, high: float) -> None:
    few = high / low < 10**_FEW_DECADES
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,), numticks=20))
    axis.set_major_formatter(FuncFormatter(number))
    axis.set_minor_locator(NullLocator())


def number(value: float, _position: int | None = None) -> str:
    """``0.05``, ``2``, ``5,000``: as few digits as say it, also as the label of a tick."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:g}"
