"""The protocol over stopwatches of our own: what it takes, and when it stops."""

from __future__ import annotations

from itertools import repeat

import pytest

from opbench.errors import BadValueError
from opbench.timing.protocol import BLOCK_S, Limits, Protocol, Samples, sample


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

    def sample(self, seconds: float, min_samples: int = 6) -> Samples:
        limits = Limits(precision=0.01, seconds=seconds, min_samples=min_samples)
        return sample(self.stopwatch, limits, now=lambda: self.now)


def test_warm_up_goes_on_while_calls_get_faster() -> None:
    samples = Clock(1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, then=0.3).sample(100)
    assert samples.warmup >= 10
    assert set(samples.seconds) == {0.3}


def test_warm_up_takes_a_twentieth_of_the_time_and_a_quarter_at_most() -> None:
    assert Clock(then=0.01).sample(10).warmup == pytest.approx(50, abs=1)
    ever_faster = Clock(*(0.99**call for call in range(500)), then=1.0)
    assert ever_faster.sample(10).warmup == 3


def test_equal_samples_stop_by_precision_after_two_fifths_of_the_time() -> None:
    samples = Clock(then=0.01).sample(10)
    assert samples.stopped == "precision"
    # 400 are due then; the interval is looked at when their number has grown by a tenth.
    assert 400 <= len(samples.seconds) <= 440


def test_slow_equal_samples_stop_by_precision_once_there_are_ten() -> None:
    samples = Clock(then=1.0).sample(20)
    assert (samples.stopped, len(samples.seconds)) == ("precision", 10)


@pytest.mark.parametrize("fewest", [2, 6])
def test_the_fewest_samples_are_taken_however_long_they_take(fewest: int) -> None:
    samples = Clock(then=5.0).sample(1, fewest)
    assert samples.stopped == "time limit"
    assert samples.seconds == (5.0,) * fewest
    assert samples.warmup == 1
    assert samples.total_s == 5.0 * (1 + fewest)


def test_time_that_a_stopwatch_waits_before_it_starts_is_in_that_of_the_wall() -> None:
    clock = Clock(then=0.01)

    def waiting(calls: int) -> float:
        clock.now += 0.03  # as long as a GPU spins, say
        return clock.stopwatch(calls)

    limits = Limits(precision=0.01, seconds=4)
    samples = sample(waiting, limits, now=lambda: clock.now)
    assert samples.wall_s == pytest.approx(4 * samples.total_s)


def test_spread_samples_stop_by_the_time_limit() -> None:
    clock = Clock(*([0.01, 0.03] * 500), then=0.01)
    assert clock.sample(4).stopped == "time limit"
    assert 4 <= clock.now < 4.05


def test_a_call_shorter_than_the_clock_can_resolve_is_timed_in_blocks() -> None:
    clock = Clock(then=1e-6)
    samples = clock.sample(0.01)
    assert samples.calls_per_sample == pytest.approx(BLOCK_S / 1e-6, abs=1)
    assert samples.seconds[0] == pytest.approx(1e-6)
    assert sum(clock.calls) == samples.warmup + len(samples.seconds) * samples.calls_per_sample


def test_a_cells_time_and_samples_are_shared_out_to_its_rounds() -> None:
    limits = Protocol(max_seconds=6, rounds=3).limits
    assert (limits.seconds, limits.min_samples) == (2, 2)


@pytest.mark.parametrize(
    "values",
    [
        {"precision": 0.0},
        {"precision": 1.5},
        {"max_seconds": 0.0},
        {"max_seconds": float("inf")},
        {"rounds": 2},
    ],
)
def test_impossible_limits_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(BadValueError):
        Protocol(**values)  # type: ignore[arg-type]
