"""Peak memory against batch size, a line per network.

Figure 5 of arXiv:1605.07678, which found it flat at first and then linear.
"""

from __future__ import annotations

from matplotlib.figure import Figure

from opbench.figures import _sweep, _words
from opbench.figures._options import Options
from opbench.table import Table

TAKES = _sweep.TAKES

_SWEEP = _sweep.Sweep(
    key="peak_memory_bytes",
    title="Memory, by batch size",
    subtitle="Peak memory of forward passes",
    note=_words.MEMORY,
)


def draw(table: Table, options: Options) -> Figure:
    """Lines over batch size.  Raises ``MissingDataError`` saying what to run."""
    return _sweep.draw_sweep(table, options, _SWEEP)
