"""A line per network over batch sizes, named at its right end.

Two points are a line whatever happens between them, so networks that were tried at fewer than four
batch sizes are left out and counted, as long as there are others.  A batch that failed is a cross
at the end of its line, and a sentence in the caption.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from opbench.errors import MissingDataError
from opbench.figures.parts import captions, select
from opbench.figures.parts.axes import axis_label, number, reach, set_axis, values
from opbench.figures.parts.blobs import family_entries, hue
from opbench.figures.parts.fit import draw_idle
from opbench.figures.parts.frame import Sheet, note_names, single_axes
from opbench.figures.parts.options import OF_LOG_TIMINGS, Options
from opbench.table.frames import Table

TAKES = OF_LOG_TIMINGS

_NAMES = 1.9  # inches for the names right of the lines
_LINE = 12.0  # points from one name to the next
_FEW = 12  # networks whose intervals can be told apart
_POINTS = 4  # batch sizes that make a curve


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSweep:
    """A sweep over batch sizes: its metric, title and subtitle."""

    key: str
    title: str
    subtitle: str
    note: str = ""
    from_zero: bool = False


def draw_sweep(table: Table, options: Options, sweep: BatchSweep) -> Figure:
    """Lines over batch size.  Raises ``MissingDataError`` saying what to run."""
    frame = select.plain(select.cells(table, options, sweep.key))
    if options.batch_sizes:
        frame = frame[frame["batch_size"].isin(select.batches(frame, options, ()))]
    if frame["batch_size"].nunique() < 2:
        raise MissingDataError(
            "only one batch size was measured here: run "
            f"`opbench run --device {frame['device'].iloc[0]} --batch-size 1,2,4,8,16`"
        )
    failures = _failures(table, frame)
    swept = _swept(frame, failures, options)
    left_out = frame["name"].nunique() - swept["name"].nunique()
    frame = swept
    words = Sheet(
        title=sweep.title,
        subtitle=sweep.subtitle,
        notes=options.notes,
        caption=captions.joined(
            captions.metered(table, frame, sweep.key),
            _left_out_words(left_out),
            _interval_words(frame, sweep),
            sweep.note,
            _failed_words(failures),
        ),
        legend=family_entries(frame),
        right=_NAMES,
        names=True,
    ).with_plot_height(6.3)
    figure, axes = single_axes(words)
    _scale(axes, frame, options, sweep)
    banded = _banded(frame, sweep)
    for name, rows in frame.groupby("name"):
        by_size = rows.sort_values("batch_size")
        _draw_line(axes, by_size, failures, sweep, banded=name in banded)
    if sweep.key == "power_w":
        draw_idle(axes, frame)
    note_names(figure, [_name_lines(axes, frame, options, sweep)])
    return figure


def _swept(frame: pd.DataFrame, failures: pd.DataFrame, options: Options) -> pd.DataFrame:
    """Return the networks that were tried at enough batch sizes, and those brought forward."""
    tried = pd.concat([frame["name"], failures["name"]]).value_counts()
    points = frame["name"].map(tried)
    named = frame["lit"] & bool(options.highlight)
    swept: pd.DataFrame = frame[(points >= min(_POINTS, points.max())) | named]
    return swept


def _left_out_words(count: int) -> str:
    networks = f"{count} network{'s' * (count > 1)}"
    return f"Not drawn: {networks} measured at fewer batch sizes." if count else ""


def _scale(axes: Axes, frame: pd.DataFrame, options: Options, sweep: BatchSweep) -> None:
    sizes = sorted(set(frame["batch_size"]))
    axes.set_xscale("log", base=2)
    axes.set_xlim(sizes[0] / 1.15, sizes[-1] * 1.15)
    axes.xaxis.set_major_locator(FixedLocator(sizes))
    axes.xaxis.set_major_formatter(FuncFormatter(number))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("batch size [images]")
    banded = frame[frame["name"].isin(_banded(frame, sweep))]
    shown = pd.concat([values(frame, sweep.key), reach([banded], sweep.key)])
    if sweep.from_zero:
        axes.set_ylim(0, shown.max() * 1.15)
    else:
        set_axis(axes, "y", shown, log=options.log is not False)
    axes.set_ylabel(axis_label(sweep.key))


def _draw_line(
    axes: Axes, rows: pd.DataFrame, failures: pd.DataFrame, sweep: BatchSweep, *, banded: bool
) -> None:
    y = values(rows, sweep.key)
    lit = bool(rows["lit"].iloc[0])
    tint = hue(rows["family"].iloc[0])
    strength = 0.9 if lit else 0.15
    axes.plot(rows["batch_size"], y, color=tint, alpha=strength, lw=1.6, marker="o", ms=3.5)
    if banded:
        low, high = _interval(rows, sweep)
        axes.fill_between(rows["batch_size"], low, high, color=tint, alpha=0.2 * strength, lw=0)
    lost = failures[failures["name"] == rows["name"].iloc[0]]
    here = [size for size in lost["batch_size"] if size <= axes.get_xlim()[1]]
    if here:
        axes.plot(
            here, [y.iloc[-1]] * len(here), ls="", marker="x", ms=6, color=tint, alpha=strength
        )


def _banded(frame: pd.DataFrame, sweep: BatchSweep) -> set[str]:
    """The networks whose intervals are drawn: those brought forward, unless they are a crowd."""
    lit = set(frame["name"][frame["lit"]])
    return lit if f"{sweep.key}_low" in frame and len(lit) <= _FEW else set()


def _interval(rows: pd.DataFrame, sweep: BatchSweep) -> tuple[pd.Series[float], pd.Series[float]]:
    low, high = (values(rows, sweep.key, f"{sweep.key}_{end}") for end in ("low", "high"))
    return low, high


def _interval_words(frame: pd.DataFrame, sweep: BatchSweep) -> str:
    """Explain the bands, or state the width of the intervals where they are not drawn."""
    if f"{sweep.key}_low" not in frame:
        return ""
    if _banded(frame, sweep):
        return "Bands: 95 % intervals of the latency."
    low, high = _interval(frame, sweep)
    share = 50 * (high - low) / values(frame, sweep.key)
    half, worst = (number(float(f"{value:.2g}")) for value in (share.median(), share.max()))
    return (
        f"95 % intervals would hide the lines: half of the cells are known to ± {half} %, "
        f"the worst to ± {worst} %."
    )


def _name_lines(
    axes: Axes, frame: pd.DataFrame, options: Options, sweep: BatchSweep
) -> tuple[int, int]:
    """Write names right of the lines, tied to their ends, and return how many of how many."""
    last = frame.sort_values("batch_size").drop_duplicates("name", keep="last")
    last = select.names(last, options).join(last[["batch_size", "family"]])
    last = last.assign(y=values(frame, sweep.key)).query("label != ''")
    # Points, not pixels: a vector file has other pixels than the figure.
    points = 72 / axes.figure.dpi
    shown = _thinned(last, int(axes.bbox.height * points / _LINE))
    ends = axes.transData.transform(shown[["batch_size", "y"]]) * points
    _, bottom, right, top = (edge * points for edge in axes.bbox.extents)
    heights = _inside(spread(list(ends[:, 1]), _LINE), bottom, top)
    rows = zip(ends, heights, shown["label"], shown["family"], strict=True)
    for (x, y), height, label, family in rows:
        axes.annotate(
            label, xy=(x, y), xycoords="figure points", xytext=(right + 22, height),
            textcoords="figure points", va="center", size=9.5, annotation_clip=False,
            arrowprops={
                "arrowstyle": "-", "lw": 0.6, "color": hue(family), "shrinkA": 2, "shrinkB": 3,
                "relpos": (0, 0.5),
            },
        )  # fmt: skip
    return len(shown), len(last)


def _thinned(last: pd.DataFrame, room: int) -> pd.DataFrame:
    """Return what must be named and as many others as there is room for, evenly chosen."""
    must, others = last[last["must"]], last[~last["must"]].sort_values("y")
    left = min(len(others), max(room - len(must), 0))
    chosen = np.arange(left) * len(others) // max(left, 1)
    return pd.concat([must, others.iloc[chosen]])


def _inside(heights: list[float], bottom: float, top: float) -> list[float]:
    """Move all heights together so that they stand beside the plot."""
    down = min(0.0, top - max(heights, default=0.0))
    up = max(0.0, bottom - min(heights, default=0.0) - down)
    return [height + down + up for height in heights]


def spread(wanted: list[float], gap: float) -> list[float]:
    """Positions at least ``gap`` apart, in the order of ``wanted``, with least squared moves.

    Neighbours that are too close become one block that stands at the mean of what its members
    want: R. E. Barlow et al., "Statistical Inference under Order Restrictions", 1972.
    """
    order = sorted(range(len(wanted)), key=lambda index: (wanted[index], index))
    blocks: list[tuple[float, list[int]]] = []
    for rank, index in enumerate(order):
        mean, members = wanted[index] - rank * gap, [index]
        while blocks and blocks[-1][0] > mean:
            other, before = blocks.pop()
            total = other * len(before) + mean * len(members)
            members = before + members
            mean = total / len(members)
        blocks.append((mean, members))
    placed = dict.fromkeys(range(len(wanted)), 0.0)
    flat = [(mean, index) for mean, members in blocks for index in members]
    for rank, (mean, index) in enumerate(flat):
        placed[index] = mean + rank * gap
    return [placed[index] for index in range(len(wanted))]


def _failures(table: Table, frame: pd.DataFrame) -> pd.DataFrame:
    if table.failures.empty:
        return table.failures.reindex(columns=["name", "batch_size", "label", "reason"])
    failed = table.failures
    first = frame.iloc[0]
    here = (failed["machine"] == first["machine"]) & (failed["device"] == first["device"])
    same = (failed["dtype"] == first["dtype"]) & failed["name"].isin(frame["name"])
    labels = dict(zip(frame["name"], frame["label"], strict=True))
    lost: pd.DataFrame = failed[here & same]
    return lost.assign(label=lost["name"].map(labels))


def _failed_words(failures: pd.DataFrame) -> str:
    cells = [f"{row.label} at {row.batch_size} ({row.reason})" for row in failures.itertuples()]
    return f"Crosses, cells that failed: {captions.listed(cells, '; ')}." if cells else ""
