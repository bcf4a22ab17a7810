"""The networks of the libraries behind a figure: rings, bars, lines of families, frontiers.

A frontier joins only what compares: accuracies on ImageNet by one central view of images of the
size that is counted, of weights that saw the same group of data.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from opbench.errors import BadValueError, MissingDataError
from opbench.figures.parts import select
from opbench.figures.parts.absent import FRONTIER, IMAGENET, of_zoo
from opbench.figures.parts.axes import set_error, values
from opbench.figures.parts.labels import Count, Line
from opbench.figures.parts.options import Options
from opbench.figures.parts.scatter import Scatter, finish, steps
from opbench.figures.parts.style import colour, on_paper
from opbench.metrics import METRICS
from opbench.table.frames import Table
from opbench.table.frontier import frontier, pareto
from opbench.zoo.groups import TRAININGS, Training
from opbench.zoo.libraries import LIBRARIES

_RING, _DISC, _ASKED = 13.0, 15.0, 45.0  # square points
_ACCURACIES = ("top1", "top5")
_ROOM = 1.5  # of the largest cost, at the end of its axis
_BELOW = 4.0  # percent, from the least accurate of the figure's own networks to the axis
_POINT = ["architecture", "training"]
SUBTITLE = "; rings: timm and torchvision, by the data they saw"
_SCALE = "\nThe axis of the accuracy is the logarithm of the error."
_TRAINING_OF = {group: each.label for each in TRAININGS for group in each.groups}


@dataclass(frozen=True, slots=True, kw_only=True)
class Haze:
    """The points over two metrics, one for an architecture, a group of data and a cost.

    ``points`` has the columns ``least``, the accuracy of the least accurate of the weights that a
    point stands for, and ``asked``, true where the reader names it.  ``rows`` counts the sets of
    weights and sizes on file, ``compared`` those of the points.  ``floor`` is the accuracy at which
    the axis begins.  ``names`` says which are written beside those that the reader asks for: all of
    a frontier, or its most accurate.
    """

    points: pd.DataFrame
    rows: int
    compared: int
    floor: float
    names: Literal["frontier", "best", "asked"] = "frontier"

    @classmethod
    def of(cls, zoo: pd.DataFrame, x: str, y: str, floor: float) -> Haze:
        """Collapse the weights of each architecture."""
        alike = zoo[zoo["comparable"] & zoo["dataset"].isin(IMAGENET.datasets)]
        alike = alike.assign(training=alike["trained_on"].map(_TRAINING_OF))
        alike = alike.dropna(subset=["training", x, y])
        same = alike.groupby([*_POINT, x])
        best = alike.assign(least=same[y].transform("min"), asked=same["asked"].transform("any"))
        best = best.sort_values([y, "name"])
        points = best.drop_duplicates([*_POINT, x], keep="last").sort_values([x, "name"])
        return cls(points=points, rows=len(zoo), compared=len(alike), floor=floor)

    @property
    def groups(self) -> list[tuple[Training, pd.DataFrame]]:
        """The groups that have points, each with its own, the cheapest first."""
        points = dict(iter(self.points.groupby("training")))
        return [(each, points[each.label]) for each in TRAININGS if each.label in points]

    def note(self, spec: Scatter) -> str:
        """Return the sentences that say what is drawn, what is not, and who says so."""
        sources = " and ".join(f"{each.name} ({each.licence})" for each in LIBRARIES.values())
        means = "; ".join(f"{each.label}: {each.means}" for each, _ in self.groups)
        below = int((self.points[spec.y] < self.floor).sum())
        return (
            f"Rings: networks of {sources}, which state these accuracies. A ring is an "
            "architecture at one cost, with the best of its weights in a group; a bar ends at the "
            "least accurate. Thin lines join the sizes of a family that no other size of it beats; "
            "coloured steps are the frontier of a group.\n"
            f"Groups, by all images seen in training: {means}.\n"
            f"Left out: {self.rows - self.compared:,} of {self.rows:,} sets of weights and sizes, "
            f"without a {METRICS[spec.y].label} on ImageNet by one central view of that size; "
            f"{below} {'ring' if below == 1 else 'rings'} below the axis.{_SCALE * spec.log_x}"
        )


def check_axes(spec: Scatter, options: Options) -> None:
    """Raise ``BadValueError`` for axes that the networks of the libraries do not have."""
    if options.zoo and not (is_counted(spec.x) and spec.y in _ACCURACIES):
        raise BadValueError(
            f"--zoo has only top-1 or top-5 against what is counted, not {spec.y} against "
            f"{spec.x}: remove --zoo, --x or --y"
        )


def is_counted(key: str) -> bool:
    """Return whether the metric is a cost that is counted, not measured."""
    return METRICS[key].of == "network" and METRICS[key].role == "cost"


def behind(table: Table, frame: pd.DataFrame, spec: Scatter, options: Options) -> Haze | None:
    """Return the networks of the libraries behind those of ``frame``, where they are asked for.

    Raises ``MissingDataError`` where there are none.
    """
    if not options.zoo or not is_counted(spec.x):
        return None
    globs = [each for each in (*options.label, *options.highlight) if each != FRONTIER]
    zoo = select.of_families(table.zoo, options).assign(asked=False)
    zoo["asked"] = of_zoo(zoo, globs)
    found = Haze.of(zoo, spec.x, spec.y, float(frame[spec.y].min()) - _BELOW)
    if found.points.empty:
        raise MissingDataError(
            "no network of a library has an accuracy that compares: remove --zoo or --family"
        )
    if zoo["asked"].any() and not found.points["asked"].any():
        raise MissingDataError(
            f"{', '.join(globs)} has no point in this figure: no top-1 on ImageNet by one central "
            "view of the size that is counted is stated"
        )
    return found if not globs or FRONTIER in options.label else replace(found, names="asked")


def highlights(frame: pd.DataFrame, options: Options) -> Options:
    """Name the frontier and the best of each family, unless the reader chooses."""
    if options.label or options.highlight:
        return options
    best = frame.sort_values(["top1", "macs"]).drop_duplicates("family", keep="last")
    return replace(options, label=(FRONTIER, *best["name"]))


def entries(haze: Haze | None) -> list[Line2D]:
    """Return the entries of the legend, one for each group."""
    return [
        Line2D(
            [], [], ls="", marker="o", ms=5.5, mfc="none", mew=1.3, color=on_paper(each.hue),
            label=each.label,
        )
        for each, _ in (haze.groups if haze else ())
    ]  # fmt: skip


def finish_over(
    axes: Axes, haze: Haze | None, spec: Scatter, named: pd.DataFrame, lines: list[Line]
) -> Count:
    """Draw the networks of the libraries, if any, then all names as ``scatter.finish`` does."""
    if haze is None:
        return finish(axes, spec, named, lines)
    _set_limits(axes, haze, spec)
    drawn = [_draw_group(axes, points, spec, each) for each, points in haze.groups]
    names = [_named(points, best, haze, spec) for points, best, _ in drawn]
    count = finish(axes, spec, pd.concat([named, *names]), [*lines, *(line for *_, line in drawn)])
    _set_halo(axes)
    return count


def _set_limits(axes: Axes, haze: Haze, spec: Scatter) -> None:
    """Give the crowd at the top its room, and none to what is far below."""
    if spec.log_x:
        x = values(haze.points, spec.x)
        low, high = axes.get_xlim()
        axes.set_xlim(max(low, x.min() / _ROOM), min(high, x.max() * _ROOM))
        set_error(axes)
    axes.set_ylim(haze.floor, 100 - (100 - haze.points[spec.y].max()) * 0.88)


def _draw_group(
    axes: Axes, points: pd.DataFrame, spec: Scatter, training: Training
) -> tuple[pd.DataFrame, pd.DataFrame, Line]:
    """Draw the points of a group, and return them, its frontier, and the line of that."""
    tint, x, y = on_paper(training.hue), values(points, spec.x), values(points, spec.y)
    best = frontier(points, spec.x, spec.y)
    filled = points.index.isin(best.index) | points["asked"]
    _draw_lines(axes, points, spec, tint)
    axes.scatter(
        x[~filled], y[~filled], s=_RING, facecolors="none", edgecolors=tint, lw=0.8, alpha=0.5,
        zorder=1.6, rasterized=True,
    )  # fmt: skip
    area = np.where(points["asked"][filled], _ASKED, _DISC)
    axes.scatter(
        x[filled], y[filled], s=area, color=tint, edgecolors=colour("paper"), lw=0.6, zorder=2.4
    )
    across, up = (each[:-2] for each in steps(axes, best, spec))  # up to its last network
    axes.plot(across, up, color=tint, lw=1.3, alpha=0.9, zorder=2.2)
    return points.assign(ink=tint), best, (across, up)


def _named(points: pd.DataFrame, best: pd.DataFrame, haze: Haze, spec: Scatter) -> pd.DataFrame:
    """Return the obstacles and names that ``labels.place`` takes.

    The name of an architecture at several sizes stands at the most accurate one.
    """
    on = points.index.isin(best.index) & (points[spec.y] >= haze.floor)
    shown = points[on | points["asked"]].sort_values(spec.y)
    names = shown["architecture"].str.replace(r"^\w+:", "", regex=True)
    top = shown[spec.y] == best[spec.y].max()
    wanted = {"frontier": on[shown.index], "best": top, "asked": False}[haze.names]
    wanted = (shown["asked"] | wanted) & ~names.duplicated(keep="last")
    return pd.DataFrame(
        {
            "x": values(shown, spec.x),
            "y": values(shown, spec.y),
            "area": _DISC,
            "label": names.where(wanted, ""),
            "must": shown["asked"] | top,
            "ink": shown["ink"],
        }
    )


def _draw_lines(axes: Axes, points: pd.DataFrame, spec: Scatter, tint: str) -> None:
    """Draw the bars down to the least accurate weights, and the line of each family."""
    x, y, least = (
        values(points, spec.x), values(points, spec.y), values(points, spec.y, "least"),
    )  # fmt: skip
    gap = np.full(len(points), np.nan)
    axes.plot(
        np.repeat(x, 3), np.column_stack([y, least, gap]).ravel(), color=tint, lw=0.6, alpha=0.3,
        zorder=1.4, solid_capstyle="butt",
    )  # fmt: skip
    # One line that is interrupted: hundreds are slow, in a vector file as well.
    ends = [end for _, rows in points.groupby("family") for end in _family(rows, spec)]
    axes.plot(*np.array(ends).T, color=tint, lw=0.6, alpha=0.25, zorder=1.5)


def _family(rows: pd.DataFrame, spec: Scatter) -> list[tuple[float, float]]:
    """Return the sizes of a family that no other of it beats, and a gap."""
    ends = list(zip(values(rows, spec.x), values(rows, spec.y), strict=True))
    return [*(ends[at] for at in pareto(ends)), (np.nan, np.nan)]


def _set_halo(axes: Axes) -> None:
    """Keep the names apart from the rings that they stand on."""
    for text in axes.texts:
        text.set_path_effects([withStroke(linewidth=2.2, foreground=colour("paper"))])
