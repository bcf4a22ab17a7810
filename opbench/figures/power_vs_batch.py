"""Power drawn against batch size, a line per network.

Figure 4 of arXiv:1605.07678, which found it flat: independent of batch and architecture.
"""

from __future__ import annotations

from matplotlib.figure import Figure

from opbench.figures import _sweep, _words
from opbench.figures._options import Options
from opbench.table import Table

TAKES = _sweep.TAKES

_SWEEP = _sweep.Sweep(
    key="power_w",
    title="Power, by batch size",
    subtitle="Power drawn during forward passes",
    note=_words.POWER,
    from_zero=True,
)


def draw(table: Table, options: Options) -> Figure:
    """Lines over batch size.  Raises ``MissingDataError`` saying what to run."""
    return _sweep.draw_sweep(table, options, _SWEEP)
