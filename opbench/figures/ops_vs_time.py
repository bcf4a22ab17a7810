"""Operations against time for one image; blob area is parameters.

Figure 7 of arXiv:1605.07678: whether the count predicts the clock, at two batch sizes.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opbench.figures.parts import captions, select
from opbench.figures.parts.axes import values
from opbench.figures.parts.blobs import BY_PARAMS, family_entries
from opbench.figures.parts.fit import draw_fit
from opbench.figures.parts.frame import Sheet
from opbench.figures.parts.labels import Count
from opbench.figures.parts.options import OF_LOG_TIMINGS, Options
from opbench.figures.parts.panels import by_batch, draw_panels, wanted_batches
from opbench.figures.parts.scatter import Scatter, draw_scatter, finish
from opbench.metrics import METRICS
from opbench.table.frames import Table

TAKES = OF_LOG_TIMINGS | {"unit", "x"}

_SMALL = BY_PARAMS.smaller(0.45)


def draw(table: Table, options: Options) -> Figure:
    """A panel for each batch.  Raises ``MissingDataError`` saying what to run."""
    frame = select.plain(select.cells(table, options, "latency_s", options.x or options.cost))
    batches = wanted_batches(frame, options)
    spec = Scatter(
        x=options.x or options.cost,
        y="latency_per_image_s",
        sizing=_SMALL,
        log_x=options.log is not False,
        log_y=options.log is not False,
        type_size=9,
    )
    words = Sheet(
        title=f"Do {METRICS[spec.x].label} predict time?",
        subtitle="Latency per image against its cost; area of a blob: parameters",
        notes=options.notes,
        caption=captions.joined(
            captions.timed(table, frame), captions.COUNTED, _SMALL.enlarged(frame)
        ),
        legend=family_entries(frame),
        sizing=_SMALL,
        panel_titles=True,
        names=True,
    ).with_plot_height(6.0)

    def panel(axes: Axes, rows: pd.DataFrame) -> Count:
        named, lines = draw_scatter(axes, rows, spec, options)
        units = (METRICS[spec.x].unit, METRICS[spec.y].unit)
        lines += draw_fit(axes, values(rows, spec.x), values(rows, spec.y), units)
        return finish(axes, spec, named, lines)

    return draw_panels(words, by_batch(frame, batches), panel)
