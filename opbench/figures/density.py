"""Accuracy density: top-1 per million parameters, ascending.

Figure 10 of arXiv:1605.07678: how much accuracy a network buys with each of its parameters.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from opbench.figures.parts.dots import Ranking, draw_ranking
from opbench.figures.parts.options import Options
from opbench.table.frames import Table

TAKES = frozenset({"family", "highlight"})


def _three_digits(values: pd.Series[float]) -> list[str]:
    return [f"{value:,.0f}" if value >= 100 else f"{value:#.3g}" for value in values]


_RANKING = Ranking(
    key="density",
    write=_three_digits,
    title="What each parameter buys",
    subtitle="Top-1 accuracy divided by millions of parameters, on a logarithmic axis",
    log=True,
)


def draw(table: Table, options: Options) -> Figure:
    """A panel of dots for each dataset."""
    return draw_ranking(table, options, _RANKING)
