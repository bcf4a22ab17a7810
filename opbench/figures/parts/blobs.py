"""Blobs: a marker whose AREA is proportional to a quantity, as in the 2016 chart.

A network is drawn as a disc where its accuracy is that of a single central crop, as a square of
the same area where it was published under another protocol, and as a ring where it is known from
print alone.  An accuracy that was measured here has a dark rim.  Solid is what is of one artefact:
the accuracy was measured of what was counted or timed; what was joined is translucent.  What would
be too small to be seen is drawn at the least visible size, and said so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import pi
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from opbench.figures.parts.captions import listed
from opbench.figures.parts.style import colour, hues
from opbench.metrics import family_label

DISC = "o"
SQUARE = "s"
_LEAST = 28.0  # square points: the smallest blob that is still a blob beside its label
_DECADE = 10
_SOLID, _CLEAR, _FAINT = 1.0, 0.78, 0.16  # opacity
_CROWD = 500  # blobs beyond which they are a picture in a vector file, which would else be slow


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """The area of a blob: ``column`` in units of ``unit`` at ``scale`` square points each."""

    column: str
    unit: float
    scale: float
    legend: tuple[float, ...]
    words: str

    def areas(self, frame: pd.DataFrame) -> pd.Series[float]:
        """Square points of a disc's bounding box, never less than what can be seen."""
        return self._quantities(frame).mul(self.scale).clip(lower=_LEAST)

    def enlarged(self, frame: pd.DataFrame) -> str:
        """The sentence that names what is drawn larger than it is, empty where nothing is."""
        sized = frame.assign(quantity=self._quantities(frame))
        small = sized[sized["quantity"] * self.scale < _LEAST].drop_duplicates("name")
        names = listed(f"{row.label} ({row.quantity:.2g})" for row in small.itertuples())
        what = self.words.replace("\n", " ")
        return (
            f"Enlarged to be visible, to {_LEAST / self.scale:.2g} {what}: {names}."
            if names
            else ""
        )

    def _quantities(self, frame: pd.DataFrame) -> pd.Series[float]:
        return frame[self.column].astype(float) / self.unit

    def smaller(self, factor: float) -> Sizing:
        """Return the sizing for a smaller plot."""
        return replace(self, scale=self.scale * factor)

    def fitted(self, frame: pd.DataFrame) -> Sizing:
        """Return the sizing whose legend ends near the largest network of ``frame``."""
        largest, fitted = self._quantities(frame).max(), self
        while 0 < largest < fitted.legend[-1] / _DECADE:
            sizes = tuple(size / _DECADE for size in fitted.legend)
            fitted = replace(fitted, scale=fitted.scale * _DECADE, legend=sizes)
        return fitted


# The sizes of the 2016 chart's legend; 155 million parameters are a disc of 61 points.
BY_PARAMS = Sizing(
    column="params",
    unit=1e6,
    scale=24.0,
    legend=(5, 35, 65, 95, 125, 155),
    words="million\nparameters",
)
BY_OPS = Sizing(
    column="flops", unit=1e9, scale=60.0, legend=(1, 5, 10, 20, 40), words="G-ops\nper image"
)
PLAIN = Sizing(column="one", unit=1.0, scale=70.0, legend=(), words="")


def hue(family: str) -> str:
    """The colour of one family."""
    return hues([family])[family]


def draw_networks(
    axes: Axes,
    frame: pd.DataFrame,
    x: pd.Series[float],
    y: pd.Series[float],
    areas: pd.Series[float],
) -> None:
    """A blob for each row, largest first so that none is hidden; unlit ones fade.

    A patch of paper below each keeps grid and leader lines from showing through.
    """
    rows = frame.assign(x=x, y=y, size=areas).sort_values("size", ascending=False, kind="stable")
    marks = ["lit", "single_crop", "top1_measured", "one_artefact"]
    for (lit, single, measured, one), group in rows.groupby(marks):
        size = group["size"] * (1 if single else pi / 4)
        marker = DISC if single else SQUARE
        fixed: dict[str, Any] = {"s": size, "marker": marker, "rasterized": len(group) > _CROWD}
        axes.scatter(group["x"], group["y"], color=colour("paper"), zorder=2.5, **fixed)
        axes.scatter(
            group["x"],
            group["y"],
            c=group["family"].map(hues(group["family"])).to_list(),
            alpha=(_SOLID if one else _CLEAR) if lit else _FAINT,
            edgecolors=colour("ink" if measured else "paper"),
            # A rim must not eat its disc.
            linewidths=np.minimum(1.1 if measured else 0.9, 0.12 * np.sqrt(size)).to_list(),
            zorder=3,
            **fixed,
        )


def around(frame: pd.DataFrame, areas: pd.Series[float]) -> pd.Series[float]:
    """Return the areas of the circles around the markers: a square reaches beyond its disc."""
    return areas.where(frame["single_crop"].astype(bool), areas * pi / 2)


def family_entries(frame: pd.DataFrame) -> list[Line2D]:
    """Legend entries of the families of ``frame``, in order of the year they first appeared."""
    first = frame.groupby("family")["year"].min().reset_index().sort_values(["year", "family"])
    entries = [
        Line2D([], [], ls="", marker=DISC, ms=8, color=hue(family), label=family_label(family))
        for family in first["family"]
    ]
    if not frame["single_crop"].all():
        words = "not a single central crop"
        entries.append(
            Line2D([], [], ls="", marker=SQUARE, ms=7, color=colour("muted"), label=words)
        )
    return [*entries, *measured_entries(frame)]


def measured_entries(frame: pd.DataFrame) -> list[Line2D]:
    """Legend entries of the accuracies that were measured here and of the others, if any was."""
    measured, one = (frame[key].astype(bool) for key in ("top1_measured", "one_artefact"))
    dot: dict[str, Any] = {"ls": "", "marker": DISC, "ms": 8, "mfc": colour("muted")}
    ink, paper = colour("ink"), colour("paper")
    here = Line2D([], [], mec=ink, label="measured here", **dot)
    joined = Line2D([], [], mec=ink, alpha=_CLEAR, label="measured here, joined", **dot)
    others = Line2D([], [], mec=paper, alpha=_CLEAR, label="stated by others", **dot)
    there = ((here, measured & one), (joined, measured & ~one), (others, ~measured))
    return [entry for entry, rows in there if measured.any() and rows.any()]
