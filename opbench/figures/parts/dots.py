"""Ranked dots, a panel for each dataset.

Networks of different datasets never share an axis: ImageNet has the left column, the other
datasets are stacked in the right one, with rows of the same height.  A dot carries its number, so
that the axis may begin where the data do: position is compared, not length.

Reference:
    W. S. Cleveland, R. McGill.  "Graphical Perception: Theory, Experimentation, and Application to
    the Development of Graphical Methods."  J. Am. Stat. Assoc. 79 (1984) 531.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from opbench.figures.parts import captions, select
from opbench.figures.parts.absent import Needs
from opbench.figures.parts.axes import UpTo100, reach, set_axis, values
from opbench.figures.parts.blobs import DISC, SQUARE, measured_entries
from opbench.figures.parts.frame import Sheet, sheet
from opbench.figures.parts.options import Options
from opbench.figures.parts.style import colour, hues
from opbench.metrics import METRICS
from opbench.spec import dataset_label, ordered_datasets
from opbench.table.frames import Table

_ROW = 0.232  # inches from dot to dot
_GAP = 0.95  # inches between panels
_NAMES = 1.85  # inches for the names left of a panel
_DOT = 7.5  # points across
_RING = 1.6  # points, the line of a network that cannot be run
_RIM = 1.1  # points, around an accuracy that was measured here
_NUMBER = 0.09  # of the panel's width, for the number right of the last dot
_MAIN = "imagenet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """A ranking: its metric, the format of its values, its title, subtitle and scale."""

    key: str
    write: Callable[[pd.Series[float]], list[str]]
    title: str
    subtitle: str
    log: bool = False


def draw_ranking(table: Table, options: Options, ranking: Ranking) -> Figure:
    """Dots in ascending order.  Raises ``MissingDataError`` when no network has the value."""
    whole = replace(table, networks=table.published, elsewhere=table.elsewhere.head(0))
    frame = select.networks(whole, options, Needs(metrics=(ranking.key,)))
    columns = _columns(frame)
    words = Sheet(
        title=ranking.title,
        subtitle=ranking.subtitle,
        caption=captions.joined(*_sources(frame, ranking.key), _intervals(frame, ranking.key)),
        notes=options.notes,
        legend=_legend(frame),
        left=0.45,
        axis=0.5,
        panel_titles=True,
    )
    inches = max(_column_height(frame, column) for column in columns)
    figure, (left, _, right, top) = sheet(words.with_plot_height(inches))
    wide = (right - left) / len(columns)
    for rank, column in enumerate(columns):
        _draw_column(figure, frame, column, ranking, (left + rank * wide, top, wide))
    return figure


def _columns(frame: pd.DataFrame) -> list[list[str]]:
    present = ordered_datasets(frame["dataset"])
    others = [dataset for dataset in present if dataset != _MAIN]
    main = [_MAIN] if _MAIN in present else []
    return [column for column in (main, others) if column]


def _column_height(frame: pd.DataFrame, datasets: list[str]) -> float:
    rows = int(frame["dataset"].isin(datasets).sum())
    return rows * _ROW + _GAP * (len(datasets) - 1)


def _sources(frame: pd.DataFrame, key: str) -> tuple[str, ...]:
    """Return where the accuracies are from, of a metric that rests on them."""
    gain = METRICS[key].role == "gain"
    return (captions.sources(frame), captions.protocols(frame)) if gain else ()


def _intervals(frame: pd.DataFrame, key: str) -> str:
    there = f"{key}_low" in frame
    return "Whiskers: 95 % interval of a proportion, from the number of test images." * there


def _draw_column(
    figure: Figure,
    frame: pd.DataFrame,
    datasets: list[str],
    ranking: Ranking,
    place: tuple[float, float, float],
) -> None:
    left, top, wide = place
    width, height = figure.get_size_inches()
    for dataset in datasets:
        rows = frame[frame["dataset"] == dataset].sort_values([ranking.key, "name"])
        tall = len(rows) * _ROW / height
        names = _NAMES / width
        axes = figure.add_axes((left + names, top - tall, wide - names - 0.3 / width, tall))
        _draw_panel(axes, rows.assign(row=range(len(rows))), ranking)
        axes.set_title(dataset_label(dataset), loc="left", size=13, weight="semibold", pad=6)
        top -= tall + _GAP / height


def _draw_panel(axes: Axes, rows: pd.DataFrame, ranking: Ranking) -> None:
    metric = METRICS[ranking.key]
    at = values(rows, ranking.key)
    set_axis(axes, "x", reach([rows], ranking.key), log=ranking.log)
    if metric.unit == "%":
        axes.xaxis.set_major_locator(UpTo100())
    axes.set_ylim(-0.5, len(rows) - 0.5)
    ends = _draw_whiskers(axes, rows, ranking.key)
    axes.hlines(rows["row"], axes.get_xlim()[0], ends, color=colour("grid"), lw=0.8, zorder=0)
    _draw_dots(axes, rows, at)
    _write_numbers(axes, rows, ends, ranking.write(at))
    axes.set_yticks(rows["row"], rows["label"], color=colour("ink"), size=11)
    axes.grid(visible=False)
    axes.tick_params(left=False)
    axes.set_xlabel(metric.axis, size=11.5)


def _draw_whiskers(axes: Axes, rows: pd.DataFrame, key: str) -> pd.Series[float]:
    """Draw the intervals, where there are any, and return where the marks of each row end."""
    if f"{key}_low" not in rows:
        return values(rows, key)
    low, high = (values(rows, key, f"{key}_{end}") for end in ("low", "high"))
    faint = [0.9 if lit else 0.2 for lit in rows["lit"]]
    axes.hlines(rows["row"], low, high, color=colour("ink"), alpha=faint, lw=0.9, zorder=4)
    return high.fillna(values(rows, key))


def _draw_dots(axes: Axes, rows: pd.DataFrame, at: pd.Series[float]) -> None:
    tints = hues(rows["family"])
    marks = ["single_crop", "published_only", "lit", "top1_measured"]
    for (single, lost, lit, measured), group in rows.groupby(marks):
        colours = [tints[family] for family in group["family"]]
        edge = colour("ink" if measured else "paper")
        rim = _RING if lost else _RIM if measured else 0.8
        axes.scatter(
            at[group.index], group["row"], s=_DOT**2, marker=DISC if single else SQUARE,
            c=[colour("paper")] * len(group) if lost else colours,
            edgecolors=colours if lost else edge, linewidths=rim,
            alpha=1.0 if lit else 0.2, zorder=3,
        )  # fmt: skip


def _write_numbers(
    axes: Axes, rows: pd.DataFrame, ends: pd.Series[float], words: list[str]
) -> None:
    """Write each value right of its marks, where the axis has room for it."""
    (low, high), scale = axes.get_xlim(), axes.transScale
    start, stop = (scale.transform((edge, 1))[0] for edge in (low, high))
    axes.set_xlim(low, scale.inverted().transform((stop + _NUMBER * (stop - start), 1))[0])
    for x, row, text, lit in zip(ends, rows["row"], words, rows["lit"], strict=True):
        axes.annotate(
            text, (x, row), xytext=(8, 0), textcoords="offset points", va="center", size=10,
            alpha=1.0 if lit else 0.2,
        )  # fmt: skip


def _legend(frame: pd.DataFrame) -> list[Line2D]:
    """Explain the marks that are not a filled disc."""
    muted, paper = colour("muted"), colour("paper")
    square = {"marker": SQUARE, "mec": muted, "mfc": muted, "label": "not a single central crop"}
    ring = {"marker": DISC, "mec": muted, "mfc": paper, "mew": _RING, "label": "cannot be run"}
    wanted = ((square, not frame["single_crop"].all()), (ring, frame["published_only"].any()))
    marks = [Line2D([], [], ls="", ms=_DOT, **look) for look, there in wanted if there]
    return [*marks, *measured_entries(frame)]
