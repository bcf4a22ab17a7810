"""The cost of five accuracies on ImageNet by year, and the networks that lowered it.

Two panels over one axis of years, operations above and parameters below.  A line is the least cost
of a top-1 accuracy up to a year: solid by networks trained on ImageNet-1k alone, dashed by all,
where that is less.  ``opbench.table.progress`` has the steps and the estimator of the halving time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MultipleLocator, StrMethodFormatter

from opbench.accuracy import primaries
from opbench.figures.parts import captions, labels
from opbench.figures.parts.axes import axis_label, set_axis
from opbench.figures.parts.frame import Sheet, note_names, sheet
from opbench.figures.parts.options import Options
from opbench.figures.parts.stairs import (
    BEYOND,
    Stairs,
    draw_stairs,
    named_dots,
    write_accuracies,
)
from opbench.figures.parts.style import colour, on_paper
from opbench.metrics import METRICS
from opbench.table.frames import Table
from opbench.table.networks import Network
from opbench.table.progress import (
    HIGHEST,
    REFERENCES,
    Cost,
    HalvingTime,
    competing,
    halving_time,
    steps,
)

TAKES = frozenset({"unit"})

_HUES = ("#0072b2", "#009e73", "#b8860b", "#d55e00", "#aa3377")
_ALONE = "imagenet1k"
_MARGIN = 2.75  # inches right of the panels, for the accuracies
_UPPER, _GUTTER, _LOWER = 4.7, 0.4, 5.3  # inches
_SHIFT = 0.055  # years between the lines of two accuracies

_STEPS = (
    "A dot is the cheapest network of a year that reached the accuracy for less than any of the "
    "years before.  It stands in the year of its architecture's paper, however much later its "
    "weights were trained, and variants that a library added in that of their family.  Only "
    "accuracies of one central view of the images compete; quantised weights and networks without "
    "a paper do not."
)
_ESTIMATOR = (
    "Halving time: least squares of the logarithm of the cost against the year over all dots, one "
    "slope for all accuracies; the interval is a bootstrap's over families of networks.  Years "
    "without a dot do not count"
)
_TRAINING = (
    "Published rates are of training compute, not of one forward pass: 16 months for AlexNet's "
    "accuracy, 2012 to 2019 (arXiv:2005.04305); 9 months, 95 % interval 4 to 25 (arXiv:2212.05153)."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Panel:
    """The stairs of one cost, and its halving time by networks of ImageNet-1k alone and by all."""

    cost: Cost
    stairs: Sequence[Stairs]
    alone: HalvingTime | None
    every: HalvingTime | None

    @property
    def label(self) -> str:
        """The cost, at the beginning of a sentence."""
        return METRICS[self.cost].label.capitalize()

    def told(self) -> str:
        """Say both halving times."""
        return (
            f"{self.label} halve in {_months(self.alone)} by networks "
            f"trained on ImageNet-1k alone, in {_months(self.every)} by all."
        )


def draw(table: Table, options: Options) -> Figure:
    """Two panels, of the networks of the registry and of the libraries."""
    networks = competing(table.folder.networks)
    costs: tuple[Cost, Cost] = ("flops" if options.cost == "flops" else "macs", "params")
    names = dict(zip(table.networks["name"], table.networks["label"], strict=True))
    panels = [_panel(networks, cost, names) for cost in costs]
    last = max(each.year or 0 for each in networks)
    words = _sheet(panels, last, options)
    figure, (left, bottom, right, top) = sheet(words)
    lower = bottom + _LOWER / words.height
    upper = lower + _GUTTER / words.height
    above = figure.add_axes((left, upper, right - left, top - upper))
    below = figure.add_axes((left, bottom, right - left, lower - bottom))
    drawn = zip((above, below), panels, strict=True)
    note_names(figure, [_draw_panel(axes, panel, last, names) for axes, panel in drawn])
    above.tick_params(axis="x", labelbottom=False)
    below.set_xlabel("year of the paper")
    return figure


def _panel(networks: Sequence[Network], cost: Cost, names: Mapping[str, str]) -> _Panel:
    alone = [each for each in networks if each.trained_on == _ALONE]
    wanted = _accuracies(names)
    stairs = [
        Stairs(
            top1=top1,
            title=title,
            hue=on_paper(hue),
            shift=_SHIFT * (at - len(wanted) // 2),
            alone=steps(alone, top1, cost),
            every=steps(networks, top1, cost),
        )
        for at, ((top1, title), hue) in enumerate(zip(wanted, _HUES, strict=False))
    ]
    top1s = [top1 for top1, _ in wanted]
    return _Panel(
        cost=cost,
        stairs=[each for each in stairs if each.alone],
        alone=halving_time(alone, top1s, cost),
        every=halving_time(networks, top1s, cost),
    )


def _accuracies(names: Mapping[str, str]) -> list[tuple[float, str]]:
    """Return the accuracies that are asked for, in percent, with their titles."""
    top1s = ((name, primaries()[name].top1) for name in REFERENCES)
    known = [(top1, f"{top1:g} %, like {names.get(name, name)}") for name, top1 in top1s if top1]
    return [*known, (HIGHEST, f"{HIGHEST:g} %")]


def _sheet(panels: Sequence[_Panel], last: int, options: Options) -> Sheet:
    rates = "  ".join(panel.told() for panel in panels)
    words = Sheet(
        title="What an accuracy costs, year by year",
        subtitle="The least that a top-1 accuracy on ImageNet needs in one forward pass, and the "
        "networks that lowered it",
        notes=options.notes,
        caption=captions.joined(
            f"{rates}  {_TRAINING}",
            f"{_ESTIMATOR}, among them all after {_last_step(panels)}, to {last}.",
            _STEPS,
            captions.COUNTED,
        ),
        legend=_legend(),
        left=1.0,
        right=_MARGIN,
        names=True,
    )
    return words.with_plot_height(_UPPER + _GUTTER + _LOWER)


def _last_step(panels: Sequence[_Panel]) -> int:
    points = (point for panel in panels for stairs in panel.stairs for point in stairs.points)
    return max(point.year for point in points)


def _months(halving: HalvingTime | None) -> str:
    return str(halving) if halving else "a time that takes two steps to tell"


def _legend() -> list[Line2D]:
    ink = colour("ink")
    dot: dict[str, Any] = {"marker": "o", "ms": 6.5, "color": ink, "mec": ink}
    return [
        Line2D([], [], lw=1.9, mfc=ink, label="  trained on ImageNet-1k alone", **dot),
        Line2D([], [], lw=1.4, ls=(0, (1.6, 1)), mfc=colour("paper"), label="  on any data", **dot),
    ]


def _draw_panel(axes: Axes, panel: _Panel, last: int, names: Mapping[str, str]) -> labels.Count:
    scale = METRICS[panel.cost].scale
    points = [point for stairs in panel.stairs for point in stairs.points]
    axes.set_xlim(min(point.year for point in points) - 0.6, last + BEYOND)
    axes.xaxis.set_major_locator(MultipleLocator(1))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))
    axes.grid(axis="x", visible=False)
    set_axis(axes, "y", pd.Series([point.cost * scale for point in points]), log=True)
    axes.set_ylabel(axis_label(panel.cost).replace("  (", "\n("))
    lines = [line for each in panel.stairs for line in draw_stairs(axes, each, scale, last)]
    write_accuracies(axes, panel.stairs, panel.cost)
    words = _write_rate(axes, panel)
    return labels.place(axes, named_dots(panel.stairs, scale, names), [*lines, *words], size=10)


def _write_rate(axes: Axes, panel: _Panel) -> list[labels.Line]:
    """Write the halving time into the corner that has no old network in it."""
    if panel.alone is None:
        return []
    found = panel.alone.months
    text = axes.text(
        0.015, 0.97, f"{panel.label} halve every {found.estimate:.0f} months",
        transform=axes.transAxes, va="top", size=13.5, weight="semibold",
    )  # fmt: skip
    more = axes.text(
        0.015, 0.895, f"95 % interval {found.low:.0f} to {found.high:.0f}, ImageNet-1k alone",
        transform=axes.transAxes, va="top", size=11, color=colour("muted"),
    )  # fmt: skip
    return [labels.fence(axes, each) for each in (text, more)]
