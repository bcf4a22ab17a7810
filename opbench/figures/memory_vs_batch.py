"""Peak memory against batch size, a line per network.

Figure 5 of arXiv:1605.07678, which found it flat at first and then linear.
"""

from __future__ import annotations

from matplotlib.figure import Figure

from opbench.figures.parts import sweep
from opbench.figures.parts.options import Options
from opbench.table.frames import Table

TAKES = sweep.TAKES

_SWEEP = sweep.BatchSweep(
    key="peak_memory_bytes",
    title="Memory, by batch size",
    subtitle="Peak memory of forward passes",
)


def draw(table: Table, options: Options) -> Figure:
    """Lines over batch size.  Raises ``MissingDataError`` saying what to run."""
    return sweep.draw_sweep(table, options, _SWEEP)
