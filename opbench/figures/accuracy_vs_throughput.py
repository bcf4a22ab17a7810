"""Accuracy against images per second; blob area is operations.

Figure 9 of arXiv:1605.07678: a falling line that no network rises above, hence accuracy and time
in a hyperbolic relation.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opbench.figures.parts import captions, select
from opbench.figures.parts.axes import values
from opbench.figures.parts.blobs import BY_OPS, family_entries
from opbench.figures.parts.frame import Sheet
from opbench.figures.parts.labels import Count, Line
from opbench.figures.parts.options import Options
from opbench.figures.parts.panels import stack_panels, wanted_batches
from opbench.figures.parts.scatter import Scatter, draw_scatter, finish
from opbench.figures.parts.style import colour
from opbench.table import Table
from opbench.table.fits import upper_bound

TAKES = frozenset({"log", "family", "highlight", "label", "device", "dtype", "batch-size"})

_SMALL = BY_OPS.smaller(0.6)
_BOUND = (
    "Shaded: beyond the line, falling in images per second, that no accuracy of a single central "
    "crop rises above and that lies nearest to all of them; a curve on a logarithmic axis."
)


def draw(table: Table, options: Options) -> Figure:
    """A panel for each batch.  Raises ``MissingDataError`` saying what to run."""
    frame = select.cells(table, options).dropna(subset=["top1"])
    batches = wanted_batches(frame, options)
    spec = Scatter(
        x="throughput_images_per_s",
        y="top1",
        sizing=_SMALL,
        log_x=options.log is not False,
        type_size=9,
    )
    words = Sheet(
        title="Accuracy against speed",
        subtitle="Top-1 on ImageNet against images per second; area of a blob: operations of "
        "an image",
        caption=captions.joined(
            captions.timed(table, frame),
            captions.sources(table.networks[table.networks["name"].isin(frame["name"])]),
            captions.protocols(table.networks[table.networks["name"].isin(frame["name"])]),
            f"{_BOUND}  {captions.TOP1_INTERVAL}  {captions.COUNTED}",
            _SMALL.enlarged(frame),
        ),
        legend=family_entries(frame),
        sizing=_SMALL,
        panel_titles=True,
        names=True,
    ).with_plot_height(5.2 * len(batches))

    def panel(axes: Axes, rows: pd.DataFrame) -> Count:
        named, lines = draw_scatter(axes, rows, spec, options)
        lines += _shade(axes, rows)
        return finish(axes, spec, named, lines)

    return stack_panels(words, frame, batches, panel)


def _shade(axes: Axes, rows: pd.DataFrame) -> list[Line]:
    rows = rows[rows["single_crop"].astype(bool)]
    x = values(rows, "throughput_images_per_s")
    bound = upper_bound(list(zip(x, rows["top1"], strict=True)))
    if bound is None:
        return []
    (low, high), top = axes.get_xlim(), axes.get_ylim()[1]
    steps = np.geomspace(low, high, 60) if axes.get_xscale() == "log" else np.array([low, high])
    heights = bound.intercept + bound.slope * steps
    axes.fill_between(steps, heights, top, color=colour("grid"), alpha=0.6, lw=0, zorder=0.5)
    axes.plot(steps, heights, color=colour("muted"), lw=1.1, zorder=1, gid="bound")
    axes.set_ylim(top=top)
    return [(list(steps), list(heights))]
