"""The module study: what each design choice of one small network buys and costs.

CaffeNet at 128 pixels with one thing changed at a time, from D. Mishkin, N. Sergievskiy, J. Matas,
"Systematic evaluation of CNN advances on the ImageNet", arXiv:1606.02228.  A row is a variant, the
line down each panel the network that everything is changed from: most variants cost the same, so
that in the chart of accuracy against cost, at the right, their names would lie on each other.
"""

from __future__ import annotations

from math import log10
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from opbench.errors import MissingDataError
from opbench.figures.parts import captions, labels, select
from opbench.figures.parts.absent import Needs
from opbench.figures.parts.axes import reach, set_accuracy, set_axis, values
from opbench.figures.parts.frame import Sheet, sheet
from opbench.figures.parts.options import Options
from opbench.figures.parts.style import colour, on_paper
from opbench.metrics import METRICS
from opbench.table.frames import Table
from opbench.table.frontier import frontier

TAKES = frozenset({"unit", "log", "highlight"})

_BASE = "caffenet128"
_STUDY = Needs(datasets=("imagenet128",))

# The design choices of the study, in their hues.
_HUES = {
    "normalisation": "#cc79a7",
    "activation function": "#d55e00",
    "pooling": "#0072b2",
    "classifier": "#009e73",
    "colour space": "#4b34c9",
    "width": "#e69f00",
    "groups": "#56b4e9",
}
_INTERVALS = (
    "Whiskers, and the band of the network itself: 95 % interval of a proportion, from the number "
    "of test images."
)

_DOT = 62.0  # square points
_ROW = 0.235  # inches
_NAMES = 1.55  # inches for the names left of the panels
_GUTTER = 0.3  # inches
_SHARES = (0.36, 0.18, 0.18, 0.28)  # of the width, that the panels take
_SCALE = 0.55  # inches for the accuracies left of the chart


def draw(table: Table, options: Options) -> Figure:
    """A row for each variant.  Raises ``MissingDataError`` when none has an accuracy."""
    frame = _with_choices(select.networks(table, options, _STUDY))
    if not {_BASE} < set(frame["name"]):
        raise MissingDataError(f"{_BASE} or every variant of it lacks an accuracy to compare")
    base = frame[frame["name"] == _BASE].iloc[0]
    rows = _arranged(frame.assign(label=select.without_prefix(frame["label"])))
    words = Sheet(
        title="What one design choice is worth",
        subtitle=f"{base['label']}, a CaffeNet for 128 pixels, with one thing changed at a time",
        notes=options.notes,
        caption=captions.caption(frame, _several(rows), _INTERVALS),
        left=0.45,
        panel_titles=True,
    ).with_plot_height(_ROW * (rows["row"].max() + 1))
    figure, (left, bottom, right, top) = sheet(words)
    left += _NAMES / words.width
    gutter = _GUTTER / words.width
    inside = right - left - gutter * (len(_SHARES) - 1) - _SCALE / words.width
    for key, share in zip(("top1", options.cost, "params"), _SHARES, strict=False):
        axes = figure.add_axes((left, bottom, inside * share, top - bottom))
        _draw_panel(axes, rows, base, key, options)
        left += inside * share + gutter
    _write_names(figure.axes[0], rows)
    wide = inside * _SHARES[-1]
    _draw_chart(figure.add_axes((right - wide, bottom, wide, top - bottom)), frame, options)
    return figure


def _with_choices(frame: pd.DataFrame) -> pd.DataFrame:
    """Add the design choice that each variant changes, and its hue."""
    frame = frame.assign(changes=frame["changes"].fillna(""))
    choices = frame["changes"].map(choice)
    tints = choices.map(lambda each: on_paper(_HUES[each]) if each in _HUES else colour("muted"))
    tints[frame["name"] == _BASE] = colour("ink")
    return frame.assign(choice=choices, tint=tints)


def choice(changes: str) -> str:
    """Return the choice under study among ``changes``, which are separated by semicolons."""
    first, *more = changes.split("; ")
    return first if first and len(more) < 2 else "several choices"


def _arranged(frame: pd.DataFrame) -> pd.DataFrame:
    """Sort the variants by the choice they change, the best first, and add the ``row`` of each.

    Rows count downwards; above the first of each choice one is left for a heading.
    """
    variants = frame[frame["name"] != _BASE]
    variants = variants.assign(best=variants.groupby("choice")["top1"].transform("max"))
    ordered = variants.sort_values(
        ["best", "choice", "top1", "name"], ascending=[False, True, False, True], ignore_index=True
    )
    headings = ordered["choice"].ne(ordered["choice"].shift()).cumsum()
    return ordered.assign(row=ordered.index + headings)


def _several(rows: pd.DataFrame) -> str:
    """Return a sentence that names the variants that change more than one thing."""
    listed = [
        f"{label} ({changes.replace('; ', ', ')})"
        for label, changes in zip(rows["label"], rows["changes"], strict=True)
        if "; " in changes
    ]
    return f"More than one thing is changed in: {'; '.join(listed)}." if listed else ""


def _draw_panel(
    axes: Axes, rows: pd.DataFrame, base: pd.Series[float], key: str, options: Options
) -> None:
    gain = key == "top1"
    metric = METRICS[key]
    own = f"{base[key] * metric.scale:.3g} {metric.unit}"
    axes.set_title(metric.label, loc="left", size=13, weight="semibold", pad=7)
    axes.set_xlabel(f"points above {own}" if gain else f"times {own}", size=11.5)
    axes.set_ylim(rows["row"].max() + 0.6, -0.6)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.hlines(
        rows["row"],
        0,
        1,
        color=colour("grid"),
        lw=0.8,
        transform=axes.get_yaxis_transform(),
        zorder=0,
    )
    axes.axvline(0 if gain else 1, color=colour("muted"), lw=1.1, zorder=2)
    if gain:
        _draw_gains(axes, rows, base)
    else:
        _draw_costs(axes, rows, rows[key] / base[key], log=options.log is not False)


def _draw_gains(axes: Axes, rows: pd.DataFrame, base: pd.Series[float]) -> None:
    low, at, high = (rows[column] - base["top1"] for column in ("top1_low", "top1", "top1_high"))
    own = [base[column] - base["top1"] for column in ("top1_low", "top1_high")]
    axes.axvspan(*own, color=colour("muted"), alpha=0.18, lw=0, zorder=1)
    axes.hlines(rows["row"], low, high, color=colour("ink"), lw=0.9, zorder=4)
    room = 0.06 * (high.max() - low.min())
    axes.set_xlim(low.min() - room, high.max() + 2 * room)
    _draw_dots(axes, rows, at, high, [f"{value:+.1f}" for value in at])


def _draw_costs(axes: Axes, rows: pd.DataFrame, at: pd.Series[float], *, log: bool) -> None:
    if log:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(base=2))
        axes.xaxis.set_minor_locator(NullLocator())
        room = 10 ** (0.08 * log10(at.max() / at.min()) + 0.02)
        axes.set_xlim(at.min() / room, at.max() * room**3)
    else:
        axes.set_xlim(0, 1.25 * at.max())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}x"))
    _draw_dots(axes, rows, at, at, [f"{value:.3g}x" for value in at])


def _draw_dots(
    axes: Axes, rows: pd.DataFrame, at: pd.Series[float], ends: pd.Series[float], words: list[str]
) -> None:
    axes.scatter(
        at,
        rows["row"],
        s=_DOT,
        c=_tints(rows),
        edgecolors=colour("paper"),
        linewidths=0.8,
        zorder=3,
    )
    strength = [0.95 if lit else 0.2 for lit in rows["lit"]]
    for x, row, text, alpha in zip(ends, rows["row"], words, strength, strict=True):
        axes.annotate(
            text, (x, row), xytext=(7, 0), textcoords="offset points", va="center", size=9.5,
            alpha=alpha, bbox={"facecolor": colour("paper"), "linewidth": 0, "pad": 0.6},
        )  # fmt: skip


def _draw_chart(axes: Axes, frame: pd.DataFrame, options: Options) -> None:
    """Accuracy against cost; what no other variant beats is named."""
    frame = frame.assign(label=select.without_prefix(frame["label"]))
    x, y = values(frame, options.cost), frame["top1"]
    axes.set_title("accuracy against cost", loc="left", size=13, weight="semibold", pad=7)
    set_axis(axes, "x", x, log=options.log is not False)
    set_accuracy(axes, reach([frame], "top1"))
    axes.set_xlabel(METRICS[options.cost].axis, size=11.5)
    axes.set_ylabel(METRICS["top1"].axis, size=11.5)
    base = frame["name"] == _BASE
    own_x, own_y = x[base].iloc[0], y[base].iloc[0]
    axes.axvline(own_x, color=colour("muted"), lw=1.1, zorder=2)
    axes.axhline(own_y, color=colour("muted"), lw=1.1, zorder=2)
    axes.vlines(x, frame["top1_low"], frame["top1_high"], color=colour("ink"), lw=0.9, zorder=4)
    axes.scatter(
        x, y, s=_DOT, c=_tints(frame), edgecolors=colour("paper"), linewidths=0.8, zorder=3
    )
    best = Options(label=("frontier", _BASE))
    named = select.names(frame, best, frontier(frame, options.cost, "top1"))
    cross = [([own_x, own_x], [*axes.get_ylim()]), ([*axes.get_xlim()], [own_y, own_y])]
    labels.place(axes, named.assign(x=x, y=y, area=_DOT), cross, size=9.5)


def _tints(rows: pd.DataFrame) -> list[Any]:
    """Return the hue of each variant's choice, faint where another is brought forward."""
    return [
        to_rgba(tint, 0.95 if lit else 0.2)
        for tint, lit in zip(rows["tint"], rows["lit"], strict=True)
    ]


def _write_names(axes: Axes, rows: pd.DataFrame) -> None:
    """The names of the variants left of the first panel, under the choice that they change."""
    heads = rows.drop_duplicates("choice")
    ticks = [*rows["row"], *(heads["row"] - 1)]
    axes.set_yticks(ticks, [*rows["label"], *heads["choice"]], size=11, color=colour("ink"))
    axes.grid(axis="y", visible=False)
    for label, tint in zip(axes.get_yticklabels()[len(rows) :], heads["tint"], strict=True):
        label.set(color=tint, weight="semibold")
