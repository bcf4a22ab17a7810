"""The Pareto frontier, by hand and against its definition."""

from __future__ import annotations

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from opbench.table.frontier import frontier, pareto


def _frame(points: dict[str, tuple[float | None, float | None]]) -> pd.DataFrame:
    return pd.DataFrame(
        [{"name": name, "macs": macs, "top1": top1} for name, (macs, top1) in points.items()]
    )


def test_only_rows_that_nothing_beats_in_both_are_kept_and_sorted_by_cost() -> None:
    frame = _frame({"d": (4, 80), "a": (1, 60), "b": (2, 70), "c": (3, 65)})
    assert frontier(frame, "macs", "top1")["name"].to_list() == ["a", "b", "d"]


def test_equals_stay_together_and_a_tie_in_one_column_is_beaten() -> None:
    frame = _frame({"a": (1, 60), "b": (1, 60), "c": (1, 59), "d": (2, 60)})
    assert frontier(frame, "macs", "top1")["name"].to_list() == ["a", "b"]


def test_a_row_without_a_value_is_on_no_frontier() -> None:
    frame = _frame({"a": (1, None), "b": (None, 90), "c": (5, 50)})
    assert frontier(frame, "macs", "top1")["name"].to_list() == ["c"]


def test_directions_come_from_the_metrics() -> None:
    frame = pd.DataFrame(
        {"name": ["slow", "fast"], "throughput_images_per_s": [10.0, 20.0], "top1": [80.0, 80.0]}
    )
    assert frontier(frame, "throughput_images_per_s", "top1")["name"].to_list() == ["fast"]


def test_accuracies_of_another_protocol_neither_win_nor_beat() -> None:
    frame = _frame({"a": (1, 60), "crops": (2, 99), "b": (3, 70)})
    frame["single_crop"] = [True, False, True]
    assert frontier(frame, "macs", "top1")["name"].to_list() == ["a", "b"]
    frame["single_crop"] = False
    assert frontier(frame, "macs", "top1").empty


def _beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """At least as good in both, which is cheaper and more accurate, and better in one."""
    return one[0] <= other[0] and one[1] >= other[1] and one != other


# Few different values, so that there are ties in either column and in both.
_FEW = st.integers(0, 4).map(float)
_ANY = st.floats(allow_nan=False)


@given(st.lists(st.tuples(_FEW, _FEW), max_size=15) | st.lists(st.tuples(_ANY, _ANY), max_size=15))
def test_the_frontier_is_exactly_what_no_other_point_beats(
    points: list[tuple[float, float]],
) -> None:
    kept = pareto(points)
    beaten = [any(_beats(other, point) for other in points) for point in points]
    assert sorted(kept) == [at for at, lost in enumerate(beaten) if not lost]
    costs = [points[at][0] for at in kept]
    assert costs == sorted(costs)
