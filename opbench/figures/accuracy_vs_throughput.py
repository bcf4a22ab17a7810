"""Accuracy against images per second; blob area is operations.

Figure 9 of arXiv:1605.07678: a falling line that no network rises above, hence accuracy and time
in a hyperbolic relation.  All panels have the same axis of images per second, so that what a larger
batch gains can be seen.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opbench.figures.parts import captions, select
from opbench.figures.parts.axes import reach, set_axis, values
from opbench.figures.parts.blobs import BY_OPS, family_entries
from opbench.figures.parts.frame import Sheet
from opbench.figures.parts.labels import Count, Line
from opbench.figures.parts.options import OF_LOG_TIMINGS, Options
from opbench.figures.parts.panels import by_batch, stack_panels, wanted_batches
from opbench.figures.parts.scatter import Scatter, draw_scatter, finish
from opbench.figures.parts.style import colour
from opbench.spec import dataset_label
from opbench.table.fits import Line as Bound
from opbench.table.fits import upper_bound
from opbench.table.frames import Table

TAKES = OF_LOG_TIMINGS

_RATE = "throughput_images_per_s"
_SMALL = BY_OPS.smaller(0.6)
_BOUND = (
    "Shaded: beyond the line, falling in images per second, that no accuracy of a single central "
    "crop rises above and that lies nearest to all of them; a curve on a logarithmic axis.  In the "
    "lighter band it may lie anywhere, by the intervals of the timings."
)
_UNSTEADY = "The line itself is not drawn where a cell is noisy or unstable."


def draw(table: Table, options: Options) -> Figure:
    """A panel for each batch.  Raises ``MissingDataError`` saying what to run."""
    frame = select.cells(table, options, "latency_s", "top1")
    batches = wanted_batches(frame, options)
    panels = by_batch(frame, batches)
    spec = Scatter(
        x=_RATE,
        y="top1",
        sizing=_SMALL,
        log_x=options.log is not False,
        type_size=9,
    )
    words = Sheet(
        title="Accuracy against speed",
        subtitle=f"Top-1 on {dataset_label(frame['dataset'].iloc[0])} against throughput, in "
        "images per second; area of a blob: operations of an image",
        notes=options.notes,
        caption=captions.joined(
            captions.timed(table, frame, _RATE),
            captions.sources(select.facts(table, frame)),
            captions.protocols(select.facts(table, frame)),
            captions.joins(frame),
            f"{_BOUND}  {_UNSTEADY}" if any(map(_bounds, panels.values())) else "",
            f"{captions.TOP1_INTERVAL}  {captions.COUNTED}",
            _SMALL.enlarged(frame),
        ),
        legend=family_entries(frame),
        sizing=_SMALL,
        panel_titles=True,
        names=True,
    ).with_plot_height(5.2 * len(batches))

    shared = pd.concat(panels.values())

    def panel(axes: Axes, rows: pd.DataFrame) -> Count:
        named, lines = draw_scatter(axes, rows, spec, options)
        set_axis(axes, "x", reach([shared], spec.x), log=spec.log_x)
        lines += _shade(axes, rows)
        return finish(axes, spec, named, lines)

    return stack_panels(words, panels, panel)


def _shade(axes: Axes, rows: pd.DataFrame) -> list[Line]:
    """Shade what lies beyond the bound, and where the bound itself may lie."""
    bounds = _bounds(rows)
    if not bounds:
        return []
    (low, high), top = axes.get_xlim(), axes.get_ylim()[1]
    steps = np.geomspace(low, high, 60) if axes.get_xscale() == "log" else np.array([low, high])
    nearest, farthest, middle = (each.intercept + each.slope * steps for each in bounds)
    axes.fill_between(steps, nearest, farthest, color=colour("grid"), alpha=0.35, lw=0, zorder=0.5)
    axes.fill_between(steps, farthest, top, color=colour("grid"), alpha=0.8, lw=0, zorder=0.5)
    axes.set_ylim(top=top)
    if not rows["quality"].fillna("good").eq("good").all():
        return []
    axes.plot(steps, middle, color=colour("muted"), lw=1.1, zorder=1, gid="bound")
    return [(list(steps), list(middle))]


def _bounds(rows: pd.DataFrame) -> list[Bound]:
    """Return the bound from the lower and upper ends of the intervals, and from the values.

    There may be none: then one network is best in both directions.
    """
    compete = rows[rows["single_crop"].astype(bool)]
    ends = (values(compete, _RATE, _RATE + end) for end in ("_low", "_high", ""))
    found = [upper_bound(list(zip(x, compete["top1"], strict=True))) for x in ends]
    bounds = [bound for bound in found if bound is not None]
    return bounds if len(bounds) == len(found) else []
