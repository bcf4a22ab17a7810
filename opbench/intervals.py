"""Medians and how far they can be trusted, without assuming a distribution.

Timings are skewed, have outliers on one side only, and come in rounds that differ more from each
other than the samples inside a round do.  Hence: order statistics for the samples of one round,
and Student's t over the rounds for what moves between them.

References:
    H. A. David, H. N. Nagaraja.  "Order Statistics", 3rd ed., 2003, section 7.1: the interval of a
    quantile between two order statistics has the coverage of a binomial sum.
    M. Abramowitz, I. Stegun.  "Handbook of Mathematical Functions", 26.7.3 and 26.7.4: Student's t
    for a whole number of degrees of freedom is a finite sum.
    B. L. Welch.  "The generalization of 'Student's' problem when several different population
    variances are involved."  Biometrika 34, 1947.
    C. J. Clopper, E. S. Pearson.  "The use of confidence or fiducial limits illustrated in the case
    of the binomial."  Biometrika 26, 1934.
    J. W. Tukey, D. H. McLaughlin.  "Less vulnerable confidence and significance procedures for
    location based on a single sample: Trimming/Winsorization 1."  Sankhya A 25, 1963.
    H. B. Mann.  "Nonparametric tests against trend."  Econometrica 13, 1945.  P. K. Sen.
    "Estimates of the regression coefficient based on Kendall's tau."  JASA 63, 1968.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, pairwise
from statistics import NormalDist

CONFIDENCE = 0.95
# The two-sided quantile of the normal distribution at that confidence.
Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)

# The standard error of a median is at most this times that of a mean, for normal values.
_MEDIAN_ERROR = math.sqrt(math.pi / 2)
_STRETCHES = 40
# A gap between groups of values, against their widths.
_STATES_APART = 4
# exp of it is still a number.
_WIDEST = 700.0


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return quantile(values, 0.5)


def quantile(values: Sequence[float], fraction: float) -> float:
    """Return a quantile by linear interpolation (Hyndman and Fan's type 7, as NumPy)."""
    ordered = sorted(values)
    position = fraction * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])


def median_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the distribution-free confidence interval of the median, two order statistics.

    Fewer than six values cannot reach 95 %: then the interval is the whole range.
    """
    ordered = sorted(values)
    rank = interval_rank(len(ordered), confidence)
    return ordered[rank], ordered[-1 - rank]


@cache
def interval_rank(count: int, confidence: float = CONFIDENCE) -> int:
    """Return how many order statistics lie outside the median's interval on each side.

    The pair of the (r + 1)-th smallest and largest of n values misses the median with probability
    2 P(B <= r), B binomial (n, 1/2); the largest r that keeps it within 1 - confidence.
    """
    below, rank = 0.0, 0
    for outside in range(count // 2):
        below += binomial_half(count, outside)
        if 2 * below > 1 - confidence:
            break
        rank = outside
    return rank


def binomial_half(count: int, successes: int) -> float:
    """Return the binomial probability at 1/2, by logarithms for large counts."""
    ways = math.lgamma(count + 1) - math.lgamma(successes + 1) - math.lgamma(count - successes + 1)
    return math.exp(ways - count * math.log(2))


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and the ends of its confidence interval."""

    estimate: float
    low: float
    high: float

    @property
    def relative(self) -> float:
        """Half the width, relative to the estimate."""
        return (self.high - self.low) / 2 / self.estimate if self.estimate else math.inf


def median_of_rounds(rounds: Sequence[Sequence[float]]) -> Interval:
    """Return the median of the rounds' medians and its interval, which covers run-to-run changes.

    One round has the interval of its order statistics.  Several have Student's t on the logarithms
    of their medians, with the larger standard error of a median; and never less than the order
    statistics of all samples together.
    """
    if len(rounds) == 1:
        return Interval(median(rounds[0]), *median_interval(rounds[0]))
    medians = [median(samples) for samples in rounds]
    half = _MEDIAN_ERROR * student_t(len(medians) - 1) * _standard_error_of_logs(medians)
    over_rounds = _around(median(medians), half)
    low, high = median_interval([sample for samples in rounds for sample in samples])
    return Interval(over_rounds.estimate, min(low, over_rounds.low), max(high, over_rounds.high))


def mean_of_rounds(rounds: Sequence[Sequence[float]]) -> Interval:
    """Return the geometric mean of the rounds' medians and its interval by Student's t.

    It covers run-to-run changes.  One round has its median and the interval of its order
    statistics; several of more than one sample never less than the order statistics of all samples.
    """
    low, high = median_interval([sample for samples in rounds for sample in samples])
    if len(rounds) == 1:
        return Interval(median(rounds[0]), low, high)
    medians = [median(samples) for samples in rounds]
    mean = math.exp(math.fsum(map(math.log, medians)) / len(medians))
    found = _around(mean, student_t(len(medians) - 1) * _standard_error_of_logs(medians))
    if all(len(samples) == 1 for samples in rounds):
        return found
    return Interval(mean, min(low, found.low), max(high, found.high))


def trimmed_mean(values: Sequence[float], part: float, confidence: float = CONFIDENCE) -> Interval:
    """Return the mean without ``part`` of the values at each end, and its interval.

    That is Student's t over the values that are left, with the standard deviation of all after
    those at the ends were moved to the nearest that is left (Tukey and McLaughlin 1963).  Two
    values at least.
    """
    ordered, count = sorted(values), len(values)
    ends = math.floor(part * count)
    kept = ordered[ends : count - ends]
    mean = math.fsum(kept) / len(kept)
    moved = [min(max(each, kept[0]), kept[-1]) for each in ordered]
    error = _standard_error(moved) * count / len(kept)
    half = student_t(len(kept) - 1, confidence) * error
    return Interval(mean, mean - half, mean + half)


def ratio_of_rounds(base: Sequence[Sequence[float]], new: Sequence[Sequence[float]]) -> Interval:
    """Return new / base, the ratio of medians over rounds, with Welch's 95 % interval.

    Welch's t on the logarithms of the rounds' medians: rounds are independent, samples within a
    round are not.  Both need two rounds or more.
    """
    first, second = ([median(samples) for samples in rounds] for rounds in (base, new))
    ratio = median(second) / median(first)
    variances = [_standard_error_of_logs(medians) ** 2 for medians in (first, second)]
    total = sum(variances)
    if not total:
        return Interval(ratio, ratio, ratio)
    freedom = total**2 / sum(
        variance**2 / (len(medians) - 1)
        for variance, medians in zip(variances, (first, second), strict=True)
    )
    half = _MEDIAN_ERROR * student_t(max(1, math.floor(freedom))) * math.sqrt(total)
    return _around(ratio, half)


def _around(estimate: float, half: float) -> Interval:
    """Return the interval whose logarithm reaches ``half`` to each side, within finite numbers."""
    factor = math.exp(min(half, _WIDEST))
    low, high = estimate / factor, estimate * factor
    return Interval(estimate, max(low, sys.float_info.min), min(high, sys.float_info.max))


def two_states(values: Sequence[float], apart: float) -> bool:
    """Return whether ``values`` form two groups more than the fraction ``apart`` from each other.

    The widest gap between neighbours, on a logarithmic scale, is then also at least four times as
    wide as both groups together.
    """
    logarithms = sorted(map(math.log, values))
    gaps = [above - below for below, above in pairwise(logarithms)]
    widest = max(gaps, default=0.0)
    return widest > math.log1p(apart) and widest >= _STATES_APART * (math.fsum(gaps) - widest)


def drift(samples: Sequence[float], significance: float = 0.001) -> float:
    """Return the Theil-Sen slope over a round, relative to its median, by Mann-Kendall's test.

    0 where the test finds no trend.  Long rounds are first reduced
    to the medians of consecutive stretches.
    """
    values = _stretches(samples)
    pairs = list(combinations(range(len(values)), 2))
    score = sum((values[j] > values[i]) - (values[j] < values[i]) for i, j in pairs)
    count = len(values)
    deviation = math.sqrt(count * (count - 1) * (2 * count + 5) / 18) if count > 1 else 0.0
    if abs(score) - 1 <= NormalDist().inv_cdf(1 - significance / 2) * deviation:
        return 0.0
    slope = median([(values[j] - values[i]) / (j - i) for i, j in pairs])
    return slope * (count - 1) / median(values)


def rate_bound(hits: int, tries: int, confidence: float = CONFIDENCE) -> float:
    """Return the upper one-sided Clopper-Pearson bound of a binomial proportion.

    At this rate ``hits`` of ``tries``, or fewer, have the probability
    1 - confidence.  With none it is 1 - (1 - confidence)^(1 / tries).
    """
    low, high = hits / tries, 1.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        fewer = sum(
            math.comb(tries, k) * middle**k * (1 - middle) ** (tries - k) for k in range(hits + 1)
        )
        low, high = (middle, high) if fewer > 1 - confidence else (low, middle)
    return high


@cache
def student_t(freedom: int, confidence: float = CONFIDENCE) -> float:
    """Return the two-sided quantile of Student's t, by bisection."""
    low, high = 0.0, 1e3
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if _t_within(middle, freedom) < confidence else (low, middle)
    return (low + high) / 2


def _t_within(t: float, freedom: int) -> float:
    """Return P(|T| <= t) for whole degrees of freedom: 26.7.3 for odd, 26.7.4 for even ones."""
    angle = math.atan(t / math.sqrt(freedom))
    cosine, odd = math.cos(angle), freedom % 2
    term, total = (cosine, 0.0) if odd else (1.0, 0.0)
    for k in range(1 + odd, freedom, 2):
        total += term
        term *= cosine**2 * k / (k + 1)
    if odd:
        return 2 / math.pi * (angle + math.sin(angle) * total)
    return math.sin(angle) * total


def _stretches(samples: Sequence[float]) -> Sequence[float]:
    if len(samples) <= _STRETCHES:
        return samples
    cuts = [index * len(samples) // _STRETCHES for index in range(_STRETCHES + 1)]
    return [median(samples[start:end]) for start, end in pairwise(cuts)]


def _standard_error_of_logs(values: Sequence[float]) -> float:
    return _standard_error([math.log(value) for value in values])


def _standard_error(values: Sequence[float]) -> float:
    """Return the standard error of the mean."""
    mean = math.fsum(values) / len(values)
    squares = math.fsum((each - mean) ** 2 for each in values)
    return math.sqrt(squares / (len(values) - 1) / len(values))
