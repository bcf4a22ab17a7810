"""Stairs: the least cost of an accuracy, year by year, each step with its network.

Lines of two accuracies stand a little apart in the direction of the years, so that neither hides
the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter

import pandas as pd
from matplotlib.axes import Axes

from opbench.figures.parts.labels import Line
from opbench.figures.parts.style import colour
from opbench.metrics import METRICS
from opbench.table.networks import Network
from opbench.table.progress import Cost, CostStep

BEYOND = 0.4  # years that a line goes on after the last

_DASHES = (0, (3, 2))
_DOT = 46.0  # square points
_APART = 0.38  # inches between two accuracies at the right
_USUAL_SIDE = 224


@dataclass(frozen=True, slots=True, kw_only=True)
class Stairs:
    """The steps of the cost of one accuracy, by networks of some data alone and by all.

    ``shift`` is in years.
    """

    top1: float
    title: str
    hue: str
    shift: float
    alone: Sequence[CostStep]
    every: Sequence[CostStep]

    @property
    def points(self) -> tuple[CostStep, ...]:
        """All steps."""
        return (*self.alone, *self.every)


def draw_stairs(axes: Axes, stairs: Stairs, scale: float, last: int) -> list[Line]:
    """Draw the lines and dots up to the year ``last``; return the lines for names to avoid."""
    drawn: list[Line] = []
    for points, style, width in ((stairs.every, _DASHES, 1.4), (stairs.alone, "solid", 1.9)):
        x, y = _corners(points, stairs.shift, last)
        y = [cost * scale for cost in y]
        axes.plot(x, y, color=stairs.hue, lw=width, ls=style, zorder=2, solid_capstyle="butt")
        drawn.append((x, y))
    there = {(point.year, point.cost) for point in stairs.alone}
    others = [point for point in stairs.every if (point.year, point.cost) not in there]
    _draw_dots(axes, others, stairs, scale, filled=False)
    _draw_dots(axes, stairs.alone, stairs, scale, filled=True)
    return drawn


def _corners(
    points: Sequence[CostStep], shift: float, last: int
) -> tuple[list[float], list[float]]:
    ends = [*(point.year + shift for point in points[1:]), last + BEYOND]
    x = [at for point, end in zip(points, ends, strict=True) for at in (point.year + shift, end)]
    return x, [point.cost for point in points for _ in range(2)]


def _draw_dots(
    axes: Axes, points: Sequence[CostStep], stairs: Stairs, scale: float, *, filled: bool
) -> None:
    paper = colour("paper")
    axes.scatter(
        [point.year + stairs.shift for point in points],
        [point.cost * scale for point in points],
        s=_DOT, c=stairs.hue if filled else paper, edgecolors=paper if filled else stairs.hue,
        linewidths=1.2, zorder=3,
    )  # fmt: skip


def named_dots(every: Sequence[Stairs], scale: float, names: Mapping[str, str]) -> pd.DataFrame:
    """Return a row for each dot; a network is named once where several lines share it.

    ``names`` are the labels of the registry's networks.
    """
    rows = [
        {
            "x": point.year + stairs.shift,
            "y": point.cost * scale,
            "year": point.year,
            "label": _name(point.network, names),
        }
        for stairs in every
        for point in stairs.points
    ]
    frame = pd.DataFrame(rows).drop_duplicates(["x", "y"]).assign(area=_DOT, must=True)
    return frame.assign(label=frame["label"].mask(frame.duplicated(["year", "y"]), ""))


def _name(network: Network, names: Mapping[str, str]) -> str:
    """Return the label of the registry, or the library's network with an unusual size."""
    row = network.zoo_row
    if row is None:
        return names.get(network.name, network.name)
    label, side = row.architecture.partition(":")[2], network.input_size[-1]
    told = side != _USUAL_SIDE and not label.endswith(str(side))
    return f"{label} at {side}" if told else label


def write_accuracies(axes: Axes, every: Sequence[Stairs], cost: Cost) -> None:
    """Write each accuracy at the end of its line, with the cost today and how far it fell."""
    metric = METRICS[cost]
    ends = [stairs.alone[-1].cost * metric.scale for stairs in every]
    heights = axes.transData.transform([(0, end) for end in ends])[:, 1]
    inches = _spread([float(each - axes.bbox.y0) / axes.figure.dpi for each in heights])
    tall = axes.bbox.height / axes.figure.dpi
    for stairs, end, height in sorted(zip(every, ends, inches, strict=True), key=itemgetter(2)):
        fall = stairs.alone[0].cost * metric.scale / end
        told = f"{end:.2g} {metric.unit}, {fall:.2g} times less than in {stairs.alone[0].year}"
        for text, hue, weight, va in (
            (stairs.title, stairs.hue, "semibold", "bottom"),
            (told, colour("muted"), "normal", "top"),
        ):
            axes.text(
                1.012, height / tall, text, transform=axes.transAxes, color=hue, weight=weight,
                va=va, size=10.5,
            )  # fmt: skip


def _spread(heights: Sequence[float]) -> list[float]:
    """Move heights in inches up until no two are nearer than two lines of text."""
    order = sorted(range(len(heights)), key=heights.__getitem__)
    moved = [*heights]
    for below, above in pairwise(order):
        moved[above] = max(moved[above], moved[below] + _APART)
    return moved
