"""The Pareto frontier: what no other row beats in both columns at once."""

from __future__ import annotations

import pandas as pd

from opbench.metrics import METRICS


def frontier(frame: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """The rows of ``frame`` that no other row beats in ``x`` and ``y``, sorted by ``x``.

    Which direction is better is read from ``METRICS``.  A row that equals another in both columns
    is kept with it; a row with a missing value is on no frontier.  Where ``frame`` has a column
    ``single_crop``, the rows in which it is false neither win nor beat: accuracies of two
    protocols are not compared.
    """
    known = frame.dropna(subset=[x, y])
    if "single_crop" in known:
        known = known[known["single_crop"].astype(bool)]
    cost = known[x] * (1 if METRICS[x].better == "lower" else -1)
    gain = known[y] * (1 if METRICS[y].better == "higher" else -1)
    order = pd.DataFrame({"cost": cost, "gain": gain})
    beaten = [
        (
            (order.cost <= row.cost)
            & (order.gain >= row.gain)
            & ((order.cost < row.cost) | (order.gain > row.gain))
        ).any()
        for row in order.itertuples()
    ]
    return known[~pd.Series(beaten, known.index, dtype=bool)].sort_values([x, "name"])
