"""Time for one image against batch size, a line per network.

Figure 3 of arXiv:1605.07678.
"""

from __future__ import annotations

from matplotlib.figure import Figure

from opbench.figures.parts import sweep
from opbench.figures.parts.options import Options
from opbench.table.frames import Table

TAKES = sweep.TAKES

_SWEEP = sweep.BatchSweep(
    key="latency_per_image_s",
    title="Time for one image, by batch size",
    subtitle="Latency: the time of a forward pass, divided by the images in it",
)


def draw(table: Table, options: Options) -> Figure:
    """Lines over batch size.  Raises ``MissingDataError`` saying what to run."""
    return sweep.draw_sweep(table, options, _SWEEP)
