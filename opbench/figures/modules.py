"""The module study: what each design choice of one small network buys and costs.

CaffeNet at 128 pixels with one thing changed at a time, from D. Mishkin, N. Sergievskiy, J. Matas,
"Systematic evaluation of CNN advances on the ImageNet", arXiv:1606.02228.  Cross-hairs mark the
network that everything is changed from.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from opbench.errors import MissingDataError
from opbench.figures import _blobs, _labels, _select, _words
from opbench.figures._axes import axis_label, set_accuracy, set_axis, values
from opbench.figures._frame import Sheet, single_axes
from opbench.figures._options import Options
from opbench.figures._style import colour, on_paper
from opbench.table import Table

TAKES = frozenset({"unit", "log", "highlight", "label"})

_BASE = "caffenet128"

# By the words in a variant's name: the choice that it changes, and its hue.
_CHOICES = (
    ("activation function", "#d55e00", ("elu", "maxout", "prelu", "rrelu", "tanh", "vlrelu")),
    ("pooling", "#0072b2", ("pool", "pool2x2", "pool3x3")),
    ("classifier", "#009e73", ("classifier", "fc4096")),
    ("normalisation", "#cc79a7", ("bn", "lrn")),
    ("colour space", "#4b34c9", ("colorspace",)),
    ("width and groups", "#e69f00", ("width", "nogroups")),
)
_AREA = 120.0


def draw(table: Table, options: Options) -> Figure:
    """One panel.  Raises ``MissingDataError`` when no variant has an accuracy."""
    frame = _select.networks(table, options, "imagenet128")
    if _BASE not in set(frame["name"]):
        raise MissingDataError(f"{_BASE} has no accuracy to compare with")
    words = Sheet(
        title="What one design choice is worth",
        subtitle="CaffeNet at 128 pixels with one thing changed: ImageNet top-1 against cost",
        caption=_words.caption(frame, options, _words.TOP1_INTERVAL),
        legend=_legend(frame),
    ).with_plot_height(7.4)
    figure, axes = single_axes(words)
    x, y = values(frame, options.cost), values(frame, "top1")
    set_axis(axes, "x", x, log=options.log is not False)
    set_accuracy(axes, y)
    axes.set_xlabel(axis_label(options.cost, options))
    axes.set_ylabel(axis_label("top1", options))
    lines = _cross_hairs(axes, frame, options.cost)
    _draw_choices(axes, frame, x, y)
    labels = [label.partition(" ")[2] or label for label in _select.labels(frame, options)]
    points = _labels.Points(x=list(x), y=list(y), areas=[_AREA] * len(frame), labels=labels)
    _labels.place(axes, points, lines)
    return figure


def choice(name: str) -> tuple[str, str]:
    """The design choice that a variant changes, and its hue."""
    words = set(name.split("_"))
    for label, tint, known in _CHOICES:
        if words & set(known):
            return label, on_paper(tint)
    return "the network itself", colour("ink")


def _cross_hairs(axes: Axes, frame: pd.DataFrame, cost: str) -> list[_labels.Line]:
    base = frame[frame["name"] == _BASE]
    x, y = float(values(base, cost).iloc[0]), float(base["top1"].iloc[0])
    axes.axvline(x, color=colour("muted"), alpha=0.6, lw=0.9, ls=(0, (4, 3)), zorder=1)
    axes.axhline(y, color=colour("muted"), alpha=0.6, lw=0.9, ls=(0, (4, 3)), zorder=1)
    return [([*axes.get_xlim()], [y, y])]


def _draw_choices(
    axes: Axes, frame: pd.DataFrame, x: pd.Series[float], y: pd.Series[float]
) -> None:
    low, high = y - values(frame, "top1", "top1_low"), values(frame, "top1", "top1_high") - y
    axes.errorbar(
        x, y, yerr=[low, high], fmt="none", ecolor=colour("muted"), elinewidth=0.7, zorder=2
    )
    for position, name, lit in zip(frame.index, frame["name"], frame["lit"], strict=True):
        axes.scatter(
            [x[position]], [y[position]], s=_AREA, color=choice(name)[1],
            alpha=0.85 if lit else 0.15,
            edgecolors=colour("paper"), linewidths=0.9, zorder=3 + (name == _BASE),
        )  # fmt: skip


def _legend(frame: pd.DataFrame) -> list[Line2D]:
    present = dict(choice(name) for name in frame["name"])
    return [
        Line2D([], [], ls="", marker=_blobs.DISC, ms=8, color=tint, label=label)
        for label, tint in sorted(present.items())
    ]
