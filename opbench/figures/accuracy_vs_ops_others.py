"""Accuracy against operations on MNIST, CIFAR-10 and ImageNet at 128 pixels.

What ``accuracy-vs-ops`` shows for ImageNet, a panel for each of the other datasets of the
registry: networks of different datasets never share an axis.
"""

from __future__ import annotations

from matplotlib.figure import Figure

from opbench.errors import MissingDataError
from opbench.figures import _select, _words
from opbench.figures._blobs import BY_PARAMS, family_entries
from opbench.figures._frame import Sheet, sheet
from opbench.figures._options import Options
from opbench.figures._scatter import Scatter, draw_scatter, finish
from opbench.table import Table

TAKES = frozenset({"unit", "log", "family", "highlight", "label"})

_SMALL = BY_PARAMS.smaller(0.5)
_ALL = ("imagenet128", "cifar10", "mnist")
_GUTTER = 0.8  # inches


def draw(table: Table, options: Options) -> Figure:
    """A panel for each dataset that has accuracies.  Raises ``MissingDataError``."""
    there = set(table.networks.dropna(subset=["top1"])["dataset"])
    datasets = [dataset for dataset in _ALL if dataset in there]
    if not datasets:
        raise MissingDataError("no network outside ImageNet has an accuracy: --accuracies FILE")
    frame = table.networks[table.networks["dataset"].isin(datasets)].dropna(subset=["top1"])
    words = Sheet(
        title="What accuracy costs on other datasets",
        subtitle="Top-1 on each dataset's own axis; area of a blob: parameters",
        caption=_words.caption(frame, options, _words.TOP1_INTERVAL),
        legend=family_entries(frame),
        sizing=_SMALL,
        panel_titles=True,
    ).with_plot_height(4.6)
    figure, (left, bottom, right, top) = sheet(words)
    gutter = _GUTTER / words.width
    wide = (right - left - gutter * (len(datasets) - 1)) / len(datasets)
    spec = Scatter(
        x=options.cost, y="top1", sizing=_SMALL, log_x=options.log is not False, type_size=9
    )
    for rank, dataset in enumerate(datasets):
        axes = figure.add_axes((left + rank * (wide + gutter), bottom, wide, top - bottom))
        axes.set_title(_words.DATASETS[dataset], loc="left", size=13, weight="semibold", pad=7)
        points, lines = draw_scatter(axes, _select.networks(table, options, dataset), spec, options)
        axes.set_xlabel(axes.get_xlabel().replace("  (", "\n("), size=11.5)
        finish(axes, spec, points, lines)
    return figure
