"""Blobs: a marker whose AREA is proportional to a quantity, as in the 2016 chart.

A network is drawn as a disc where its accuracy is that of a single central crop, as a square of
the same area where it was published under another protocol, and as a ring where it is known from
print alone.
"""

from __future__ import annotations

from math import pi, sqrt

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.lines import Line2D

from opbench.figures._style import colour, hues

LEGEND_MILLIONS = (5, 35, 65, 95, 125, 155)

_DISC = "o"
_SQUARE = "s"


def area(params: pd.Series[float], scale: float) -> pd.Series[float]:
    """Square points of the disc's bounding box; ``scale`` is that area per million parameters."""
    return params * 1e-6 * scale


def hue(family: str) -> str:
    """The colour of one family."""
    return hues([family])[family]


def draw_networks(
    axes: Axes, frame: pd.DataFrame, x: pd.Series[float], scale: float
) -> list[PathCollection]:
    """A blob for each row of ``frame`` at (``x``, ``top1``), largest first so that none is hidden.

    A patch of paper below each keeps grid and leader lines from showing through.
    """
    colours = hues(frame["family"])
    drawn = []
    for single, marker in ((True, _DISC), (False, _SQUARE)):
        rows = frame[frame["single_crop"] == single].sort_values("params", ascending=False)
        if rows.empty:
            continue
        size = area(rows["params"], scale) * (1 if single else pi / 4)
        axes.scatter(
            x[rows.index], rows["top1"], s=size, marker=marker, color=colour("paper"), zorder=2.5
        )
        drawn.append(
            axes.scatter(
                x[rows.index],
                rows["top1"],
                s=size,
                marker=marker,
                c=[colours[family] for family in rows["family"]],
                alpha=0.78,
                edgecolors=colour("paper"),
                linewidths=0.9,
                zorder=3,
            )
        )
    return drawn


def size_legend(axes: Axes, scale: float, *, at: tuple[float, float]) -> None:
    """The discs of 5 to 155 million parameters in a row; ``at`` is its right end, in axes units."""
    width = axes.bbox.width / axes.figure.dpi * 72  # points
    height = axes.bbox.height / axes.figure.dpi * 72
    right, middle = at
    for millions in reversed(LEGEND_MILLIONS):
        radius = sqrt(millions * scale) / 2
        right -= radius / width
        axes.scatter(
            [right], [middle], s=millions * scale, transform=axes.transAxes, facecolors="none",
            edgecolors=colour("muted"), linewidths=0.9, zorder=4,
        )  # fmt: skip
        axes.text(
            right, middle - (sqrt(LEGEND_MILLIONS[-1] * scale) / 2 + 11) / height, str(millions),
            transform=axes.transAxes, ha="center", va="center", size=10.5, color=colour("muted"),
        )  # fmt: skip
        right -= (radius + 7) / width
    axes.text(
        right, middle, "million\nparameters", transform=axes.transAxes, ha="right", va="center",
        size=10.5, color=colour("muted"), linespacing=1.15,
    )  # fmt: skip


def family_legend(axes: Axes, frame: pd.DataFrame, *, columns: int = 1) -> None:
    """The families of ``frame`` with their hues, in order of the year they first appeared."""
    first = frame.groupby("family")["year"].min().reset_index().sort_values(["year", "family"])
    colours = hues(first["family"])
    entries = [
        Line2D([], [], ls="", marker=_DISC, ms=8, color=colours[family], label=family_label(family))
        for family in first["family"]
    ]
    if not frame["single_crop"].all():
        entries.append(
            Line2D(
                [], [], ls="", marker=_SQUARE, ms=7, color=colour("muted"),
                label="another protocol than\na single central crop",
            )
        )  # fmt: skip
    axes.add_artist(
        axes.legend(
            handles=entries, loc="upper left", ncols=columns, fontsize=11, handletextpad=0.3,
            labelspacing=0.35, borderaxespad=0.2,
        )
    )  # fmt: skip


_FAMILY_LABELS = {
    "alexnet": "AlexNet", "overfeat": "OverFeat", "vgg": "VGG", "nin": "Network in network",
    "inception": "Inception", "resnet": "ResNet", "squeezenet": "SqueezeNet",
    "xception": "Xception", "enet": "ENet", "fractalnet": "FractalNet", "lenet": "LeNet", "ciresan": "Ciresan MLP",
    "caffenet128": "CaffeNet128", "modules": "modules",
}  # fmt: skip


def family_label(family: str) -> str:
    """How a family is written on paper."""
    return _FAMILY_LABELS.get(family, family)
