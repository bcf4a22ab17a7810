"""Power drawn against batch size, a line per network.

Figure 4 of arXiv:1605.07678, which found it flat: independent of batch and architecture.
"""

from __future__ import annotations

from matplotlib.figure import Figure

from opbench.figures.parts import captions, sweep
from opbench.figures.parts.options import Options
from opbench.table.frames import Table

TAKES = sweep.TAKES

_SWEEP = sweep.BatchSweep(
    key="power_w",
    title="Power, by batch size",
    subtitle="Power drawn during forward passes",
    note=captions.POWER,
    from_zero=True,
)


def draw(table: Table, options: Options) -> Figure:
    """Lines over batch size.  Raises ``MissingDataError`` saying what to run."""
    return sweep.draw_sweep(table, options, _SWEEP)
