"""Estimate the latency of a cell: the time of a forward pass on an undisturbed machine.

On the CPU it is the smallest sample, as of a machine that left it alone then.  Every few samples
have fixed work beside them, and the least time that this work took in the whole run is that of the
machine when it is left alone.  Where the least beside a cell's own samples is r times as long, that
cell never had the machine alone: its smallest sample is divided by the square root of r, as of what
slows the work down networks have about half, some more and some less.  Of the estimators tried on
the same samples, on a quiet machine and on a busy one, this one differed least from run to run
(`results/timing.md`).

Its interval reaches up to the smallest sample of another round: the k-th by size, where another run
of as many rounds has its own smallest sample below that with a probability of 95 %, whatever the
distribution (each choice of the 2n rounds for this run is equally likely).  It reaches as far down.
Rounds are processes, which differ by where their memory lies and by what the machine does
meanwhile; some that are slow do not widen it.  Of a network whose samples hardly move while the
work does, as it waits for something else, the estimate follows the work less, or not at all.  Below
the smallest sample nothing was seen: the interval reaches to it at least.

On CUDA it is the tenth percentile of single calls with launch and synchronisation, the geometric
mean over rounds.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from opbench.intervals import CONFIDENCE, Interval, mean_of_rounds, median, quantile
from opbench.record import Round
from opbench.timing.starved import starved_rounds

_LOW = 0.1
# The part of the work's slowdown, in logarithms, that networks have as well; the less, the less
# their samples spread beside those of the work, and none below half of ``_STEADY``.  Of all
# networks tried the steadiest had a fifth of the spread of the work, and an estimate of each
# network's own part was too uncertain.
_FOLLOWED = 0.5
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
    found = mean_of_rounds(_parts(alone) if alone else samples)
    if not _beside_work(rounds):
        return Latency(
            whole=found,
            rounds=(found.estimate,) if alone else tuple(median(each) for each in samples),
        )
    work = floor or floor_of([min(each.reference_samples_s) for each in rounds])
    least = min(min(each.reference_samples_s) for each in rounds)
    seen = min(min(each.samples_s) for each in rounds)
    estimate = seen * (work.estimate / least) ** part
    up = _to_another(rounds) or found.high / found.estimate
    return Latency(
        whole=Interval(
            estimate,
            estimate / up,
            max(estimate * up * (work.high / work.estimate) ** part, seen),
        ),
        rounds=tuple(work.estimate**part * median(each) for each in samples),
    )


def _to_another(rounds: Sequence[Round]) -> float:
    """Return by what factor the smallest sample of another run may lie above that of these rounds;
    0 for a single one.
    """
    least, count = sorted(min(each.samples_s) for each in rounds), len(rounds)
    for rank in range(2, count):
        # The smallest ``rank`` of both runs' rounds are all of this one.
        if math.comb(2 * count - rank, count) <= (1 - CONFIDENCE) * math.comb(2 * count, count):
            return least[rank - 1] / least[0]
    return least[-1] / least[0] if count > 1 else 0.0


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
    if not _beside_work(rounds):
        return 0.0
    samples = [sample for each in rounds for sample in each.samples_s]
    moved = _spread([sample for each in rounds for sample in each.reference_samples_s])
    if not moved:
        return _FOLLOWED
    follows = 2 * _spread(samples) / (_STEADY * moved) - 1
    return _FOLLOWED * min(1.0, max(0.0, follows))


def _beside_work(rounds: Sequence[Round]) -> bool:
    """Return whether every sample has fixed work beside it."""
    return all(len(each.reference_samples_s) == len(each.samples_s) for each in rounds)


def _spread(values: Sequence[float]) -> float:
    """Return the interquartile range of the logarithms."""
    return math.log(quantile(values, 0.75) / quantile(values, 0.25))


def _by_work(each: Round, part: float) -> list[float]:
    pairs = zip(each.samples_s, each.reference_samples_s, strict=True)
    return [sample / work**part for sample, work in pairs]
