"""Estimate the latency of a cell: the time of a forward pass on an undisturbed machine.

On the CPU every few samples have fixed work beside them, and the least time that this work took in
the whole run is that of the machine when it is left alone.  Where the work takes r times as long,
networks take about r^0.75 times as long: what shares a machine slows some more than others, and
none of those tried as much as the work.  So each sample is divided by r^0.75, a round has the
median of its samples, and the latency is the geometric mean of the rounds, whose differences are
what another run would show as well.  Of the estimators tried on the same samples this one differed
least from run to run (`results/timing.md`).  Samples that do not move with the work, of a network
that waits for something else, are taken as they are.

On CUDA it is the tenth percentile of single calls with launch and synchronisation, the geometric
mean over rounds.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from opbench.intervals import Interval, mean_of_rounds, median, quantile
from opbench.record import Round
from opbench.timing.starved import starved_rounds

_LOW = 0.1
# The part of the work's slowdown, in logarithms, that networks have as well.
_FOLLOWED = 0.75
# Samples whose spread is less than this part of the spread of the work do not move with it.
_STEADIER = 0.1
# No network tried took less than this part of its smallest sample by the work beside it.
_NEAR = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """A latency in seconds, its interval, and that of each round by itself."""

    whole: Interval
    rounds: tuple[float, ...]


def latency(rounds: Sequence[Round], floor: Interval | None = None) -> Latency:
    """Estimate the latency of a cell from its rounds.

    ``floor`` is the least time of the fixed work in the run, of these rounds by default.  Rounds
    in which threads waited for processor cores are left out, unless all are like that.
    """
    waiting = starved_rounds(rounds)
    rounds = [each for each in rounds if each not in waiting] or rounds
    if _in_units(rounds):
        work = floor or floor_of([min(each.reference_samples_s) for each in rounds])
        low, high = work.estimate**_FOLLOWED, work.high**_FOLLOWED
        found = _latency(comparable(rounds), low, high)
        if found.whole.estimate >= _NEAR * min(min(each.samples_s) for each in rounds):
            return found
        return _latency([each.samples_s for each in rounds])
    return _latency(comparable(rounds))


def _latency(samples: Sequence[Sequence[float]], low: float = 1.0, high: float = 1.0) -> Latency:
    """Return the latency of samples in a unit whose own interval begins at its estimate ``low``."""
    found = mean_of_rounds(samples)
    return Latency(
        whole=Interval(low * found.estimate, low * found.low, high * found.high),
        rounds=tuple(low * median(each) for each in samples),
    )


def floor_of(least: Collection[float]) -> Interval:
    """Return the smallest of the rounds' least times; seen twice it is certain."""
    ordered = sorted(least)
    return Interval(ordered[0], ordered[0], ordered[min(1, len(ordered) - 1)])


def comparable(rounds: Sequence[Round]) -> list[list[float]]:
    """Return the samples of each round, or the one number that stands for them, up to a factor."""
    host = [each.host_samples_s for each in rounds if each.host_samples_s]
    if host:
        return [[quantile(each, _LOW)] for each in host] if len(host) > 1 else [list(host[0])]
    if _in_units(rounds):
        return [_ratios(each) for each in rounds]
    return [list(each.samples_s) for each in rounds]


def _in_units(rounds: Sequence[Round]) -> bool:
    """Return whether samples are taken in units of the work beside them."""
    if not all(len(each.reference_samples_s) == len(each.samples_s) for each in rounds):
        return False
    samples = [sample for each in rounds for sample in each.samples_s]
    work = [sample for each in rounds for sample in each.reference_samples_s]
    return _spread(samples) >= _STEADIER * _spread(work)


def _spread(values: Sequence[float]) -> float:
    """Return the interquartile range of the logarithms."""
    return math.log(quantile(values, 0.75) / quantile(values, 0.25))


def _ratios(each: Round) -> list[float]:
    pairs = zip(each.samples_s, each.reference_samples_s, strict=True)
    return [sample / work**_FOLLOWED for sample, work in pairs]
