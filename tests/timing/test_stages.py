"""Stages of images: their sum is the whole, which is measured by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from opbench.intervals import median
from opbench.timing.device import CpuDevice
from opbench.timing.protocol import Protocol
from opbench.timing.quality import summarise
from opbench.timing.stages import STAGES, WHOLE, time_stages
from tests.builders import round_

MILLISECONDS = dict(zip(STAGES, (8, 16, 4, 12, 2), strict=True))


class PaperDevice(CpuDevice):
    """A device whose steps take what they say."""

    def __init__(self) -> None:
        self.now = 0.0

    def step(self, seconds: float) -> Callable[[list[str]], list[str]]:
        def take(value: list[str]) -> list[str]:
            self.now += seconds
            return [*value, f"{seconds:g}"]

        return take

    def run(self, call: Callable[[], object], calls: int) -> float:
        start = self.now
        call()
        return self.now - start


def test_each_stage_has_its_own_time_and_the_whole_that_of_all() -> None:
    device = PaperDevice()
    steps = {name: device.step(float(ms)) for name, ms in MILLISECONDS.items()}
    samples = time_stages(steps, [], device, 0.0)
    assert samples == {
        **{name: (float(ms),) * 2 for name, ms in MILLISECONDS.items()},
        WHOLE: (42.0, 42.0),
    }
    # A pass that warms up, and two of the stages and of the whole.
    assert device.now == 5 * 42.0


def test_a_step_takes_what_the_one_before_it_returned() -> None:
    seen: list[Any] = []
    steps = {"one": lambda value: value + 1, "two": lambda value: seen.append(value)}
    time_stages(steps, 4, CpuDevice(), 0.0)
    assert set(seen) == {5}


def test_the_sum_of_sleeping_stages_is_the_whole() -> None:
    def sleep(ms: int) -> Callable[[Any], Any]:
        return lambda value: time.sleep(ms / 1e3)

    steps = {name: sleep(ms) for name, ms in MILLISECONDS.items()}
    samples = time_stages(steps, None, CpuDevice(), 0.4)
    middles = {name: median(taken) for name, taken in samples.items()}
    whole = middles.pop(WHOLE)
    assert sum(middles.values()) == pytest.approx(whole, rel=0.25)
    assert all(middles[name] >= ms / 1e3 for name, ms in MILLISECONDS.items())


def test_intervals_contain_the_differences_between_rounds() -> None:
    rounds = [
        round_(number, stages_s={"decode": (seconds,) * 3, WHOLE: (2 * seconds,) * 3})
        for number, seconds in enumerate((0.010, 0.011, 0.012), start=1)
    ]
    decode, whole = summarise(rounds, Protocol(), cores=2).stages
    assert (decode.stage, whole.stage) == ("decode", WHOLE)
    assert decode.stage_s == pytest.approx(0.011)
    assert decode.low_s <= 0.010 < 0.012 <= decode.high_s
    assert whole.stage_s == pytest.approx(0.022)
