"""Peak memory against the size of the parameters, with and without the weights themselves.

Figure 6 of arXiv:1605.07678: a floor that every network pays, and a slope above one.  The weights
are part of the peak, which alone makes a slope of one; the second panel leaves them out.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opbench.figures.parts import captions, select
from opbench.figures.parts.axes import values
from opbench.figures.parts.blobs import PLAIN, family_entries
from opbench.figures.parts.fit import draw_fit
from opbench.figures.parts.frame import Sheet
from opbench.figures.parts.labels import Count
from opbench.figures.parts.options import OF_LOG_TIMINGS, Options
from opbench.figures.parts.panels import draw_panels
from opbench.figures.parts.scatter import Scatter, draw_scatter, finish
from opbench.figures.parts.style import colour
from opbench.metrics import METRICS
from opbench.table.frames import Table

_X, _Y = "weight_bytes", "peak_memory_bytes"

TAKES = OF_LOG_TIMINGS


def draw(table: Table, options: Options) -> Figure:
    """One panel, at batch 1 unless the reader wants another.  Raises ``MissingDataError``."""
    frame = select.plain(select.cells(table, options, "peak_memory_bytes"))
    (batch,) = select.batches(frame, options, (1,), most=1)
    frame = frame[frame["batch_size"] == batch].dropna(subset=["weight_bytes"]).assign(one=1.0)
    words = Sheet(
        title="Memory against parameters",
        subtitle=f"Peak memory of forward passes at batch {batch} against the weights as stored",
        notes=options.notes,
        caption=captions.metered(table, frame, _Y),
        legend=family_entries(frame),
        panel_titles=True,
        names=True,
    ).with_plot_height(6.0)
    without = frame.assign(**{_Y: frame[_Y] - frame[_X]})
    if options.log:
        without = without[without[_Y] > 0]
    panels = {"weights included": frame, "without the weights": without}

    def panel(axes: Axes, rows: pd.DataFrame) -> Count:
        return _draw_panel(axes, rows, options)

    return draw_panels(words, panels, panel)


def _draw_panel(axes: Axes, rows: pd.DataFrame, options: Options) -> Count:
    log = bool(options.log)
    spec = Scatter(x=_X, y=_Y, sizing=PLAIN, log_x=log, log_y=log, type_size=9)
    named, lines = draw_scatter(axes, rows, spec, options)
    if (rows[_Y] < 0).any():
        axes.axhline(0, color=colour("muted"), lw=0.8, zorder=0.8)
    units = (METRICS[_X].unit, METRICS[_Y].unit)
    lines += draw_fit(axes, values(rows, _X), values(rows, _Y), units)
    return finish(axes, spec, named, lines)
