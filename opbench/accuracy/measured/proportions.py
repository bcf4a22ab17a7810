"""Two networks on the same images: exact McNemar test, Tango's interval, Holm's correction.

Images that both networks get right, or both get wrong, do not tell them apart.  Only the discordant
images do, which one of them gets right and the other wrong.

The test is the exact one: of the discordant images, either network is right on each with
probability 1/2 where both are equally accurate, so that its rate of false alarms is at most what is
asked for, for any number of images.

The interval is Tango's, of the score test: it holds the differences that this test does not reject.
It lies within -1 to 1, needs no estimate of a correlation, and holds its coverage where nearly all
answers agree, as those of a network and of its copy in half precision.  Without a discordant image
among 50,000 it reaches to z^2 = 3.8 images on both sides, as Wilson's interval of none does, and an
exact bound to 3.7.  Newcombe's hybrid score interval (method 10), whose correlation is then
estimated to be almost 1, reaches to 2.0 where half of all answers are right and to 2.7 where three
quarters are; the usual normal interval is empty.

References
    Q. McNemar.  "Note on the sampling error of the difference between correlated proportions or
    percentages."  Psychometrika 12, 1947.
    T. Tango.  "Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design."  Statistics in Medicine 17, 1998.
    R. G. Newcombe.  "Improved confidence intervals for the difference between binomial proportions
    based on paired data."  Statistics in Medicine 17, 1998.
    M. W. Fagerland, S. Lydersen, P. Laake.  "Recommended tests and confidence intervals for paired
    binomial proportions."  Statistics in Medicine 33, 2014.
    S. Holm.  "A simple sequentially rejective multiple test procedure."  Scandinavian Journal of
    Statistics 6, 1979.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from opbench.intervals import CONFIDENCE, Interval, binomial_half

# The ends of an interval are found this exactly: far less than one image.
_EXACT = 1e-12
# Terms below this part of a sum do not change it.
_NOTHING = 1e-20


def mcnemar(only_base: int, only_new: int) -> float:
    """Return the two-sided p-value of the exact McNemar test, from both counts of discordant pairs.

    It is 2 P(X <= the smaller count), X binomial (all discordant pairs, 1/2), and 1 at most.
    """
    discordant, fewer = only_base + only_new, min(only_base, only_new)
    if only_base == only_new:
        return 1.0
    term, total = 1.0, 0.0
    for count in range(fewer, -1, -1):
        total += term
        term *= count / (discordant - count + 1)
        if term < _NOTHING * total:
            break
    return min(1.0, 2 * binomial_half(discordant, fewer) * total)


def tango_interval(
    only_base: int, only_new: int, pairs: int, confidence: float = CONFIDENCE
) -> Interval:
    """Return new minus base, the difference of paired proportions, with Tango's score interval.

    Raises ``ValueError`` unless there is a pair, and at least as many as are discordant.
    """
    if not 0 <= only_base + only_new <= pairs or min(only_base, only_new) < 0 or not pairs:
        raise ValueError(f"{only_base} and {only_new} of {pairs} pairs cannot be discordant")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    return Interval(
        (only_new - only_base) / pairs,
        -_upper(only_new, only_base, pairs, z),
        _upper(only_base, only_new, pairs, z),
    )


def _upper(only_base: int, only_new: int, pairs: int, z: float) -> float:
    """Return the largest difference that the score test does not reject, by bisection."""
    low, high = (only_new - only_base) / pairs, 1.0
    while high - low > _EXACT:
        middle = (low + high) / 2
        accepted = _score(only_base, only_new, pairs, middle) <= z
        low, high = (middle, high) if accepted else (low, middle)
    return high


def _score(only_base: int, only_new: int, pairs: int, difference: float) -> float:
    """Return by how many standard errors the observed difference is below ``difference``."""
    q = _likeliest(only_base, only_new, pairs, difference)
    variance = pairs * (2 * q + difference * (1 - difference))
    below = pairs * difference - (only_new - only_base)
    return below / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, below)


def _likeliest(only_base: int, only_new: int, pairs: int, difference: float) -> float:
    """Return the maximum likelihood estimate of P(only base is right) under ``difference``.

    The larger root of A q^2 + B q + C = 0, in the form without cancellation.
    """
    a = 2 * pairs
    b = (a - only_new + only_base) * difference - only_base - only_new
    c = -only_base * difference * (1 - difference)
    root = math.sqrt(max(0.0, b * b - 4 * a * c))
    if b <= 0:
        return (root - b) / (2 * a)
    return -2 * c / (root + b)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted by Holm's step-down correction for several tests.

    Those at most 0.05 are significant together, with at most 5 % probability of any false one.
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, largest = [1.0] * len(p_values), 0.0
    for step, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - step) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def bonferroni(comparisons: int, confidence: float = CONFIDENCE) -> float:
    """Return the confidence of each of several intervals that holds for all of them together."""
    return 1 - (1 - confidence) / max(1, comparisons)
