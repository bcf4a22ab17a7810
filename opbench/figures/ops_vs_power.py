"""Operations against the power drawn while computing; blob area is parameters.

Figure 8 of arXiv:1605.07678, which found no trend: power does not depend on the architecture.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opbench.figures.parts import captions, select
from opbench.figures.parts.axes import values
from opbench.figures.parts.blobs import BY_PARAMS, family_entries
from opbench.figures.parts.fit import draw_fit, draw_idle
from opbench.figures.parts.frame import Sheet
from opbench.figures.parts.labels import Count
from opbench.figures.parts.options import OF_LOG_TIMINGS, Options
from opbench.figures.parts.panels import by_batch, draw_panels, wanted_batches
from opbench.figures.parts.scatter import Scatter, draw_scatter, finish
from opbench.metrics import METRICS
from opbench.table.frames import Table

TAKES = OF_LOG_TIMINGS | {"unit"}

_SMALL = BY_PARAMS.smaller(0.2)


def draw(table: Table, options: Options) -> Figure:
    """A panel for each batch.  Raises ``MissingDataError`` saying what to run."""
    frame = select.plain(select.cells(table, options, "power_w"))
    batches = wanted_batches(frame, options)
    spec = Scatter(
        x=options.cost, y="power_w", sizing=_SMALL, log_x=options.log is not False, type_size=9
    )
    words = Sheet(
        title="Does power follow operations?",
        subtitle="Power during forward passes against the cost of one image; area: parameters",
        notes=options.notes,
        caption=captions.joined(
            captions.timed(table, frame),
            captions.COUNTED,
            captions.POWER,
            _SMALL.enlarged(frame),
        ),
        legend=family_entries(frame),
        sizing=_SMALL,
        panel_titles=True,
        names=True,
    ).with_plot_height(6.0)

    def panel(axes: Axes, rows: pd.DataFrame) -> Count:
        named, lines = draw_scatter(axes, rows, spec, options)
        axes.set_ylim(0, axes.get_ylim()[1] * 1.25)
        units = (METRICS[spec.x].unit, METRICS[spec.y].unit)
        lines += draw_fit(axes, values(rows, spec.x), values(rows, spec.y), units)
        lines += draw_idle(axes, rows)
        return finish(axes, spec, named, lines)

    return draw_panels(words, by_batch(frame, batches), panel)
