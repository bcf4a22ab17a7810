"""The cost of an accuracy by year: the networks that lowered it, and the time in which it halves.

A *step* is the cheapest network of a year that reaches an accuracy at a lower cost than all of the
years before.  A network stands in the year of its paper, however much later its weights were
trained; so does a variant that a library added to its family.  What better training brought is
thus part of the architecture's year, and the fall of the cost is that of architectures.

The estimator: least squares of the logarithm of the cost of the steps against their years, with
one slope for all accuracies and an intercept for each.  Years without a step do not count.  Steps
of several accuracies share networks, so that the interval is not the one of independent errors but
a bootstrap's: families of networks are drawn with replacement, their steps found anew, and the
2.5 % and 97.5 % percentiles of the slope taken.  It says how much rests on a few families, and
nothing of networks that are not on file.

References:
    N. R. Draper, H. Smith.  "Applied Regression Analysis."  Wiley, 3rd ed. 1998, chapter 14: lines
    of one slope.
    B. Efron, R. J. Tibshirani.  "An Introduction to the Bootstrap."  Chapman & Hall, 1993, section
    13.3: percentile intervals.
    C. A. Field, A. H. Welsh.  "Bootstrapping clustered data."  J. R. Stat. Soc. B 69, 2007.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, NamedTuple

from opbench.intervals import CONFIDENCE, Interval, quantile
from opbench.table.networks import Network, zoo_networks

Cost = Literal["macs", "flops", "params"]

# The networks whose accuracy is asked for again and again, and a top-1 in percent of later years.
REFERENCES = ("alexnet", "googlenet", "resnet50", "inception_resnet_v2")
HIGHEST = 85.0

_DRAWS = 1000
_MONTHS = 12


class CostStep(NamedTuple):
    """A network that lowered the cost of an accuracy, in its year."""

    year: int
    cost: float
    family: str
    network: Network


@dataclass(frozen=True, slots=True, kw_only=True)
class HalvingTime:
    """The months in which a cost halves, with its 95 % interval, and how many steps it rests on."""

    months: Interval
    steps: int

    def __str__(self) -> str:
        found = self.months
        return f"{found.estimate:.0f} months (95 % interval {found.low:.0f} to {found.high:.0f})"


def competing(networks: Iterable[Network]) -> tuple[Network, ...]:
    """Return the networks of the registry and the zoo whose accuracies on ImageNet compare.

    Networks whose year is not known do not, nor do quantised weights: a product of 8-bit integers
    is another operation.
    """
    registered = (each for each in networks if each.entry)
    return tuple(each for each in (*registered, *zoo_networks()) if _competes(each))


def _competes(network: Network) -> bool:
    quantised = network.zoo_row and network.zoo_row.weights.startswith("quantized_")
    known = network.year is not None and network.dataset == "imagenet" and network.comparable
    return known and network.macs > 0 and network.params > 0 and not quantised


def steps(networks: Iterable[Network], top1: float, cost: Cost) -> list[CostStep]:
    """Return the steps of the cost of a top-1 in percent, the earliest first.

    Of equal costs the higher accuracy makes the step.
    """
    reaching = [each for each in networks if each.year and (each.top1 or 0) >= top1]
    ordered = sorted(reaching, key=lambda each: (-(each.top1 or 0), each.name))
    points = [CostStep(each.year or 0, getattr(each, cost), each.family, each) for each in ordered]
    return _falling(sorted(points, key=_by_year))


def _by_year(point: CostStep) -> tuple[int, float]:
    return point.year, point.cost


def _falling(points: Iterable[CostStep]) -> list[CostStep]:
    """Return the points that cost less than all before; they are ordered by year, then by cost."""
    kept: list[CostStep] = []
    for point in points:
        if not kept or (point.cost < kept[-1].cost and point.year > kept[-1].year):
            kept.append(point)
    return kept


def halving_time(
    networks: Sequence[Network], top1s: Iterable[float], cost: Cost
) -> HalvingTime | None:
    """Return the time in which the cost of fixed accuracies halves, the same in each call.

    None where no accuracy has two steps.
    """
    lines = [_of_families(networks, top1, cost) for top1 in top1s]
    families = sorted({point.family for line in lines for point in line})
    fitted = [_falling(line) for line in lines]
    rate = halvings_per_year(fitted)
    if rate is None:
        return None
    random = Random(0)
    drawn = [{*random.choices(families, k=len(families))} for _ in range(_DRAWS)]
    rates = [_rate(lines, some) for some in drawn]
    known = [each for each in rates if each is not None]
    low, high = (quantile(known, part) for part in ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
    return HalvingTime(
        months=Interval(*(_MONTHS / each for each in (rate, high, low))),
        steps=sum(len(line) for line in fitted if len(line) > 1),
    )


def _of_families(networks: Sequence[Network], top1: float, cost: Cost) -> list[CostStep]:
    """Return the steps of each family by itself, ordered by year, then by cost."""
    families: dict[str, list[Network]] = defaultdict(list)
    for network in networks:
        families[network.family].append(network)
    found = (steps(some, top1, cost) for some in families.values())
    return sorted((point for line in found for point in line), key=_by_year)


def _rate(lines: Sequence[Sequence[CostStep]], families: Collection[str]) -> float | None:
    return halvings_per_year(
        [_falling(point for point in line if point.family in families) for line in lines]
    )


def halvings_per_year(lines: Iterable[Sequence[CostStep]]) -> float | None:
    """Return the slope that lines have in common, downwards, in halvings of the cost per year.

    None where no line has two points.
    """
    squares = products = 0.0
    for line in lines:
        years = [point.year for point in line]
        logs = [math.log2(point.cost) for point in line]
        middle = sum(years) / len(years) if years else 0.0
        squares += sum((year - middle) ** 2 for year in years)
        products += sum((year - middle) * log for year, log in zip(years, logs, strict=True))
    return -products / squares if squares else None
