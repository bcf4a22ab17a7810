"""Medians and intervals: against tables, arithmetic and seeded simulation."""

from __future__ import annotations

import math
import random

import pytest

from opbench.intervals import (
    drift,
    interval_rank,
    median,
    median_interval,
    median_of_rounds,
    quantile,
    rate_bound,
    ratio_of_rounds,
    student_t,
    trimmed_mean,
    two_states,
)


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


@pytest.mark.parametrize("count", [6, 11, 100, 1000, 2000])
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


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    # Two-sided 95 %, as printed in any table of Student's t.
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (5, 2.571), (10, 2.228), (30, 2.042)],
)
def test_students_t_is_that_of_the_tables(freedom: int, quantile: float) -> None:
    assert student_t(freedom) == pytest.approx(quantile, abs=5e-4)


def test_one_round_has_the_interval_of_its_order_statistics() -> None:
    samples = [float(value) for value in range(1, 10)]
    interval = median_of_rounds([samples])
    assert (interval.estimate, interval.low, interval.high) == (5, 2, 8)


def test_rounds_that_disagree_widen_the_interval_beyond_their_samples() -> None:
    interval = median_of_rounds([[1.00] * 50, [1.02] * 50, [1.04] * 50])
    assert interval.estimate == 1.02
    # Three logarithms 0.0196 apart: t(2) x sqrt(pi / 2) x 0.0196 / sqrt(3) = 0.061.
    assert math.log(interval.high / interval.estimate) == pytest.approx(0.0610, abs=3e-4)
    assert math.log(interval.estimate / interval.low) == pytest.approx(0.0610, abs=3e-4)


def test_wild_rounds_have_the_interval_that_the_logarithm_says() -> None:
    """Logarithms -a, 0 and a: their standard error is a / sqrt(3)."""
    wild = [[math.exp(-2)], [1.0], [math.exp(2)]]
    half = 4.3027 * math.sqrt(math.pi / 2) * 2 / math.sqrt(3)
    over_rounds, ratio = median_of_rounds(wild), ratio_of_rounds(wild, [[1.0]] * 3)
    for interval in (over_rounds, ratio):
        assert math.log(interval.high) == pytest.approx(half, rel=1e-4)
        assert math.log(interval.low) == pytest.approx(-half, rel=1e-4)


def test_intervals_of_the_wildest_rounds_are_numbers() -> None:
    wildest = [[1e-12], [1.0], [1e9]]
    for interval in (median_of_rounds(wildest), ratio_of_rounds(wildest, [[1e9]] * 3)):
        assert 0 < interval.low < interval.estimate < interval.high < math.inf


@pytest.mark.parametrize(
    ("values", "apart"),
    [
        ([4.0, 108.0, 108.5], True),
        ([1.0, 1.1, 1.1, 1.1], True),
        ([1.0, 1.01, 1.0, 1.01], False),  # a difference that does not matter
        ([1.0, 1.1, 1.2, 1.3], False),
        ([1.0, 1.03, 1.10, 1.13], False),
        ([1.0], False),
        ([1.0, 1.0, 1.0], False),
    ],
)
def test_two_states_are_groups_further_apart_than_they_are_wide(
    values: list[float], apart: bool
) -> None:
    assert two_states(values, 0.02) is apart


def test_samples_that_alternate_widen_the_interval_of_rounds_that_agree() -> None:
    interval = median_of_rounds([[1.0, 2.0] * 20] * 3)
    assert (interval.low, interval.high) == (1.0, 2.0)


def test_the_interval_over_rounds_covers_when_rounds_differ_more_than_samples() -> None:
    draw = random.Random(2)

    def one_round() -> list[float]:
        level = math.exp(draw.gauss(0, 0.05))
        return [level * math.exp(draw.gauss(0, 0.002)) for _ in range(15)]

    intervals = [median_of_rounds([one_round() for _ in range(3)]) for _ in range(400)]
    covered = sum(interval.low <= 1 <= interval.high for interval in intervals) / 400
    assert covered > 0.93
    alone = [median_of_rounds([one_round()]) for _ in range(400)]
    assert sum(interval.low <= 1 <= interval.high for interval in alone) / 400 < 0.2


def test_equal_rounds_have_the_ratio_one_as_often_as_said() -> None:
    draw = random.Random(3)

    def rounds() -> list[list[float]]:
        return [[math.exp(draw.gauss(0, 0.03))] for _ in range(3)]

    ratios = [ratio_of_rounds(rounds(), rounds()) for _ in range(400)]
    assert sum(ratio.low <= 1 <= ratio.high for ratio in ratios) / 400 > 0.93


def test_the_ratio_is_new_over_base() -> None:
    ratio = ratio_of_rounds([[1.0], [1.0], [1.1]], [[2.0], [2.0], [2.2]])
    assert ratio.estimate == pytest.approx(2)
    assert ratio.low < 2 < ratio.high
    assert ratio_of_rounds([[1.0]] * 2, [[3.0]] * 2).relative == 0


def test_a_steady_rise_is_a_drift_and_noise_is_none() -> None:
    draw = random.Random(4)
    noise = [1 + draw.gauss(0, 0.02) for _ in range(500)]
    rise = [value + 0.1 * index / 500 for index, value in enumerate(noise)]
    assert drift(noise) == 0
    assert drift(rise) == pytest.approx(0.1 / 1.05, abs=0.02)
    assert drift(rise[::-1]) == pytest.approx(-0.1 / 1.05, abs=0.02)
    assert drift([1.0]) == 0


def test_a_bound_on_a_rate_is_arithmetic_where_nothing_was_hit() -> None:
    assert rate_bound(0, 24) == pytest.approx(1 - 0.05 ** (1 / 24))
    assert rate_bound(3, 3) == 1


@pytest.mark.parametrize(("hits", "tries"), [(0, 59), (1, 93), (2, 124)])
def test_a_bound_on_a_rate_agrees_with_wilks(hits: int, tries: int) -> None:
    """S. S. Wilks, 1941: the fewest tries for 95 % confidence in a rate below 5 %."""
    assert rate_bound(hits, tries) <= 0.05 < rate_bound(hits, tries - 1)


def test_a_trimmed_mean_has_the_interval_of_tukey_and_mclaughlin() -> None:
    # Of eight values one is left out at each end.  3.5 is the mean of 1 to 6.  With both ends moved
    # to 1 and 6, the squares about 3.5 add up to 2 (2 x 6.25 + 2.25 + 0.25) = 30; the two-sided
    # quantile of Student's t for 5 degrees of freedom at 95 % is 2.571.
    found = trimmed_mean([-50.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 100.0], 1 / 8)
    half = 2.571 * math.sqrt(30 / 7 / 8) * 8 / 6
    assert found.estimate == 3.5
    assert (found.low, found.high) == pytest.approx((3.5 - half, 3.5 + half), rel=1e-3)


def test_without_trimming_it_is_students_t() -> None:
    found = trimmed_mean([1.0, 2.0, 3.0], 0.0)
    half = 4.303 / math.sqrt(3)
    assert (found.low, found.high) == pytest.approx((2 - half, 2 + half), rel=1e-3)
