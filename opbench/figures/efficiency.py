"""Attained share of the device's measured rate against operations: from a count to a time.

Networks of equal operations differ in time by the ratio of their shares.  The rate is that of a
large matrix product, measured in the same run; ``opbench.timing.roofline`` says what binds the
others.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opbench.errors import MissingDataError
from opbench.figures.parts import blobs, captions, labels, select
from opbench.figures.parts.axes import axis_label, number, set_axis, values
from opbench.figures.parts.frame import Sheet
from opbench.figures.parts.options import OF_LOG_TIMINGS, Options
from opbench.figures.parts.panels import by_batch, stack_panels, wanted_batches
from opbench.figures.parts.scatter import draw_whiskers
from opbench.figures.parts.style import colour
from opbench.figures.roofline import with_intensity
from opbench.table.frames import Table

TAKES = OF_LOG_TIMINGS | {"unit"}

_ENDS = ("", "_low", "_high")
_SMALL = blobs.BY_PARAMS.smaller(0.2)
_ABOVE = (
    "More than 100 % is possible: operations are those counted, and a convolution by Winograd's "
    "transform carries out fewer."
)


def draw(table: Table, options: Options) -> Figure:
    """A wide panel for each batch.  Raises ``MissingDataError`` saying what to run."""
    frame = with_shares(select.plain(select.cells(table, options)))
    panels = by_batch(frame, wanted_batches(frame, options))
    shown = pd.concat(panels.values())
    words = Sheet(
        title="How far is it from operations to time?",
        subtitle="Share of the device's measured rate against cost; area of a blob: parameters",
        notes=options.notes,
        caption=captions.joined(
            captions.timed(table, shown), _rate(shown), captions.COUNTED, _SMALL.enlarged(shown)
        ),
        legend=blobs.family_entries(shown),
        sizing=_SMALL,
        panel_titles=True,
        names=True,
    ).with_plot_height(5.2 * len(panels))

    def panel(axes: Axes, rows: pd.DataFrame) -> labels.Count:
        _set_axes(axes, shown, options)
        return _draw_panel(axes, rows, options)

    return stack_panels(words, panels, panel)


def with_shares(cells: pd.DataFrame) -> pd.DataFrame:
    """Return ``cells`` with ``share`` in percent, its interval and ``peak_gflops_per_s``.

    Raises ``MissingDataError`` where no run has a measured rate.
    """
    known = with_intensity(cells.dropna(subset=["fraction_of_peak"]))
    if known.empty:
        raise MissingDataError("no run here has the measured rate of its device: run `opbench run`")
    peak = known["gflops_per_s"] / known["fraction_of_peak"]
    shares = {f"share{end}": 100 * known[f"gflops_per_s{end}"] / peak for end in _ENDS}
    return known.assign(**shares, peak_gflops_per_s=peak)


def _rate(frame: pd.DataFrame) -> str:
    """Say what 100 % are, and what the whiskers."""
    return (
        f"100 %: the rate of a large matrix product in the same run, {_rates(frame)}.  Time: that "
        "of a GPU, launches hidden, or the latency on a CPU.  Whiskers: its 95 % interval.  "
        f"{_ABOVE}"
    )


def _rates(frame: pd.DataFrame) -> str:
    """Return the measured rate, or the lowest and the highest of several runs."""
    ends = (f"{frame['peak_gflops_per_s'].agg(end):,.0f}" for end in ("min", "max"))
    return f"{' to '.join(dict.fromkeys(ends))} GFLOP/s"


def _set_axes(axes: Axes, shown: pd.DataFrame, options: Options) -> None:
    """Give every panel the same axes, so that what a larger batch gains can be seen."""
    log = options.log is not False
    shares = [shown[f"share{end}"] for end in _ENDS]
    set_axis(axes, "x", values(shown, options.cost), log=log)
    set_axis(axes, "y", pd.concat([*shares, pd.Series([100.0])]), log=log)
    axes.set_xlabel(axis_label(options.cost))
    axes.set_ylabel("share of the measured rate [%]")


def _draw_panel(axes: Axes, rows: pd.DataFrame, options: Options) -> labels.Count:
    x, y = values(rows, options.cost), rows["share"]
    lines = _draw_levels(axes, rows)
    areas = _SMALL.areas(rows)
    blobs.draw_networks(axes, rows, x, y, areas)
    lines += draw_whiskers(axes, rows, x, (rows["share_low"], rows["share_high"]))
    named = select.names(rows, options).assign(x=x, y=y, area=areas)
    return labels.place(axes, named, lines, size=9)


def _draw_levels(axes: Axes, rows: pd.DataFrame) -> list[labels.Line]:
    """Draw the measured rate and the median share, and say how far apart the shares are."""
    median = float(rows["share"].median())
    levels = {
        "rate": (100.0, "-", f"a large matrix product: {_rates(rows)}"),
        "median": (median, (0, (4, 3)), "median"),
    }
    muted = colour("muted")
    for name, (level, style, words) in levels.items():
        axes.axhline(level, color=muted, lw=1.2, ls=style, zorder=1, gid=name)
        axes.annotate(
            words, (0.0, level), xycoords=axes.get_yaxis_transform(), xytext=(8, 4),
            textcoords="offset points", size=11, color=muted,
        )  # fmt: skip
    axes.text(
        0.985, 0.02, _spread(rows["share"]),
        transform=axes.transAxes, ha="right", va="bottom", size=11, color=muted,
    )  # fmt: skip
    return [(list(axes.get_xlim()), [level] * 2) for level, _, _ in levels.values()]


def _spread(shares: pd.Series[float]) -> str:
    """Say how far apart the shares are, also as times."""
    low, middle, high = float(shares.min()), float(shares.median()), float(shares.max())
    if len(shares) < 2:
        return f"{_short(middle)} %"
    return (
        f"median {_short(middle)} %, from {_short(low)} to {_short(high)} %: the same operations "
        f"can take {_short(high / low)} times as long"
    )


def _short(value: float) -> str:
    return number(float(f"{value:.2g}"))
