"""Rank correlation and straight lines, enough to say whether one number predicts another.

References:
    C. Spearman.  "The proof and measurement of association between two things."  Am. J. Psychol.
    15 (1904), 72-101: the correlation of ranks, tied values having the mean of theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import StatisticsError, correlation, linear_regression


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A least-squares line; ``r2`` is the share of the variance of y that it explains."""

    slope: float
    intercept: float
    r2: float

    def at(self, x: float) -> float:
        return self.slope * x + self.intercept


def fit_line(x: Sequence[float], y: Sequence[float]) -> Line:
    """The line through at least two different x.  Raises ``ValueError`` for fewer."""
    try:
        slope, intercept = linear_regression(x, y)
    except StatisticsError as error:
        raise ValueError(str(error)) from None
    mean = sum(y) / len(y)
    total = sum((value - mean) ** 2 for value in y)
    left = sum((value - slope * at - intercept) ** 2 for at, value in zip(x, y, strict=True))
    return Line(slope=slope, intercept=intercept, r2=1 - left / total if total else 1.0)


def rank_correlation(x: Sequence[float], y: Sequence[float]) -> float:
    """Spearman's, from -1 to 1; 0 when either does not vary.  At least two pairs."""
    try:
        return correlation(_ranks(x), _ranks(y))
    except StatisticsError:
        return 0.0


def _ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1; equal values share the mean of theirs."""
    ordered = sorted(values)
    first = {value: rank for rank, value in reversed(list(enumerate(ordered, start=1)))}
    return [first[value] + (ordered.count(value) - 1) / 2 for value in values]
