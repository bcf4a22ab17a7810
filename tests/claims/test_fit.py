"""Lines and ranks by hand."""

from __future__ import annotations

import pytest

from opbench.claims.fit import fit_line, rank_correlation


def test_a_line_is_found_again() -> None:
    line = fit_line([1, 2, 4], [5, 7, 11])
    assert (line.slope, line.intercept, line.r2) == pytest.approx((2, 3, 1))
    assert line.at(10) == pytest.approx(23)


def test_r2_is_the_share_of_variance_explained() -> None:
    # x = 1, 2, 3, y = 1, 3, 2: slope 1/2, intercept 1; residuals -1/2, 1, -1/2 of variance 2.
    line = fit_line([1, 2, 3], [1, 3, 2])
    assert (line.slope, line.intercept) == pytest.approx((0.5, 1))
    assert line.r2 == pytest.approx(1 - 1.5 / 2)


def test_one_place_has_no_line() -> None:
    with pytest.raises(ValueError, match="x is constant"):
        fit_line([1, 1], [2, 3])


def test_ranks_see_order_and_not_size() -> None:
    assert rank_correlation([1, 2, 3], [1, 100, 10_000]) == pytest.approx(1)
    assert rank_correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)


def test_untied_ranks_follow_spearmans_formula() -> None:
    # 1 - 6 sum d^2 / (n (n^2 - 1)); ranks 1, 3, 2, 5, 4 against 1 to 5.
    found = rank_correlation([10, 20, 30, 40, 50], [1, 3, 2, 6, 3.5])
    d2 = 0 + 1 + 1 + 1 + 1
    assert found == pytest.approx(1 - 6 * d2 / (5 * 24))


def test_ties_share_their_mean_rank() -> None:
    # Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: covariance 4.5, variances 4.5 and 5.
    assert rank_correlation([7, 8, 8, 9], [1, 2, 3, 4]) == pytest.approx(4.5 / (4.5 * 5) ** 0.5)


def test_what_does_not_vary_predicts_nothing() -> None:
    assert rank_correlation([1, 1, 1], [1, 2, 3]) == 0
