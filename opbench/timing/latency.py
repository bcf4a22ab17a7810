"""Estimate the latency of a cell: the time of a forward pass on an undisturbed machine.

On the CPU it is the geometric mean of two times: the median of all samples in units of the fixed
work beside them, times the least time that this work took in the whole run; and the smallest
sample.  The first is wrong where a network suffers more or less than the work does, the second
where no sample was left alone.  Of the estimators tried on the same samples this one differed
least from run to run (`results/timing.md`).  Samples that do not move with the work, of a network
that waits for something else, are taken as they are.

On CUDA it is the tenth percentile of single calls with launch and synchronisation, the median
over rounds.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from opbench.intervals import Interval, median, pooled_median, quantile
from opbench.record import Round
from opbench.timing.starved import starved_rounds

_LOW = 0.1
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
    samples = comparable(rounds)
    found, medians = pooled_median(samples), [median(each) for each in samples]
    if not _in_units(rounds):
        return Latency(whole=found, rounds=tuple(medians))
    least = [min(each.samples_s) for each in rounds]
    work = floor or floor_of([min(each.reference_samples_s) for each in rounds])
    middle = _between(found.estimate * work.estimate, min(least))
    return Latency(
        whole=Interval(
            middle,
            middle * found.low / found.estimate,
            middle * found.high / found.estimate * work.high / work.estimate,
        ),
        rounds=tuple(
            _between(ratio * work.estimate, smallest)
            for ratio, smallest in zip(medians, least, strict=True)
        ),
    )


def _between(scaled: float, smallest: float) -> float:
    """Return the geometric mean of a time by the work beside it and of the smallest sample.

    Where they are far apart the samples did not move with the work: then the smallest alone.
    """
    return math.sqrt(scaled * smallest) if scaled >= _NEAR * smallest else smallest


def floor_of(least: Collection[float]) -> Interval:
    """Return the smallest of the rounds' least times; seen twice it is certain."""
    ordered = sorted(least)
    return Interval(ordered[0], ordered[0], ordered[min(1, len(ordered) - 1)])


def comparable(rounds: Sequence[Round]) -> list[list[float]]:
    """Return what stands for the latency in each round, up to a factor: samples or one number."""
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
    return [sample / work for sample, work in pairs]
