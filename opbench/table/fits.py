"""Fit lines, and correlate ranks.  Standard library only.

References:
    C. Spearman.  "The Proof and Measurement of Association between Two Things."  Am. J. Psychol.
    15 (1904) 72.
    A. M. Andrew.  "Another efficient algorithm for convex hulls in two dimensions."  Inf. Process.
    Lett. 9 (1979) 216: the upper hull by one walk from left to right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import StatisticsError, correlation, linear_regression

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """``y = intercept + slope * x``; ``r2`` is the share of the variance of y that it explains."""

    slope: float
    intercept: float
    r2: float

    def at(self, x: float) -> float:
        """Return the line's height at ``x``."""
        return self.intercept + self.slope * x


def fit_line(x: Sequence[float], y: Sequence[float]) -> Line:
    """Fit a line by ordinary least squares.  Raises ``ValueError`` for fewer than two ``x``."""
    try:
        slope, intercept = linear_regression(x, y)
    except StatisticsError:
        raise ValueError("a line needs two different x, and a y for each") from None
    mean = sum(y) / len(y)
    total = sum((value - mean) ** 2 for value in y)
    left = sum((value - slope * at - intercept) ** 2 for at, value in zip(x, y, strict=True))
    return Line(slope=slope, intercept=intercept, r2=1 - left / total if total else 1.0)


def rank_correlation(x: Sequence[float], y: Sequence[float]) -> float:
    """Return Spearman's rho, ties sharing their mean rank: 1 when ``x`` puts ``y`` in order.

    What does not vary predicts nothing: 0.  Raises ``ValueError`` for fewer than two pairs.
    """
    try:
        return correlation(_ranks(x), _ranks(y))
    except StatisticsError:
        if len(x) != len(y) or len(x) < 2:
            raise ValueError("ranks correlate over two pairs or more") from None
        return 0.0


def _ranks(values: Sequence[float]) -> list[float]:
    """Return ranks from 1; equal values share the mean of theirs."""
    ordered = sorted(values)
    first = {value: rank for rank, value in reversed(list(enumerate(ordered, start=1)))}
    equal = Counter(values)
    return [first[value] + (equal[value] - 1) / 2 for value in values]


def upper_bound(points: Sequence[Point]) -> Line | None:
    """Return the falling line above all points that is nearest to them.

    It runs along one falling edge of the upper convex hull, the one with the least sum of
    distances in y.  None where no edge falls: then one point is best in both directions.
    """
    hull = _upper_hull(points)
    edges = [(left, right) for left, right in pairwise(hull) if right[1] < left[1]]
    lines = [_through(left, right) for left, right in edges]
    if not lines:
        return None
    return min(lines, key=lambda line: sum(line.at(x) - y for x, y in points))


def _upper_hull(points: Sequence[Point]) -> list[Point]:
    hull: list[Point] = []
    for point in sorted(points):
        while len(hull) > 1 and _turns_left(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    return hull


def _turns_left(a: Point, b: Point, c: Point) -> bool:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) >= 0


def _through(left: Point, right: Point) -> Line:
    slope = (right[1] - left[1]) / (right[0] - left[0])
    return Line(slope=slope, intercept=left[1] - slope * left[0], r2=1.0)
