"""The timing protocol: warm-up, calls per sample, and when to stop sampling.

The rule: a sample is long against the clock's resolution, no sample is taken before the calls
have stopped getting faster, and sampling goes on until the 95 % interval of the median is within
the wanted precision or the time is up.  Six samples of a cell are taken whatever they cost,
because fewer cannot give a 95 % interval.

A cell is timed in rounds, between which everything else has its turn.  A round that agrees with
itself to 1 % says nothing of the next process, so precision is judged again over the rounds, and
where they disagree there are more of them.  What disturbs a machine lasts for seconds: a fifth of
the samples of each round told as much as all of them, while half of the rounds told far less.

Nothing here knows what is being timed: a ``Stopwatch`` is anything that returns the seconds that
some calls took, which is how the tests time things that do not exist.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from opbench.errors import BadValueError
from opbench.intervals import median, median_interval
from opbench.value import LONGEST_S, Value

# Seconds that this many back-to-back calls took.
Stopwatch = Callable[[int], float]
Clock = Callable[[], float]

Stopped = Literal["precision", "time limit"]

# A block this long is ten thousand times the resolution of the clock and what reading it costs.
# Longer ones would hide that a network's calls differ.
BLOCK_S = 2e-3

FEWEST_ROUNDS, MOST_ROUNDS = 3, 10_000
# On a GPU, before the samples of each round, as a power limit bites within a tenth of a second; and
# after them for the throughput, long in the first round and briefly in others, for its interval.
HEAT_S, QUEUE_S, QUEUE_AGAIN_S = 0.1, 1.0, 0.1
_LARGEST_SEED = 2**63 - 1
_MORE_ROUNDS = 3
MIN_SAMPLES = 6

_WARMUP_WINDOW = 3
_STABLE = 0.98
_FIRST_LOOK = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol(Value):
    """The precision wanted of a cell, and what it may cost.

    precision: half the width of the median's 95 % interval, relative to the median.
    max_seconds: for warm-up and samples of all rounds together; the fewest samples and rounds are
        taken beyond it.
    rounds: how many there are at least; three more where precision is not reached.
    seed: of weights and images.
    """

    precision: float = 0.01
    max_seconds: float = 1.6
    rounds: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.precision < 1:
            raise BadValueError(
                f"the precision {self.precision:g} is not between 0 and 1: 0.01 is 1 %"
            )
        if not 0 < self.max_seconds <= LONGEST_S:
            raise BadValueError(
                f"the time limit must be above 0 and at most {LONGEST_S:g} seconds, not "
                f"{self.max_seconds:g}"
            )
        if self.rounds < FEWEST_ROUNDS:
            raise BadValueError(
                f"the number of rounds must be {FEWEST_ROUNDS} or more, not {self.rounds}: fewer "
                "cannot show how much rounds differ"
            )
        if self.rounds > MOST_ROUNDS:
            raise BadValueError(
                f"the number of rounds must be {MOST_ROUNDS:,} at most, not {self.rounds}"
            )
        if not 0 <= self.seed <= _LARGEST_SEED:
            raise BadValueError(f"the seed must be from 0 to {_LARGEST_SEED}, not {self.seed}")

    @property
    def max_rounds(self) -> int:
        """The most rounds that a cell gets."""
        return self.rounds + _MORE_ROUNDS

    @property
    def limits(self) -> Limits:
        """The limits of one round."""
        return Limits(
            precision=self.precision,
            seconds=self.max_seconds / self.rounds,
            min_samples=math.ceil(MIN_SAMPLES / self.rounds),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The end of one round: by precision, or after ``seconds`` with ``min_samples`` or more.

    However quick a network, some of the time is spent on it: ten samples within a few
    milliseconds agree with each other and not with the next ten.
    """

    precision: float
    seconds: float
    min_samples: int = MIN_SAMPLES

    @property
    def warmup_s(self) -> tuple[float, float]:
        """The shortest and longest time of the warm-up."""
        return 0.05 * self.seconds, 0.25 * self.seconds

    @property
    def sampling_s(self) -> float:
        """The shortest time of sampling."""
        return 0.4 * self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """The samples of one round, in seconds per call, and how they were taken.

    ``total_s`` is all time between the first call of the warm-up and the last sample that was
    spent in calls, ``wall_s`` all of it: a GPU spins while its calls are queued.
    """

    seconds: tuple[float, ...]
    calls_per_sample: int
    warmup: int
    stopped: Stopped
    total_s: float
    wall_s: float


def sample(stopwatch: Stopwatch, limits: Limits, *, now: Clock = time.perf_counter) -> Samples:
    """Warm up, then time blocks of calls until the limits are reached."""
    start = now()
    warm = _warm_up(stopwatch, limits, now)
    block = max(1, math.ceil(BLOCK_S / max(min(warm), 1e-9)))
    seconds: list[float] = []
    stopped: Stopped = "time limit"
    earliest = now() + limits.sampling_s
    while len(seconds) < limits.min_samples or now() < start + limits.seconds:
        seconds.append(stopwatch(block) / block)
        if now() >= earliest and _precise(seconds, limits):
            stopped = "precision"
            break
    return Samples(
        seconds=tuple(seconds),
        calls_per_sample=block,
        warmup=len(warm),
        stopped=stopped,
        total_s=sum(warm) + block * sum(seconds),
        wall_s=now() - start,
    )


def _warm_up(stopwatch: Stopwatch, limits: Limits, now: Clock) -> list[float]:
    """Call until the last few calls are no faster than the few before them."""
    start = now()
    least, most = limits.warmup_s
    taken: list[float] = []
    while True:
        taken.append(stopwatch(1))
        spent = now() - start
        if spent >= most or (spent >= least and _stable(taken)):
            return taken


def _stable(taken: list[float]) -> bool:
    if len(taken) < 2 * _WARMUP_WINDOW:
        return False
    recent = median(taken[-_WARMUP_WINDOW:])
    before = median(taken[-2 * _WARMUP_WINDOW : -_WARMUP_WINDOW])
    return recent >= _STABLE * before


def _precise(seconds: list[float], limits: Limits) -> bool:
    # Looking after every sample would make the interval narrow by luck now and then, and cost
    # more than a fast network's call: look when the number of samples has grown by a tenth.
    count = len(seconds)
    if count < max(limits.min_samples, _FIRST_LOOK) or count % max(1, count // 10):
        return False
    low, high = median_interval(seconds)
    return (high - low) / 2 <= limits.precision * median(seconds)
