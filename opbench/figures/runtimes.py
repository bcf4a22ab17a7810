"""Time of each network by runtime, relative to eager execution, and how far its outputs are off.

A row is a network.  At the left the latency in each runtime and data type over that in eager
float32, at the right the largest difference of the outputs to those of eager float32, over the
largest output.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from opbench.errors import MissingDataError
from opbench.figures.parts import captions, select
from opbench.figures.parts.axes import number, set_axis
from opbench.figures.parts.frame import Sheet, sheet
from opbench.figures.parts.marks import Execution, by_execution, named
from opbench.figures.parts.options import OF_RUNTIMES, Options
from opbench.figures.parts.style import colour
from opbench.table.frames import Table

TAKES = OF_RUNTIMES

_ROW = 0.29  # inches
_TIMES = 0.95  # inches for the times in eager execution, left of the panels
_LETTER = 0.068  # inches of a letter of the names left of these, on average
_GUTTER = 0.35  # inches
_SHARE = 0.64  # of the width, that the times take
_DOT = 44.0  # square points
_STEP = 0.15  # of a row, between the marks of two runtimes
_RATIOS = (
    "Times in ms: in eager float32.  Whiskers: the 95 % intervals of both latencies together; the "
    "band around 1: that of eager float32."
)
_ERRORS = (
    "Error: largest absolute difference of the outputs to those of eager float32 on the same "
    "inputs, over the largest absolute output.  Beyond the dashed limit a time does not count."
)


def draw(table: Table, options: Options) -> Figure:
    """A row for each network.  Raises ``MissingDataError`` saying what to run."""
    frame = relative(select.in_runtimes(table, options))
    rows = _arranged(frame)
    first, converted = frame[frame["usual"]], frame[~frame["usual"]]
    words = Sheet(
        title="What a runtime is worth",
        subtitle=f"Latency relative to eager float32, at batch {first['batch_size'].iloc[0]}, and "
        "the error of the outputs; the networks that gain most first",
        notes=options.notes,
        caption=captions.joined(
            captions.timed(table, frame),
            _RATIOS,
            _ERRORS,
            _unseen(converted),
            _failed(table, frame),
        ),
        legend=[each.entry(_median(its["ratio"])) for each, its in by_execution(converted)],
        left=0.45,
        panel_titles=True,
    ).with_plot_height(_ROW * len(rows))
    figure, (left, bottom, right, top) = sheet(words)
    left += (_TIMES + _LETTER * rows["label"].str.len().max()) / words.width
    gutter = _GUTTER / words.width
    wide = (right - left - gutter) * _SHARE
    times = figure.add_axes((left, bottom, wide, top - bottom))
    errors = figure.add_axes(
        (left + wide + gutter, bottom, right - left - wide - gutter, top - bottom)
    )
    for axes, title in ((times, "time"), (errors, "error of the outputs")):
        _prepare(axes, title, len(rows))
    _write_names(times, rows)
    placed = frame.assign(row=frame["name"].map(rows["row"]))
    _draw_times(times, placed)
    _draw_errors(errors, placed[~placed["usual"]])
    return figure


def relative(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the networks that were timed in eager float32 and otherwise too, with the ``ratio`` of
    the two times and its interval; ``usual`` are the rows of eager float32.

    Raises ``MissingDataError`` where there is none.
    """
    usual = [Execution(*map(str, key)).usual for key in frame[["runtime", "dtype"]].to_numpy()]
    frame = frame.assign(usual=usual)
    eager = frame[frame["usual"]].set_index("name")
    both = set(eager.index) & set(frame["name"][~frame["usual"]])
    if not both:
        raise MissingDataError(
            "no network was timed both in eager float32 and otherwise: run "
            "`opbench run --runtime eager,onnxruntime,openvino`"
        )
    frame = frame[frame["name"].isin(both)]
    base = eager.loc[frame["name"]].set_axis(frame.index)
    ratio = frame["latency_s"] / base["latency_s"]
    low, high = (_spread(frame, base, end) for end in ("low", "high"))
    return frame.assign(ratio=ratio, ratio_low=ratio / low, ratio_high=ratio * high)


def _spread(frame: pd.DataFrame, base: pd.DataFrame, end: str) -> pd.Series[float]:
    """Return the factor to one end of a ratio's interval; that of eager float32 has its own."""
    other = {"low": "high", "high": "low"}[end]
    own = np.where(frame["usual"], 0.0, np.log(frame[f"latency_s_{end}"] / frame["latency_s"]))
    of_base = np.log(base[f"latency_s_{other}"] / base["latency_s"])
    return pd.Series(np.exp(np.hypot(own, of_base)), index=frame.index)


def _arranged(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each network, by name: what gains most first, counted downwards."""
    best = frame[~frame["usual"]].groupby("name")["ratio"].min().rename("best")
    facts = frame[frame["usual"]].set_index("name")[["label", "latency_s", "lit"]]
    rows = facts.join(best).sort_values(["best", "label"])
    return rows.assign(row=range(len(rows)))


def _prepare(axes: Axes, title: str, rows: int) -> None:
    axes.set_title(title, loc="left", size=13, weight="semibold", pad=7)
    axes.set_ylim(rows - 0.4, -0.6)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.hlines(
        range(rows), 0, 1, color=colour("grid"), lw=0.8, zorder=0,
        transform=axes.get_yaxis_transform(),
    )  # fmt: skip


def _write_names(axes: Axes, rows: pd.DataFrame) -> None:
    """Write the names left of the panels, each with its time in eager execution."""
    for label, seconds, row, lit in rows[["label", "latency_s", "row", "lit"]].itertuples(
        index=False
    ):
        strength = 1.0 if lit else 0.3
        told = (f"{_short(1e3 * seconds)} ms", -8, colour("muted")), (label, -62, colour("ink"))
        for words, away, ink in told:
            axes.annotate(
                words, (0, row), xycoords=axes.get_yaxis_transform(), xytext=(away, 0),
                textcoords="offset points", ha="right", va="center", size=10.5,
                color=ink, alpha=strength,
            )  # fmt: skip


def _draw_times(axes: Axes, frame: pd.DataFrame) -> None:
    set_axis(axes, "x", pd.concat([frame["ratio_low"], frame["ratio_high"]]), log=True)
    axes.set_xlabel("latency, relative to eager float32")
    axes.axvline(1, color=colour("muted"), lw=1.2, zorder=1, gid="eager")
    eager = frame[frame["usual"]]
    axes.barh(
        eager["row"], eager["ratio_high"] - eager["ratio_low"], left=eager["ratio_low"],
        height=1.0, color=colour("muted"), alpha=0.25, lw=0, zorder=0.9, gid="interval of eager",
    )  # fmt: skip
    for execution, rows in _apart(frame[~frame["usual"]]):
        for lit, alpha in ((True, 0.9), (False, 0.16)):
            some = rows[rows["lit"] == lit]
            axes.hlines(
                some["at"], some["ratio_low"], some["ratio_high"], color=execution.hue,
                lw=1.1, alpha=alpha, zorder=2,
            )  # fmt: skip
        execution.draw(axes, rows, "ratio", "at", _DOT)


def _draw_errors(axes: Axes, frame: pd.DataFrame) -> None:
    """Draw the errors; 0, which has no place on a logarithmic axis, stands at its left end."""
    known = frame.dropna(subset=["output_error"])
    above = known["output_error"][known["output_error"] > 0]
    axes.set_xlabel("largest error, over the largest output")
    if above.empty:
        axes.set_xticks([])
        axes.annotate("no error, or none known", (0.5, 0.5), xycoords="axes fraction", ha="center",
                      color=colour("muted"))  # fmt: skip
        return
    limits = known["output_limit"].dropna().drop_duplicates()
    set_axis(axes, "x", pd.concat([above, limits]), log=True)
    least = axes.get_xlim()[0]
    if (known["output_error"] == 0).any():
        least /= 3
        axes.set_xlim(left=least / 1.6)
    axes.xaxis.set_major_formatter(FuncFormatter(_power))
    for limit in limits:
        axes.axvline(limit, color=colour("muted"), lw=1.1, ls=(0, (4, 3)), zorder=1, gid="limit")
        axes.annotate(
            "limit", (limit, 1), xycoords=("data", "axes fraction"), xytext=(0, 3), ha="center",
            textcoords="offset points", size=10, color=colour("muted"),
        )  # fmt: skip
    for execution, rows in _apart(known.assign(shown=known["output_error"].clip(lower=least))):
        execution.draw(axes, rows, "shown", "at", _DOT)


def _apart(frame: pd.DataFrame) -> list[tuple[Execution, pd.DataFrame]]:
    """Return the marks of each execution with their height ``at``, none behind another."""
    every = list(by_execution(frame))
    middle = (len(every) - 1) / 2
    step = min(_STEP, 0.6 / max(len(every), 1))
    return [
        (execution, rows.assign(at=rows["row"] + step * (rank - middle)))
        for rank, (execution, rows) in enumerate(every)
    ]


def _power(value: float, _position: int | None = None) -> str:
    """Return ``1e-6`` for a millionth."""
    return f"{value:.0e}".replace("e-0", "e\N{MINUS SIGN}")


def _median(ratios: pd.Series[float]) -> str:
    middle = float(ratios.median())
    if middle > 1:
        return f": median {_short(middle)} times slower"
    return f": median {_short(1 / middle)} times faster"


def _short(value: float) -> str:
    return number(float(f"{value:.2g}"))


def _unseen(frame: pd.DataFrame) -> str:
    """Name the outputs that were not compared, and say where an error of 0 stands."""
    unknown = captions.listed(map(named, frame[frame["output_error"].isna()].to_dict("records")))
    told = (
        "An error of exactly 0 stands at the left end."
        if frame["output_error"].eq(0).any()
        else "",
        f"Outputs that were not compared: {unknown}." if unknown else "",
    )
    return "  ".join(filter(None, told))


def _failed(table: Table, frame: pd.DataFrame) -> str:
    """Name what could not be executed, with the reason."""
    first = frame.iloc[0]
    labels = dict(zip(frame["name"], frame["label"], strict=True))
    lost = table.failures[table.failures["name"].isin(labels)]
    for column in ("machine", "device", "batch_size"):
        lost = lost[lost[column] == first[column]]
    rows = lost.assign(label=lost["name"].map(labels)).to_dict("records")
    cells = [f"{named(row)} ({row['reason']})" for row in rows]
    return f"Without a time: {captions.listed(cells, '; ')}." if cells else ""
