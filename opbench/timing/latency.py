"""Estimate the latency of a cell: the time of a forward pass on an undisturbed machine.

On the CPU every few samples have fixed work beside them, and the least time that this work took in
the whole run is that of the machine when it is left alone.  Where the work takes r times as long,
networks take about r^0.75 times as long, some more and some less.  So each sample is divided by
r^0.75, a round has the median of its samples, and the latency is the geometric mean of the rounds,
whose differences are what another run would show as well.  Of the estimators tried on the same
samples this one differed least from run to run (`results/timing.md`).  Samples that hardly move
while the work does, of a network that waits for something else, are divided by less.  Below the
smallest sample nothing was seen: the interval reaches to it at least.

On CUDA it is the tenth percentile of single calls with launch and synchronisation, the geometric
mean over rounds.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from opbench.intervals import Interval, mean_of_rounds, median, quantile
from opbench.record import Round
from opbench.timing.starved import starved_rounds

_LOW = 0.1
# The part of the work's slowdown, in logarithms, that networks have as well; the less, the less
# their samples spread beside those of the work.  Of all networks tried the steadiest had a fifth of
# the spread of the work, and an estimate of each network's own part was too uncertain.
_FOLLOWED = 0.75
_STEADY = 0.15
# So many parts of a single round stand for the rounds that there are not.
_PARTS = 5


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
    rounds = _served(rounds)
    samples, part = comparable(rounds), followed(rounds)
    alone = len(rounds) == 1 and rounds[0].host_samples_s
    found, low, high = mean_of_rounds(_parts(alone) if alone else samples), 1.0, 1.0
    seen = 0.0
    if part:
        work = floor or floor_of([min(each.reference_samples_s) for each in rounds])
        low, high = work.estimate**part, work.high**part
        seen = min(min(each.samples_s) for each in rounds)
    return Latency(
        whole=Interval(low * found.estimate, low * found.low, max(high * found.high, seen)),
        rounds=(found.estimate,) if alone else tuple(low * median(each) for each in samples),
    )


def _served(rounds: Sequence[Round]) -> Sequence[Round]:
    """Return the rounds in which threads had their cores; all where there are none."""
    waiting = starved_rounds(rounds)
    return [each for each in rounds if each not in waiting] or rounds


def floor_of(least: Collection[float]) -> Interval:
    """Return the smallest of the rounds' least times; seen twice it is certain."""
    ordered = sorted(least)
    return Interval(ordered[0], ordered[0], ordered[min(1, len(ordered) - 1)])


def comparable(rounds: Sequence[Round]) -> list[list[float]]:
    """Return the samples of each round, or the one number that stands for them, up to a factor."""
    host = [each.host_samples_s for each in rounds if each.host_samples_s]
    if host:
        return [[quantile(each, _LOW)] for each in host]
    if part := followed(rounds):
        return [_by_work(each, part) for each in rounds]
    return [list(each.samples_s) for each in rounds]


def _parts(samples: Sequence[float]) -> list[list[float]]:
    """Return the number that stands for each of some consecutive parts of one round."""
    cuts = [at * len(samples) // _PARTS for at in range(_PARTS + 1)]
    return [[quantile(samples[one:two], _LOW)] for one, two in pairwise(cuts) if two > one]


def followed(rounds: Sequence[Round]) -> float:
    """Return the power of the work beside the samples in which these are told; 0 without any."""
    rounds = _served(rounds)
    if not all(len(each.reference_samples_s) == len(each.samples_s) for each in rounds):
        return 0.0
    samples = [sample for each in rounds for sample in each.samples_s]
    moved = _spread([sample for each in rounds for sample in each.reference_samples_s])
    return _FOLLOWED * min(1.0, _spread(samples) / (_STEADY * moved)) if moved else _FOLLOWED


def _spread(values: Sequence[float]) -> float:
    """Return the interquartile range of the logarithms."""
    return math.log(quantile(values, 0.75) / quantile(values, 0.25))


def _by_work(each: Round, part: float) -> list[float]:
    pairs = zip(each.samples_s, each.reference_samples_s, strict=True)
    return [sample / work**part for sample, work in pairs]
