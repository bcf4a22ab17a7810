"""Medians and how far they can be trusted, without assuming a distribution.

Timings are skewed, have outliers on one side only, and come in rounds that differ more from each
other than the samples inside a round do.  Hence: order statistics for the samples of one round,
and Student's t over the rounds for what moves between them.

References:
    H. A. David, H. N. Nagaraja.  "Order Statistics", 3rd ed., 2003, section 7.1: the interval of a
    quantile between two order statistics has the coverage of a binomial sum.
    M. Abramowitz, I. Stegun.  "Handbook of Mathematical Functions", 26.7.3 and 26.7.4: Student's t
    for a whole number of degrees of freedom is a finite sum.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

CONFIDENCE = 0.95


def median(values: Sequence[float]) -> float:
    """The middle value, or the mean of the two in the middle."""
    return quantile(values, 0.5)


def quantile(values: Sequence[float], fraction: float) -> float:
    """Linear interpolation between order statistics (Hyndman and Fan's type 7, as NumPy)."""
    ordered = sorted(values)
    position = fraction * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])


def median_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The narrowest symmetric pair of order statistics that covers the median.

    Fewer than six values cannot reach 95 %: then the interval is the whole range.
    """
    ordered = sorted(values)
    rank = interval_rank(len(ordered), confidence)
    return ordered[rank], ordered[-1 - rank]


@cache
def interval_rank(count: int, confidence: float = CONFIDENCE) -> int:
    """How many values lie outside on each side.

    The pair of the (r + 1)-th smallest and largest of n values misses the median with probability
    2 P(B <= r), B binomial (n, 1/2); the largest r that keeps it within 1 - confidence.
    """
    below, rank = 0.0, 0
    for outside in range(count // 2):
        below += _binomial_half(count, outside)
        if 2 * below > 1 - confidence:
            break
        rank = outside
    return rank


def _binomial_half(count: int, successes: int) -> float:
    """The probability of so many heads in so many throws; logarithms, for large counts."""
    ways = math.lgamma(count + 1) - math.lgamma(successes + 1) - math.lgamma(count - successes + 1)
    return math.exp(ways - count * math.log(2))
