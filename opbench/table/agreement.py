"""Rank agreement of machines: Kendall's tau of their latencies, and the pairs that are certain.

A pair of networks is *certain* on a machine where the 95 % intervals of its two latencies do not
touch, which two independent latencies of the same length do less often than once in 100 times.  A
certain pair *carries over* to a machine where it is certain in the same order, and is *reversed*
where it is certain in the other.

References:
    M. G. Kendall.  "A New Measure of Rank Correlation."  Biometrika 30 (1938) 81.
    E. C. Fieller, H. O. Hartley, E. S. Pearson.  "Tests for rank correlation coefficients.  I."
    Biometrika 44 (1957) 470: the variance of atanh(tau) is about 0.437 / (n - 4).
    N. Schenker, J. F. Gentleman.  "On judging the significance of differences by examining the
    overlap between confidence intervals."  Am. Stat. 55 (2001) 182.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import atanh, inf, sqrt, tanh
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opbench.intervals import Interval, Z

Array = NDArray[Any]

_ENDS = ("latency_s", "latency_s_low", "latency_s_high")
_VARIANCE, _LOST = 0.437, 4  # of Fieller, Hartley and Pearson


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The agreement of two machines on the networks that both have timed.

    ``tau`` is 1 where both have them in the same order and -1 where in opposite orders; ``pairs``
    of networks, of which ``same`` carry over, ``reversed`` do not, and the others are not certain
    on one of the two.
    """

    machines: tuple[str, str]
    networks: int
    tau: Interval
    pairs: int
    same: int
    reversed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal:
    """Two networks in certain order on two machines, and in opposite orders.

    ``ratios`` are of the latency of the first network to that of the second, below 1 on the first
    machine and above 1 on the second.  ``least`` is the smaller of the two differences as a factor,
    by the ends of the intervals.
    """

    networks: tuple[str, str]
    machines: tuple[str, str]
    ratios: tuple[Interval, Interval]
    least: float

    def turned(self) -> Reversal:
        """Return the same with the second machine first, and so the second network."""
        one, other = (Interval(1 / r.estimate, 1 / r.high, 1 / r.low) for r in self.ratios)
        return Reversal(
            networks=self.networks[::-1],
            machines=self.machines[::-1],
            ratios=(other, one),
            least=self.least,
        )


class Latencies:
    """Latencies with their intervals, machine by network; NaN where one was not timed.

    Made of rows of ``name``, ``machine``, ``latency_s``, ``latency_s_low`` and ``latency_s_high``,
    each pair of name and machine once.
    """

    def __init__(self, cells: pd.DataFrame) -> None:
        tables = [cells.pivot(index="machine", columns="name", values=end) for end in _ENDS]
        self.machines: list[str] = [*tables[0].index]
        self.networks: list[str] = [*tables[0].columns]
        self.seconds, self._low, self._high = (each.to_numpy(float) for each in tables)

    def rank_correlations(self) -> Array:
        """Return Kendall's tau of each two machines, NaN where they share less than two networks.

        Latencies that are equal are in no order, and count as a pair (tau-a).
        """
        shape = (len(self.machines),) * 2
        pairs, balance = np.zeros(shape), np.zeros(shape)
        for first in range(len(self.networks) - 1):
            above = self.seconds[:, [first]] - self.seconds[:, first + 1 :]
            known = np.isfinite(above).astype(float)
            order = np.sign(np.nan_to_num(above))
            pairs += known @ known.T
            balance += order @ order.T
        taus = np.full(shape, np.nan)
        return np.asarray(np.divide(balance, pairs, out=taus, where=pairs > 0))

    def agreements(self) -> list[Agreement]:
        """Return the agreement of each two machines that share two networks or more."""
        shape = (len(self.machines),) * 2
        certain, balance = np.zeros(shape), np.zeros(shape)
        for first in range(len(self.networks) - 1):
            order = np.sign(self._margins(first))
            certain += abs(order) @ abs(order).T
            balance += order @ order.T
        timed = np.isfinite(self.seconds).astype(float)
        shared, taus = timed @ timed.T, self.rank_correlations()
        return [
            Agreement(
                machines=(self.machines[one], self.machines[other]),
                networks=(count := int(shared[one, other])),
                tau=interval_of_tau(float(taus[one, other]), count),
                pairs=count * (count - 1) // 2,
                same=int(certain[one, other] + balance[one, other]) // 2,
                reversed=int(certain[one, other] - balance[one, other]) // 2,
            )
            for one, other in combinations(range(len(self.machines)), 2)
            if shared[one, other] > 1
        ]

    def _margins(self, first: int) -> Array:
        """Return the logarithms of the least ratio of one network's latency to those of the later.

        Positive where it is surely the slower one, negative where the faster, else 0.
        """
        low, high = self._low[:, [first]], self._high[:, [first]]
        slower = np.log(np.nan_to_num(low / self._high[:, first + 1 :], nan=1.0)).clip(min=0)
        faster = np.log(np.nan_to_num(high / self._low[:, first + 1 :], nan=1.0)).clip(max=0)
        return np.asarray(slower + faster)

    def reversals(self, most: int) -> list[Reversal]:
        """Return the widest reversals, at most so many, of which no two share a network."""
        found: list[Reversal] = []
        used: set[str] = set()
        for reversal in self._widest():
            if used.isdisjoint(reversal.networks):
                found.append(reversal)
                used.update(reversal.networks)
            if len(found) == most:
                break
        return found

    def _widest(self) -> Iterator[Reversal]:
        """Yield reversals on the two machines where each is widest, the widest one first."""
        least: list[Array] = []
        for first in range(len(self.networks) - 1):
            margins = self._margins(first)
            least.append(np.minimum(margins.max(axis=0), -margins.min(axis=0)))
        widths = np.concatenate(least) if least else np.zeros(0)
        pairs = np.column_stack(np.triu_indices(len(self.networks), 1))
        for place in np.argsort(-widths, kind="stable"):
            if widths[place] <= 0:
                return
            first, second = pairs[place].tolist()
            yield self._reversal(first, second, float(np.exp(widths[place])))

    def _reversal(self, first: int, second: int, least: float) -> Reversal:
        margins = self._margins(first)[:, second - first - 1]
        where = int(margins.argmin()), int(margins.argmax())
        return Reversal(
            networks=(self.networks[first], self.networks[second]),
            machines=(self.machines[where[0]], self.machines[where[1]]),
            ratios=(self._ratio(where[0], first, second), self._ratio(where[1], first, second)),
            least=least,
        )

    def _ratio(self, machine: int, first: int, second: int) -> Interval:
        seconds, low, high = (each[machine] for each in (self.seconds, self._low, self._high))
        return Interval(
            float(seconds[first] / seconds[second]),
            float(low[first] / high[second]),
            float(high[first] / low[second]),
        )


def interval_of_tau(tau: float, networks: int) -> Interval:
    """Return tau with its 95 % interval, by Fisher's transform.

    An order without an exception is taken for one with half an exception, of which an interval is
    known.  Of four networks or fewer nothing is.
    """
    if networks <= _LOST:
        return Interval(tau, -1.0, 1.0)
    inside = 1 - 1 / (networks * (networks - 1) // 2)
    middle = atanh(max(-inside, min(inside, tau)))
    half = Z * sqrt(_VARIANCE / (networks - _LOST)) if networks > _LOST else inf
    return Interval(tau, min(tau, tanh(middle - half)), max(tau, tanh(middle + half)))


def by_likeness(taus: Array) -> Sequence[int]:
    """Return the order in which each machine comes after the one that it agrees with most.

    It begins with the machine that agrees least with all.
    """
    known = np.nan_to_num(taus, nan=0.0)
    left = set(range(len(known)))
    order = [int(known.mean(axis=0).argmin())] if left else []
    while left := left - {*order}:
        order.append(max(sorted(left), key=lambda each: known[order[-1], each]))
    return order
