"""Medians and intervals: against tables, arithmetic and seeded simulation."""

from __future__ import annotations

import math
import random

import pytest

from opbench.statistics import interval_rank, median, median_interval, quantile


def test_median_of_an_even_count_is_the_mean_of_the_two_in_the_middle() -> None:
    assert median([4.0, 1.0, 3.0, 2.0]) == 2.5


def test_quantile_interpolates_between_order_statistics() -> None:
    assert quantile([0.0, 1.0, 2.0, 3.0], 0.95) == pytest.approx(2.85)


@pytest.mark.parametrize(
    ("count", "rank"),
    # Conover, "Practical Nonparametric Statistics": the sign-test interval of the median.
    [(6, 0), (7, 0), (8, 0), (9, 1), (10, 1), (12, 2), (15, 3), (20, 5), (25, 7), (50, 17)],
)
def test_ranks_are_those_of_the_sign_test(count: int, rank: int) -> None:
    assert interval_rank(count) == rank


@pytest.mark.parametrize("count", [6, 11, 100, 1000, 4000])
def test_the_rank_is_the_largest_that_keeps_the_coverage(count: int) -> None:
    def missed(rank: int) -> float:
        return 2 * sum(math.comb(count, k) for k in range(rank + 1)) / 2**count

    rank = interval_rank(count)
    assert missed(rank) <= 0.05 < missed(rank + 1)


def test_fewer_than_six_values_give_their_whole_range() -> None:
    assert median_interval([3.0, 1.0, 2.0]) == (1.0, 3.0)


def test_the_interval_covers_the_median_of_a_skewed_distribution() -> None:
    draw = random.Random(1)
    covered = 0
    for _ in range(400):
        low, high = median_interval([draw.expovariate(1) for _ in range(31)])
        covered += low <= math.log(2) <= high
    # The exact coverage for 31 values is 97 %; 400 trials have a standard error of 0.9 %.
    assert covered / 400 > 0.94
