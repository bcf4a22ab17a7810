"""Ranked bars, a panel for each dataset.

Networks of different datasets never share an axis: ImageNet has the left column, the other
datasets are stacked in the right one, with bars of the same thickness.  Bars start at zero and
carry their number, so that nothing has to be read off a cut axis.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from opbench.errors import MissingDataError
from opbench.figures.parts import captions, select
from opbench.figures.parts.frame import Sheet, sheet
from opbench.figures.parts.options import Options
from opbench.figures.parts.style import colour, hues
from opbench.metrics import METRICS
from opbench.table import Table

_BAR = 0.232  # inches from bar to bar
_GAP = 0.95  # inches between panels
_NAMES = 1.85  # inches for the names left of a panel
_MAIN = "imagenet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """A ranking: its metric, the format of its values, its title and subtitle."""

    key: str
    write: Callable[[pd.Series[float]], list[str]]
    title: str
    subtitle: str


def draw_ranking(table: Table, options: Options, ranking: Ranking) -> Figure:
    """Bars in ascending order.  Raises ``MissingDataError`` when no network has the value."""
    whole = replace(table, networks=_with_published_only(table))
    frame = select.any_dataset(whole, options).dropna(subset=[ranking.key])
    columns = _columns(frame)
    if not columns:
        raise MissingDataError("no network of the registry has an accuracy to draw")
    words = Sheet(
        title=ranking.title,
        subtitle=ranking.subtitle,
        caption=captions.joined(captions.sources(frame), captions.protocols(frame)),
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


def _with_published_only(table: Table) -> pd.DataFrame:
    """Rank what cannot be run, but was published, with the rest."""
    return pd.concat([table.networks, table.unrunnable], ignore_index=True)


def _columns(frame: pd.DataFrame) -> list[list[str]]:
    present = [dataset for dataset in captions.DATASETS if (frame["dataset"] == dataset).any()]
    others = [dataset for dataset in present if dataset != _MAIN]
    main = [_MAIN] if _MAIN in present else []
    return [column for column in (main, others) if column]


def _column_height(frame: pd.DataFrame, datasets: list[str]) -> float:
    bars = int(frame["dataset"].isin(datasets).sum())
    return bars * _BAR + _GAP * (len(datasets) - 1)


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
        tall = len(rows) * _BAR / height
        names = _NAMES / width
        axes = figure.add_axes((left + names, top - tall, wide - names - 0.45 / width, tall))
        _draw_panel(axes, rows, ranking)
        axes.set_title(captions.DATASETS[dataset], loc="left", size=13, weight="semibold", pad=6)
        top -= tall + _GAP / height


def _draw_panel(axes: Axes, rows: pd.DataFrame, ranking: Ranking) -> None:
    metric = METRICS[ranking.key]
    values = rows[ranking.key] * metric.scale
    colours = hues(rows["family"])
    bars = axes.barh(
        range(len(rows)), values, height=0.7, color=[colours[family] for family in rows["family"]]
    )
    for bar, single in zip(bars, rows["single_crop"], strict=True):
        if not single:
            bar.set(hatch="////", edgecolor=colour("paper"), linewidth=0)
    for bar, lost in zip(bars, rows["published_only"], strict=True):
        if lost:
            bar.set(facecolor=colour("paper"), edgecolor=bar.get_facecolor(), linewidth=1.4)
    for bar, lit in zip(bars, rows["lit"], strict=True):
        bar.set_alpha(1.0 if lit else 0.2)
    if f"{ranking.key}_low" in rows:
        _draw_intervals(axes, rows, ranking.key)
    axes.bar_label(bars, ranking.write(values), padding=4, size=10.5, color=colour("ink"))
    axes.set_yticks(range(len(rows)), rows["label"], color=colour("ink"), size=11)
    axes.set_ylim(-0.5, len(rows) - 0.5)
    axes.set_xlim(0, values.max() * 1.06)
    axes.grid(axis="y", visible=False)
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="x", length=0)
    axes.set_xlabel(metric.axis, size=11.5)
    handles = _legend(rows)
    if handles:
        _draw_legend(axes, handles)


def _draw_intervals(axes: Axes, rows: pd.DataFrame, key: str) -> None:
    """Whiskers at the ends of the bars."""
    ends = rows[[f"{key}_low", f"{key}_high"]].sub(rows[key], axis=0).abs() * METRICS[key].scale
    axes.errorbar(
        rows[key] * METRICS[key].scale, range(len(rows)), xerr=ends.to_numpy().T,
        fmt="none", ecolor=colour("ink"), elinewidth=0.8,
    )  # fmt: skip


def _legend(rows: pd.DataFrame) -> list[Patch]:
    muted, paper = colour("muted"), colour("paper")
    handles = []
    if not rows["single_crop"].all():
        label = "not a single central crop"
        handles.append(
            Patch(facecolor=muted, edgecolor=paper, hatch="////", linewidth=0, label=label)
        )
    if rows["published_only"].any():
        label = "cannot be run"
        handles.append(Patch(facecolor=paper, edgecolor=muted, linewidth=1.4, label=label))
    return handles


def _draw_legend(axes: Axes, handles: list[Patch]) -> None:
    axes.legend(
        handles=handles,
        ncols=len(handles),
        loc="lower right",
        bbox_to_anchor=(1, 1),
        fontsize=9.5,
        handlelength=1.3,
        handletextpad=0.5,
        columnspacing=0.9,
        borderaxespad=0,
    )  # fmt: skip
