"""Peak memory against the size of the parameters, with a fitted line.

Figure 6 of arXiv:1605.07678: a floor that every network pays, and a slope above one.
"""

from __future__ import annotations

from matplotlib.figure import Figure

from opbench.figures.parts import captions, select
from opbench.figures.parts.axes import values
from opbench.figures.parts.blobs import PLAIN, family_entries
from opbench.figures.parts.fit import draw_fit
from opbench.figures.parts.frame import Sheet, note_names, single_axes
from opbench.figures.parts.options import Options
from opbench.figures.parts.scatter import Scatter, draw_scatter, finish
from opbench.metrics import METRICS
from opbench.table import Table

TAKES = frozenset({"log", "family", "highlight", "label", "device", "dtype", "batch-size"})


def draw(table: Table, options: Options) -> Figure:
    """One panel, at batch 1 unless the reader wants another.  Raises ``MissingDataError``."""
    frame = select.plain(select.cells(table, options, "peak_memory_bytes"))
    (batch,) = select.batches(frame, options, (1,), most=1)
    frame = frame[frame["batch_size"] == batch].dropna(subset=["weight_bytes"]).assign(one=1.0)
    spec = Scatter(
        x="weight_bytes",
        y="peak_memory_bytes",
        sizing=PLAIN,
        log_x=bool(options.log),
        log_y=bool(options.log),
    )
    words = Sheet(
        title="Memory against parameters",
        subtitle=f"Peak memory of forward passes at batch {batch} against the weights as stored",
        caption=captions.joined(captions.timed(table, frame), captions.MEMORY),
        legend=family_entries(frame),
        names=True,
    ).with_plot_height(6.0)
    figure, axes = single_axes(words)
    named, lines = draw_scatter(axes, frame, spec, options)
    units = (METRICS[spec.x].unit, METRICS[spec.y].unit)
    x, y = values(frame, spec.x), values(frame, spec.y)
    lines += draw_fit(axes, x, y, units)
    note_names(figure, [finish(axes, spec, named, lines)])
    return figure
