"""Rank agreement of machines, and the pairs of networks whose order they reverse.

Left: of two machines the latencies on one against those on the other, of more Kendall's tau of each
two.  Right: pairs of networks in certain order on two machines, and in opposite orders: findings of
one machine that do not carry over to the other.  ``opbench.table.agreement`` has the definitions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import ceil, floor, log10
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from opbench.errors import MissingDataError
from opbench.figures.parts import blobs, captions, labels, select
from opbench.figures.parts.axes import number, set_axis
from opbench.figures.parts.frame import Sheet, note_names, sheet
from opbench.figures.parts.options import OF_TIMINGS, Options
from opbench.figures.parts.scatter import draw_whiskers
from opbench.figures.parts.style import colour, on_paper
from opbench.table.agreement import Agreement, Latencies, Reversal, by_likeness
from opbench.table.frames import Table

TAKES = OF_TIMINGS | {"machines"}

_ROWS, _FEWEST = 11, 6  # reversals that are drawn, and that there is room for in any case
_HEIGHT = 6.4  # inches
_SHARE = 0.5  # of the width that the left panel takes
_NAMES = 1.45  # inches beside the right panel, on either side
_GUTTER = 0.35  # inches between the panels
_DOT = 62.0  # square points
_FEW = 30  # times as fast, up to which an axis has ticks at 2 and 5
_HEADING: dict[str, Any] = {"size": 13, "weight": "semibold", "pad": 7}
_ROOMY = 6  # machines, from which on the names of a matrix's columns are numbers
_WRITTEN, _NAMED = 12, 45  # machines, up to which a matrix has numbers and names
_LETTERS = 21  # of a machine's name
_TEAL, _RED = "#1b7f8c", "#d55e00"

_TAU = (
    "Kendall's tau: 1 where two machines have all networks in the same order, 0 where one order "
    "says nothing of the other; its 95 % interval by Fisher's transform."
)
_CERTAIN = (
    "The order of two networks is certain on a machine where the 95 % intervals of their latencies "
    "do not touch.  Right: the widest reversals, each network once, on the two machines where they "
    "are widest; dot and whisker: the ratio of the two latencies, and its ends by those intervals."
)


def draw(table: Table, options: Options) -> Figure:
    """Two panels.  Raises ``MissingDataError`` where no two machines timed the same networks."""
    frame = select.plain(select.every_machine(table, options)).assign(one=1.0)
    latencies = Latencies(frame)
    agreements = latencies.agreements()
    if not agreements:
        raise MissingDataError(_nothing(latencies.machines))
    two = len(latencies.machines) == 2
    shared = frame[frame.groupby("name")["machine"].transform("size") > 1]
    words = Sheet(
        title="What carries over from one machine to another",
        subtitle=_subtitle(agreements, shared),
        notes=options.notes,
        caption=captions.joined(
            _told(agreements), _TAU, _CERTAIN, captions.timed_on_each(table, shared)
        ),
        legend=blobs.family_entries(shared),
        panel_titles=True,
        names=two,
        left=0.85 if two else 1.85,
    ).with_plot_height(_HEIGHT)
    figure, (left, bottom, right, top) = sheet(words)
    wide, tall = (right - left) * _SHARE, top - bottom
    beside = figure.add_axes((left, bottom, wide, tall))
    if two:
        note_names(figure, [_draw_latencies(beside, shared, agreements[0], options)])
    else:
        _draw_matrix(beside, latencies, agreements)
    start = left + wide + (_GUTTER + _NAMES) / words.width
    place = (start, bottom, right - _NAMES / words.width - start, tall)
    reversals = [_turned(each, latencies) for each in latencies.reversals(_ROWS)]
    axes = figure.add_axes(place)
    axes.set_title(_title_of_pairs(agreements), loc="left", **_HEADING, x=-0.3)
    _draw_reversals(axes, reversals, shared, columns=two)
    return figure


def _turned(reversal: Reversal, latencies: Latencies) -> Reversal:
    """Return the reversal with its slower machine first."""
    medians = [
        np.nanmedian(latencies.seconds[latencies.machines.index(each)])
        for each in reversal.machines
    ]
    return reversal if medians[0] >= medians[1] else reversal.turned()


def _title_of_pairs(agreements: Sequence[Agreement]) -> str:
    if len(agreements) > 1:
        return "Pairs of networks in opposite orders"
    (only,) = agreements
    return f"{only.reversed:,} of {only.pairs:,} pairs are reversed"


def _nothing(machines: Sequence[str]) -> str:
    if len(machines) < 2:
        return (
            "only one machine was timed at this batch size and data type: copy the run files of "
            "another into the folder runs, or time the networks there"
        )
    return "no two networks were timed on two machines: time the same ones on both"


def _subtitle(agreements: Sequence[Agreement], shared: pd.DataFrame) -> str:
    batch = shared["batch_size"].iloc[0]
    networks, machines = shared["name"].nunique(), shared["machine"].nunique()
    where = "two machines" if machines == 2 else f"{machines} machines"
    return (
        f"Latency of {networks} networks at batch {batch} on {where}, and the pairs of "
        "networks that they put in opposite orders"
    )


def _told(agreements: Sequence[Agreement]) -> str:
    """Say how many pairs carry over, of two machines or in the worst case."""
    worst = min(agreements, key=lambda each: each.tau.estimate)
    which = "" if len(agreements) == 1 else "  They agree least."
    one, other = worst.machines
    return (
        f"{one} and {other}: tau {worst.tau.estimate:.2f} ({worst.tau.low:.2f} to "
        f"{worst.tau.high:.2f}) of {worst.networks} networks.  Of their {worst.pairs:,} pairs "
        f"{worst.same:,} are in the same certain order on both, {worst.reversed:,} are reversed, "
        f"and {worst.pairs - worst.same - worst.reversed:,} are not certain on one of the two."
        f"{which}"
    )


def _draw_latencies(
    axes: Axes, frame: pd.DataFrame, agreement: Agreement, options: Options
) -> labels.Count:
    """Latencies on the slower machine against those on the faster one."""
    by_machine = {str(name): rows.set_index("name") for name, rows in frame.groupby("machine")}
    across, up = sorted(by_machine, key=lambda name: -by_machine[name]["latency_s"].median())
    columns = ["latency_s", "latency_s_low", "latency_s_high"]
    rows = by_machine[across].join(by_machine[up][columns].add_suffix("_up")).reset_index()
    ends = ("", "_low", "_high")
    x, *whisker = (1e3 * rows[f"latency_s{end}"] for end in ends)
    y, *upright = (1e3 * rows[f"latency_s{end}_up"] for end in ends)
    set_axis(axes, "x", pd.concat([x, *whisker]), log=True)
    set_axis(axes, "y", pd.concat([y, *upright]), log=True)
    axes.set_xlabel(f"latency [ms] on {short(across)}")
    axes.set_ylabel(f"latency [ms] on {short(up)}")
    axes.set_title(_title(agreement), loc="left", **_HEADING)
    guides = _draw_equal_ratios(axes, x / y)
    lines = draw_whiskers(axes, rows, y, (whisker[0], whisker[1]), upright=False)
    lines += draw_whiskers(axes, rows, x, (upright[0], upright[1]))
    areas = pd.Series(_DOT, index=rows.index)
    blobs.draw_networks(axes, rows, x, y, areas)
    named = select.names(rows, options).assign(x=x, y=y, area=areas)
    return labels.place(axes, named, [*lines, *guides], size=9.5)


def _title(agreement: Agreement) -> str:
    tau = agreement.tau
    return f"Kendall's tau {tau.estimate:.2f}, 95 % interval {tau.low:.2f} to {tau.high:.2f}"


def _draw_equal_ratios(axes: Axes, ratios: pd.Series[float]) -> list[labels.Line]:
    """Draw the lines on which one machine is 1, 10, 100 ... times as fast, around ``ratios``."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    texts = []
    for power in range(floor(log10(ratios.min())), ceil(log10(ratios.max())) + 1):
        ratio = 10.0**power
        start, end = max(left, low * ratio), min(right, high * ratio)
        if start >= end:
            continue
        heights = [start / ratio, end / ratio]
        style: dict[str, Any] = {"color": colour("muted"), "zorder": 1}
        axes.plot([start, end], heights, lw=0.9, ls=(0, (1, 3)), **style)
        at_top = end < right * 0.999
        place: dict[str, Any] = {"ha": "left", "va": "top", "xytext": (3, -4)}
        if not at_top:
            place = {"ha": "right", "va": "bottom", "xytext": (-3, 4)}
        words = f"{number(max(ratio, 1 / ratio))}x {'as fast' if power > 0 else 'slower'}"
        texts.append(
            axes.annotate(
                words if power else "equally fast", (end, heights[1]), textcoords="offset points",
                size=9.5, **place, **style,
            )
        )  # fmt: skip
    axes.set(xlim=(left, right), ylim=(low, high))
    return [labels.fence(axes, each) for each in texts]


def _draw_matrix(axes: Axes, latencies: Latencies, agreements: Sequence[Agreement]) -> None:
    """Draw tau of each two machines, those that agree beside each other."""
    taus = latencies.rank_correlations()
    order = by_likeness(taus)
    shown = np.where(np.eye(len(taus), dtype=bool), np.nan, taus)[np.ix_(order, order)]
    gap = 2.0 if len(taus) <= _NAMED else 0.0
    axes.pcolormesh(shown, cmap=_shades(), vmin=0, vmax=1, edgecolors=colour("paper"), lw=gap)
    axes.set_ylim(len(taus), 0)
    axes.set_title("Kendall's tau: white 0, dark 1", loc="left", **_HEADING)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, colors=colour("ink"))
    names = [short(latencies.machines[each]) for each in order]
    _name_rows(axes, names)
    if len(names) <= _WRITTEN:
        _write_numbers(axes, [latencies.machines[each] for each in order], agreements)


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Name the rows and columns of the matrix, unless there are too many to be read."""
    if len(names) > _NAMED:
        axes.set(xticks=[], yticks=[])
        axes.set_xlabel(f"{len(names)} machines, those that agree beside each other")
        return
    places = np.arange(len(names)) + 0.5
    size = min(11.0, 300 / len(names))
    if len(names) < _ROOMY:
        wrapped = [fill(name, 17) for name in names]
        axes.set_xticks(places, wrapped, size=size)
        axes.set_yticks(places, wrapped, size=size)
        return
    numbers = range(1, len(names) + 1)
    numbered = [f"{_cut(name)}  {at}" for name, at in zip(names, numbers, strict=True)]
    axes.set_xticks(places, [*map(str, numbers)], size=size)
    axes.set_yticks(places, numbered, size=size)


def _shades() -> LinearSegmentedColormap:
    return LinearSegmentedColormap.from_list("tau", [colour("paper"), on_paper(_TEAL)])


def _write_numbers(axes: Axes, machines: Sequence[str], agreements: Sequence[Agreement]) -> None:
    """Write tau, its interval and the share of pairs that are reversed into each field."""
    found = {frozenset(each.machines): each for each in agreements}
    roomy = len(machines) < _ROOMY
    for row, one in enumerate(machines):
        for column, other in enumerate(machines):
            agreement = found.get(frozenset((one, other)))
            if agreement is None:
                continue
            tau = agreement.tau
            ink = colour("paper") if tau.estimate > 0.6 else colour("ink")
            above = 0.38 if roomy else 0.5
            axes.text(column + 0.5, row + above, f"{tau.estimate:.2f}", ha="center", va="center",
                      size=19 if roomy else 12, weight="semibold", color=ink)  # fmt: skip
            if roomy:
                more = (
                    f"{tau.low:.2f} to {tau.high:.2f}\n{agreement.networks} networks\n"
                    f"{100 * agreement.reversed / agreement.pairs:.0f} % of pairs reversed"
                )
                axes.text(column + 0.5, row + 0.66, more, ha="center", va="center", size=9.5,
                          color=ink, linespacing=1.3)  # fmt: skip


def _draw_reversals(
    axes: Axes, reversals: Sequence[Reversal], frame: pd.DataFrame, *, columns: bool
) -> None:
    """Draw a row for each reversal: the name of the faster network stands on its side.

    ``columns``: each side is one machine's, which is written above it instead of in each row.
    """
    axes.spines["left"].set_visible(False)
    axes.set_yticks([])
    axes.set_ylim(max(_FEWEST, len(reversals)) - 0.4, -0.9 if columns else -0.6)
    if not reversals:
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        axes.text(0.5, 0.9, "none is certain on both", transform=axes.transAxes, ha="center",
                  color=colour("muted"))  # fmt: skip
        return
    _set_ratios(axes, max(max(each.ratios[1].high, 1 / each.ratios[0].low) for each in reversals))
    facts = frame.drop_duplicates("name").set_index("name")
    for row, reversal in enumerate(reversals):
        _draw_reversal(axes, row, reversal, facts, named=not columns)
    if columns:
        beyond: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center"}
        for machine, at in zip(reversals[0].machines, (0.25, 0.75), strict=True):
            axes.text(at, -0.68, f"on {short(machine)}", ha="center", size=10.5,
                      color=colour("muted"), **beyond)  # fmt: skip


def _set_ratios(axes: Axes, widest: float) -> None:
    """Scale the x axis for ratios of latencies, 1 in its middle."""
    axes.set_xscale("log")
    axes.set_xlim(1 / (widest * 1.4), widest * 1.4)
    axes.axvline(1, color=colour("muted"), lw=1.1, zorder=1)
    few = widest < _FEW
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,), numticks=20))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{number(round(max(value, 1 / value), 6))}x")
    )
    axes.xaxis.set_minor_locator(NullLocator())
    left, right = "\N{LEFTWARDS ARROW}", "\N{RIGHTWARDS ARROW}"
    axes.set_xlabel(f"times as fast:  {left} the left network   |   the right one {right}")


def _draw_reversal(
    axes: Axes, row: int, reversal: Reversal, facts: pd.DataFrame, *, named: bool
) -> None:
    axes.hlines(row, *axes.get_xlim(), color=colour("grid"), lw=0.8, zorder=0)
    sides = zip(reversal.networks, reversal.machines, reversal.ratios, (0, 1), strict=True)
    for network, machine, ratio, edge in sides:
        tint = blobs.hue(str(facts["family"][network]))
        axes.hlines(row, ratio.low, ratio.high, color=colour("ink"), lw=0.9, alpha=0.9, zorder=2)
        axes.scatter([ratio.estimate], [row], s=_DOT, color=tint, edgecolors=colour("paper"),
                     linewidths=0.8, zorder=3)  # fmt: skip
        side: dict[str, Any] = {
            "xy": (edge, row), "xycoords": axes.get_yaxis_transform(), "va": "center",
            "textcoords": "offset points", "ha": "left" if edge else "right",
            "annotation_clip": False,
        }  # fmt: skip
        away = 6 if edge else -6
        axes.annotate(str(facts["label"][network]), xytext=(away, 5 * named), size=10.5, **side)
        if named:
            axes.annotate(f"on {short(machine)}", xytext=(away, -6), size=8.5,
                          color=colour("muted"), **side)  # fmt: skip


def _cut(name: str) -> str:
    return name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}\N{HORIZONTAL ELLIPSIS}"


def short(machine: str) -> str:
    """Return the name of a machine without what many of its maker have."""
    plain = re.sub(
        r"\((R|TM|C)\)|\b(\d+-Core|CPU|GPU|GeForce|NVIDIA|Processor|HBM\w*|SXM\d?|PCIe?)\b|@ .*",
        "", machine,
    )  # fmt: skip
    return " ".join(plain.replace("--", "-").split()) or machine
