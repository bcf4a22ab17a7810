"""Lines and ranks, by hand."""

from __future__ import annotations

import pytest

from opbench.table.fits import fit_line, rank_correlation, upper_bound


def test_a_line_through_points_on_a_line_is_that_line() -> None:
    line = fit_line([1, 2, 4], [5, 7, 11])
    assert (line.slope, line.intercept, line.r2) == pytest.approx((2, 3, 1))
    assert line.at(10) == pytest.approx(23)


def test_least_squares_by_the_normal_equations() -> None:
    # x 0 1 2, y 1 0 2: slope = sum (x-1)(y-1) / sum (x-1)^2 = 1/2; residuals 1/2, -1, 1/2;
    # r2 = 1 - 1.5 / 2.
    line = fit_line([0, 1, 2], [1, 0, 2])
    assert (line.slope, line.intercept, line.r2) == pytest.approx((0.5, 0.5, 0.25))


def test_one_x_gives_no_line() -> None:
    with pytest.raises(ValueError, match="two different x"):
        fit_line([1, 1], [2, 3])


def test_rank_correlation_sees_order_only() -> None:
    assert rank_correlation([1, 2, 3], [1, 10, 1000]) == pytest.approx(1)
    assert rank_correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)


def test_untied_ranks_follow_spearmans_formula() -> None:
    # 1 - 6 sum d^2 / (n (n^2 - 1)); ranks 1, 3, 2, 5, 4 against 1 to 5.
    found = rank_correlation([10, 20, 30, 40, 50], [1, 3, 2, 6, 3.5])
    d2 = 0 + 1 + 1 + 1 + 1
    assert found == pytest.approx(1 - 6 * d2 / (5 * 24))


def test_ties_share_their_mean_rank() -> None:
    # Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: covariance 4.5, variances 4.5 and 5.
    assert rank_correlation([1, 2, 2, 5], [1, 2, 3, 4]) == pytest.approx(4.5 / (4.5 * 5) ** 0.5)


def test_what_does_not_vary_predicts_nothing() -> None:
    assert rank_correlation([1, 1, 1], [1, 2, 3]) == 0
    assert fit_line([1, 2, 3], [5, 5, 5]).slope == 0


def test_one_pair_has_no_order() -> None:
    with pytest.raises(ValueError, match="two pairs"):
        rank_correlation([1], [1])


def test_the_upper_bound_touches_the_hull_and_lies_above_every_point() -> None:
    points = [(1.0, 80.0), (2.0, 78.0), (4.0, 60.0), (3.0, 62.0), (1.0, 50.0)]
    line = upper_bound(points)
    assert line is not None
    assert all(line.at(x) >= y - 1e-9 for x, y in points)
    # Falling edges of the upper hull: 80 -> 78 (slope -2) and 78 -> 60 (slope -9); the second's
    # gaps are 7, 0, 0, 7 and 37, the first's 0, 0, 14, 14 and 30: 51 against 58.
    assert line.slope == pytest.approx(-9)


def test_there_is_no_falling_bound_where_one_point_is_best_in_both() -> None:
    assert upper_bound([(1, 50), (2, 60)]) is None
