"""The Pareto frontier: what nothing else beats in cost and gain at once.

The rule for ties: a point is beaten by one that is at least as good in both and better in one, so
points that are equal in both are on the frontier together or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from opbench.metrics import METRICS

if TYPE_CHECKING:
    import pandas as pd


def pareto(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return the positions of the (cost, gain) pairs that no other beats, cheapest first."""
    order = sorted(range(len(points)), key=lambda at: (points[at][0], -points[at][1]))
    kept: list[int] = []
    for at in order:
        if not kept or points[at][1] > points[kept[-1]][1] or points[at] == points[kept[-1]]:
            kept.append(at)
    return kept


def frontier(frame: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """Return the rows of ``frame`` that no other row beats in ``x`` and ``y``, sorted by ``x``.

    ``METRICS`` says which direction is better.  A row with a missing value is on no frontier.
    Where ``frame`` has a column ``single_crop``, the rows in which it is false neither win nor
    beat: accuracies of two protocols are not compared.
    """
    known = frame.dropna(subset=[x, y])
    if "single_crop" in known:
        known = known[known["single_crop"].astype(bool)]
    cost = known[x] * (1 if METRICS[x].better == "lower" else -1)
    gain = known[y] * (1 if METRICS[y].better == "higher" else -1)
    return known.iloc[pareto(list(zip(cost, gain, strict=True)))].sort_values([x, "name"])
