"""Top-1 accuracy of every network, ascending.

Figure 1 of arXiv:1605.07678, for every dataset of the registry that has an accuracy.
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
from matplotlib.figure import Figure

from opbench.figures.parts.dots import Ranking, draw_ranking
from opbench.figures.parts.options import Options
from opbench.table.frames import Table

TAKES = frozenset({"family", "highlight"})

_CLOSE = 5.0  # percent: networks that lie within it are told apart by a second decimal


def _percent(values: pd.Series[float]) -> list[str]:
    decimals = 2 if values.max() - values.min() < _CLOSE else 1
    return [f"{value:.{decimals}f}" for value in values]


_RANKING = Ranking(
    key="top1",
    write=_percent,
    title="Top-1 accuracy by network",
    subtitle="Published accuracy of each network on the dataset it was made for",
)


_BOTH = "Accuracy of each network on its data set, as published or, where it was, as measured here"


def draw(table: Table, options: Options) -> Figure:
    """A panel of dots for each dataset."""
    measured = table.everywhere["top1_measured"].any()
    return draw_ranking(table, options, replace(_RANKING, subtitle=_BOTH) if measured else _RANKING)
