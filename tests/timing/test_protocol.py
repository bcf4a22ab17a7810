"""The protocol over stopwatches of our own: what it takes, and when it stops."""

from __future__ import annotations

from itertools import repeat

import pytest

from opbench.errors import BadValueError
from opbench.timing.protocol import BLOCK_S, Protocol, sample


class Clock:
    """A time that passes only while a call is being timed."""

    def __init__(self, *seconds: float, then: float) -> None:
        self.now = 0.0
        self.calls: list[int] = []
        self._seconds = iter([*seconds, *repeat(then, 100_000)])

    def stopwatch(self, calls: int) -> float:
        self.calls.append(calls)
        taken = sum(next(self._seconds) for _ in range(calls))
        self.now += taken
        return taken


def test_warm_up_goes_on_while_calls_get_faster() -> None:
    clock = Clock(1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, then=0.3)
    samples = sample(clock.stopwatch, Protocol(max_seconds=100), now=lambda: clock.now)
    assert samples.warmup >= 10
    assert set(samples.seconds) == {0.3}


def test_equal_samples_stop_by_precision() -> None:
    clock = Clock(then=0.01)
    samples = sample(clock.stopwatch, Protocol(max_seconds=100), now=lambda: clock.now)
    assert samples.stopped == "precision"
    assert len(samples.seconds) == 10


def test_six_samples_are_taken_however_long_they_take() -> None:
    clock = Clock(then=5.0)
    samples = sample(clock.stopwatch, Protocol(max_seconds=1), now=lambda: clock.now)
    assert samples.stopped == "time limit"
    assert samples.seconds == (5.0,) * 6
    assert samples.warmup == 1


def test_spread_samples_stop_by_the_time_limit() -> None:
    clock = Clock(*([0.01, 0.03] * 500), then=0.01)
    samples = sample(clock.stopwatch, Protocol(max_seconds=4), now=lambda: clock.now)
    assert samples.stopped == "time limit"
    assert 4 <= clock.now < 4.05


def test_a_call_shorter_than_the_clock_can_resolve_is_timed_in_blocks() -> None:
    clock = Clock(then=1e-6)
    samples = sample(clock.stopwatch, Protocol(max_seconds=100), now=lambda: clock.now)
    assert samples.calls_per_sample == pytest.approx(BLOCK_S / 1e-6, abs=1)
    assert samples.seconds[0] == pytest.approx(1e-6)


@pytest.mark.parametrize(
    "values",
    [{"precision": 0.0}, {"precision": 1.5}, {"max_seconds": 0.0}, {"max_seconds": float("inf")}],
)
def test_impossible_limits_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(BadValueError):
        Protocol(**values)
