"""When to stop warming up, how many calls to time at once, and when there are enough samples.

The rule: a sample is long against the clock's resolution, no sample is taken before the calls
have stopped getting faster, and sampling goes on until the 95 % interval of the median is within
the wanted precision or the time is up.  Six samples are taken whatever they cost, because fewer
cannot give a 95 % interval.

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
from opbench.statistics import median, median_interval

# Seconds that this many back-to-back calls took.
Stopwatch = Callable[[int], float]

Stopped = Literal["precision", "time limit"]

# A block this long is 2,000 times the resolution of the clock and what reading it costs.
BLOCK_S = 200e-6
_WARMUP_SHARE = 0.25
_WARMUP_WINDOW = 3
_STABLE = 0.98


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """How precise, and how long at most.

    precision: half the width of the median's 95 % interval, relative to the median.
    max_seconds: for warm-up and samples together; ``min_samples`` are taken beyond it.
    """

    precision: float = 0.01
    max_seconds: float = 3.0
    min_samples: int = 6

    def __post_init__(self) -> None:
        if not 0 < self.precision < 1:
            raise BadValueError(
                f"the precision {self.precision:g} is not between 0 and 1: 0.01 is 1 %"
            )
        if not (0 < self.max_seconds < math.inf):
            raise BadValueError(f"{self.max_seconds:g} seconds are no time limit: give more than 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """What one round of sampling gave: seconds per call, and how they came about."""

    seconds: tuple[float, ...]
    calls_per_sample: int
    warmup: int
    stopped: Stopped


def sample(
    stopwatch: Stopwatch,
    protocol: Protocol,
    *,
    now: Callable[[], float] = time.perf_counter,
) -> Samples:
    """Warm up, then time blocks of calls until ``protocol`` is content."""
    deadline = now() + protocol.max_seconds
    warm = _warm_up(stopwatch, now() + _WARMUP_SHARE * protocol.max_seconds, now)
    block = max(1, math.ceil(BLOCK_S / max(min(warm), 1e-9)))
    seconds: list[float] = []
    stopped: Stopped = "time limit"
    while len(seconds) < protocol.min_samples or now() < deadline:
        seconds.append(stopwatch(block) / block)
        if _precise(seconds, protocol):
            stopped = "precision"
            break
    return Samples(
        seconds=tuple(seconds), calls_per_sample=block, warmup=len(warm), stopped=stopped
    )


def _warm_up(stopwatch: Stopwatch, deadline: float, now: Callable[[], float]) -> list[float]:
    """Call until the last few calls are no faster than the few before them."""
    taken: list[float] = []
    while True:
        taken.append(stopwatch(1))
        if now() >= deadline or _stable(taken):
            return taken


def _stable(taken: list[float]) -> bool:
    if len(taken) < 2 * _WARMUP_WINDOW:
        return False
    recent = median(taken[-_WARMUP_WINDOW:])
    before = median(taken[-2 * _WARMUP_WINDOW : -_WARMUP_WINDOW])
    return recent >= _STABLE * before


def _precise(seconds: list[float], protocol: Protocol) -> bool:
    # Looking after every sample would make the interval narrow by luck now and then, and cost
    # more than a fast network's call: look when the number of samples has grown by a tenth.
    count = len(seconds)
    if count < max(protocol.min_samples, 10) or count % max(1, count // 10):
        return False
    low, high = median_interval(seconds)
    return (high - low) / 2 <= protocol.precision * median(seconds)
