"""Accuracy against operations on CIFAR-10, MNIST and other data sets.

What ``accuracy-vs-ops`` shows for ImageNet, a panel for each of the other data sets that has
accuracies: networks of different data sets never share an axis.  A panel is the wider the more
networks it has to name.  ImageNet at 128 pixels is one small network varied, nearly all at one
cost, which ``modules`` shows better.
"""

from __future__ import annotations

from math import sqrt

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opbench.figures.parts import captions, select
from opbench.figures.parts.absent import Needs
from opbench.figures.parts.blobs import BY_PARAMS, family_entries
from opbench.figures.parts.frame import Sheet, note_names, sheet
from opbench.figures.parts.labels import Count
from opbench.figures.parts.options import Options
from opbench.figures.parts.scatter import Scatter, draw_scatter, finish
from opbench.spec import DATASETS, dataset_label, ordered_datasets
from opbench.table.frames import Table

TAKES = frozenset({"unit", "log", "family", "highlight", "label"})

_SMALL = BY_PARAMS.smaller(0.5)
_ELSEWHERE = {"imagenet", "imagenet128", "none"}
_GUTTER = 0.8  # inches
_FEW = 10  # networks: a panel of fewer is as wide


def draw(table: Table, options: Options) -> Figure:
    """A panel for each dataset that has accuracies.  Raises ``MissingDataError``."""
    there = table.everywhere.dropna(subset=["top1"])["dataset"]
    others = [key for key in ordered_datasets(there) if key not in _ELSEWHERE]
    needs = Needs(datasets=others or ordered_datasets(DATASETS.keys() - _ELSEWHERE))
    frame = select.networks(table, options, needs)
    panels = [frame[frame["dataset"] == dataset] for dataset in ordered_datasets(frame["dataset"])]
    words = Sheet(
        title="What accuracy costs on other datasets",
        subtitle="Top-1 on each dataset's own axis; area of a blob: parameters",
        notes=options.notes,
        caption=captions.caption(frame, captions.TOP1_INTERVAL, _SMALL.enlarged(frame)),
        legend=family_entries(frame),
        sizing=_SMALL,
        panel_titles=True,
        names=True,
    ).with_plot_height(5.4)
    figure, (left, bottom, right, top) = sheet(words)
    gutter = _GUTTER / words.width
    shares = [sqrt(max(_FEW, len(rows))) for rows in panels]
    unit = (right - left - gutter * (len(panels) - 1)) / sum(shares)
    counts = []
    for rows, share in zip(panels, shares, strict=True):
        axes = figure.add_axes((left, bottom, unit * share, top - bottom))
        counts.append(_draw_panel(axes, rows, options))
        left += unit * share + gutter
    note_names(figure, counts)
    return figure


def _draw_panel(axes: Axes, rows: pd.DataFrame, options: Options) -> Count:
    spec = Scatter(
        x=options.cost, y="top1", sizing=_SMALL, log_x=options.log is not False, type_size=9
    )
    dataset = dataset_label(rows["dataset"].iloc[0])
    axes.set_title(dataset, loc="left", size=13, weight="semibold", pad=7)
    short = rows.assign(label=select.without_prefix(rows["label"]))
    named, lines = draw_scatter(axes, short, spec, options)
    axes.set_xlabel(axes.get_xlabel().replace("  (", "\n("), size=11.5)
    axes.tick_params(axis="x", labelsize=10)
    return finish(axes, spec, named, lines)
