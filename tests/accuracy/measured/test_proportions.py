"""Paired proportions: against enumeration, worked examples, other implementations, simulation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opbench.accuracy import wilson_interval
from opbench.accuracy.measured.proportions import bonferroni, holm, mcnemar, tango_interval

Z = 1.959963984540054  # 97.5 % point of the normal distribution, Abramowitz and Stegun 26.2


@pytest.mark.parametrize("discordant", [1, 2, 5, 8, 11, 900])
def test_the_test_is_the_binomial_one(discordant: int) -> None:
    """Two-sided: all outcomes that are at least as far from one half."""
    for won in range(0, discordant + 1, 1 + discordant // 30):
        far = abs(won - discordant / 2)
        outcomes = (k for k in range(discordant + 1) if abs(k - discordant / 2) >= far)
        expected = sum(math.comb(discordant, k) for k in outcomes) / 2**discordant
        assert mcnemar(discordant - won, won) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("first", "second", "p_value"),
    [
        # Airway hyper-responsiveness, Bentur et al. 2009: Fagerland, Lydersen and Laake, "The
        # McNemar test for binary matched-pairs data", BMC Med. Res. Methodol. 13, 2013.
        (1, 7, 0.0703),
        # M. Fay, "Exact McNemar's Test and Matching Confidence Intervals", of R's exact2x2.
        (9, 2, 0.06543),
    ],
)
def test_published_examples_of_the_test(first: int, second: int, p_value: float) -> None:
    assert mcnemar(first, second) == pytest.approx(p_value, abs=5e-5)


def test_no_discordant_image_and_very_many() -> None:
    assert mcnemar(0, 0) == mcnemar(60_000, 60_000) == 1
    assert mcnemar(60_000, 60_001) == pytest.approx(1)
    # The normal approximation with Yates's correction: z = 999 / sqrt(121,000) = 2.87.
    assert mcnemar(60_000, 61_000) == pytest.approx(math.erfc(999 / math.sqrt(2 * 121_000)), 1e-3)
    assert 0 <= mcnemar(0, 100_000) < 1e-300


def test_false_alarms_are_at_most_five_percent_for_any_number_of_discordant_images() -> None:
    for discordant in range(1, 150):
        alarms = sum(
            math.comb(discordant, won)
            for won in range(discordant + 1)
            if mcnemar(discordant - won, won) <= 0.05
        )
        assert alarms <= 0.05 * 2**discordant


def test_what_the_test_finds_has_an_interval_without_zero() -> None:
    """The exact test rejects less often than the score test, which the interval inverts."""
    for discordant in range(1, 600):
        found = [k for k in range(discordant // 2) if mcnemar(k, discordant - k) <= 0.05]
        for most in found[-1:]:
            assert (discordant - 2 * most) / math.sqrt(discordant) > Z
            assert tango_interval(most, discordant - most, 50_000).low > 0


def test_the_published_example_of_the_interval() -> None:
    """Bentur et al. in Fagerland, Lydersen and Laake 2014: 1 and 7 discordant of 21 pairs."""
    found = tango_interval(7, 1, 21)
    assert (found.estimate, found.low, found.high) == pytest.approx(
        (-6 / 21, -0.517, -0.026), abs=5e-4
    )


@pytest.mark.parametrize(
    ("only_base", "only_new", "pairs"),
    [(7, 1, 21), (6, 16, 161), (0, 4, 50), (3, 3, 10), (750, 820, 50_000), (1, 0, 50_000)],
)
def test_each_end_is_z_standard_errors_away_under_its_own_likeliest_probabilities(
    only_base: int, only_new: int, pairs: int
) -> None:
    found = tango_interval(only_base, only_new, pairs)
    for end in (found.low, found.high):
        q = _searched(only_base, only_new, pairs, end)
        error = math.sqrt((2 * q + end - end * end) / pairs)
        assert abs(found.estimate - end) / error == pytest.approx(Z, rel=1e-4)


def _searched(only_base: int, only_new: int, pairs: int, difference: float) -> float:
    """The likeliest P(only base is right) where the other probability is larger by a difference,
    by golden section."""

    def likelihood(q: float) -> float:
        rest = 1 - 2 * q - difference, pairs - only_base - only_new
        cells = ((q, only_base), (q + difference, only_new), rest)
        return sum(number * math.log(max(cell, 1e-300)) for cell, number in cells if number)

    low, high = max(0.0, -difference), (1 - difference) / 2
    part = (math.sqrt(5) - 1) / 2
    for _ in range(100):
        left, right = high - part * (high - low), low + part * (high - low)
        low, high = (left, high) if likelihood(left) < likelihood(right) else (low, right)
    return (low + high) / 2


@pytest.mark.parametrize("pairs", [1, 10, 50_000])
def test_without_a_discordant_image_it_is_wilsons_interval_of_none(pairs: int) -> None:
    found = tango_interval(0, 0, pairs)
    _, high = wilson_interval(0, pairs)
    assert (found.low, found.high) == pytest.approx((-high / 100, high / 100), rel=1e-6)


@pytest.mark.parametrize("pairs", [1, 10, 500])
def test_with_discordant_images_alone_it_is_wilsons_interval_of_all(pairs: int) -> None:
    """Then the difference is 2 p - 1, p being the share of one side."""
    found = tango_interval(0, pairs, pairs)
    low, _ = wilson_interval(100, pairs)
    assert (found.low, found.high) == pytest.approx((2 * low / 100 - 1, 1), abs=1e-6)


@pytest.mark.parametrize(("right", "reach"), [(25_000, Z), (37_500, 2.74)])
def test_newcombes_interval_is_narrower_where_all_answers_agree(right: int, reach: float) -> None:
    """Method 10 of Newcombe 1998: at one half, 50,000 x sqrt(4 / 50,000) x z / sqrt(4 x 50,000)."""
    images = 50_000
    share = right / images
    low, high = (each / 100 for each in wilson_interval(100 * share, images))
    below, above = share - low, high - share
    product = right * (images - right)
    correlation = (product - images / 2) / product
    half = math.sqrt(below**2 - 2 * correlation * below * above + above**2)
    assert images * half == pytest.approx(reach, rel=2e-3)
    # (1 - p)^50,000 = 0.025 is the exact bound.
    exact = images * (1 - 0.025 ** (1 / images))
    assert images * half < exact < images * tango_interval(0, 0, images).high < Z * Z


counts = st.tuples(st.integers(0, 300), st.integers(0, 300), st.integers(0, 3000))


@given(counts, st.floats(0.5, 0.999))
def test_an_interval_holds_its_estimate_and_mirrors(
    drawn: tuple[int, int, int], confidence: float
) -> None:
    only_base, only_new, others = drawn
    pairs = only_base + only_new + others
    if not pairs:
        with pytest.raises(ValueError, match="cannot be discordant"):
            tango_interval(only_base, only_new, pairs)
        return
    found = tango_interval(only_base, only_new, pairs, confidence)
    mirrored = tango_interval(only_new, only_base, pairs, confidence)
    assert -1 <= found.low <= found.estimate <= found.high <= 1
    assert (mirrored.low, mirrored.high) == (-found.high, -found.low)
    assert mcnemar(only_base, only_new) == mcnemar(only_new, only_base) <= 1
    wider = tango_interval(only_base, only_new, pairs, (1 + confidence) / 2)
    assert wider.low <= found.low and found.high <= wider.high


def _coverage(pairs: int, base: float, new: float) -> float:
    """The exact probability that the interval holds the difference."""
    logs = [math.lgamma(each + 1) for each in range(pairs + 1)]
    covered = 0.0
    for one in range(pairs + 1):
        for other in range(pairs + 1 - one):
            low, high = _ends(one, other, pairs)
            if low <= new - base <= high:
                rest = pairs - one - other
                ways = logs[pairs] - logs[one] - logs[other] - logs[rest]
                cells = ((base, one), (new, other), (1 - base - new, rest))
                covered += math.exp(ways + sum(n * math.log(p) for p, n in cells))
    return covered


@cache
def _ends(only_base: int, only_new: int, pairs: int) -> tuple[float, float]:
    found = tango_interval(only_base, only_new, pairs)
    return found.low, found.high


GRID = [(base, new) for base in (0.01, 0.05, 0.12, 0.3) for new in (0.01, 0.04, 0.1, 0.2, 0.35)]


def test_the_coverage_is_near_95_percent_by_enumeration() -> None:
    found = [_coverage(40, base, new) for base, new in GRID]
    assert 0.94 <= sum(found) / len(found) <= 0.97
    assert min(found) >= 0.92


@pytest.mark.parametrize(
    ("base", "new"), [(2e-4, 2e-4), (2e-4, 6e-4), (0.002, 0.001), (0.02, 0.025), (0.1, 0.1)]
)
def test_the_coverage_on_fifty_thousand_images_by_simulation(base: float, new: float) -> None:
    """At 95 %, more than 130 of 2,000 intervals miss the difference with probability 0.1 %."""
    drawn = np.random.default_rng(1).multinomial(50_000, (base, new, 1 - base - new), size=2000)
    missed = 0
    for one, other, _ in drawn.tolist():
        low, high = _ends(one, other, 50_000)
        missed += not low <= new - base <= high
    assert missed <= 130


def test_a_real_difference_is_found_by_simulation() -> None:
    """Of 1 point on 10,000 images, 5 % of which are discordant: 4.5 standard errors."""
    drawn = np.random.default_rng(2).multinomial(10_000, (0.02, 0.03, 0.95), size=500)
    found = sum(mcnemar(one, other) <= 0.05 for one, other, _ in drawn.tolist())
    # The power is Phi(4.5 - 2) = 99.3 %; fewer than 485 of 500 have a probability below 0.1 %.
    assert found >= 485


def test_holms_correction_by_hand() -> None:
    # In order: 4 x 0.005 = 0.02, 3 x 0.01 = 0.03, 2 x 0.03 = 0.06, and 0.04 is raised to that.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.6]) == [1, 1]
    assert holm([0.04]) == [0.04]
    assert holm([]) == []


def test_intervals_of_several_share_what_they_may_err() -> None:
    assert [bonferroni(each) for each in (1, 2, 5)] == pytest.approx([0.95, 0.975, 0.99])


def _equal_networks(others: int, images: int, tries: int) -> Iterator[list[tuple[int, int]]]:
    """Discordant counts of networks that are as accurate as their base, which all share."""
    draw = np.random.default_rng(3)
    for _ in range(tries):
        easy = draw.uniform(size=images)
        base, *rest = (draw.uniform(size=(others + 1, images)) < np.sqrt(easy)).tolist()
        both = [np.array(base)[None, :], np.array(rest)]
        lost, won = (both[0] & ~both[1]).sum(1), (~both[0] & both[1]).sum(1)
        yield list(zip(lost.tolist(), won.tolist(), strict=True))


def test_several_equal_networks_have_few_false_alarms_together() -> None:
    """At 5 %, more than 71 of 1,000 have a probability of 0.1 %; uncorrected there are more."""
    alarms = uncorrected = missed = 0
    for counts in _equal_networks(4, 300, 1000):
        p_values = [mcnemar(*each) for each in counts]
        uncorrected += min(p_values) <= 0.05
        alarms += min(holm(p_values)) <= 0.05
        ends = [tango_interval(*each, 300, bonferroni(4)) for each in counts]
        missed += not all(each.low <= 0 <= each.high for each in ends)
    assert alarms <= 71 < uncorrected
    assert missed <= 71
