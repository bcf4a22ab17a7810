"""The floor of the fixed work, and turns of samples and work that we made up."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch

from opbench.intervals import Interval
from opbench.runs.state import RunState
from opbench.timing.device import open_device
from opbench.timing.latency import floor_of, latency
from opbench.timing.protocol import Protocol
from opbench.timing.reference import Alternation, fixed_work
from tests.builders import cell, round_, round_line


def taking(seconds: Iterator[float]) -> Callable[[], float]:
    return lambda: next(seconds)


def test_each_sample_has_the_mean_of_the_work_before_and_after_it() -> None:
    turns = Alternation(taking(iter([0.001, 0.004, 0.001, 0.009])))
    stopwatch = turns.watch(lambda calls: calls * 0.010)
    for _ in range(3):
        assert stopwatch(2) == 0.020
    assert turns.last(3) == pytest.approx((0.002, 0.002, 0.003))
    assert turns.last(1) == pytest.approx((0.003,))


def test_quick_samples_share_the_work_around_them() -> None:
    turns = Alternation(taking(iter([0.001, 0.004, 0.004])))
    stopwatch = turns.watch(lambda calls: 0.003)
    for _ in range(4):
        stopwatch(1)
    assert turns.last(4) == pytest.approx((0.002, 0.002, 0.002, 0.004))


def test_the_fixed_work_takes_time_on_the_processor() -> None:
    work = fixed_work(open_device("cpu"))
    assert work is not None
    assert 0 < work() < 60
    assert not torch.is_inference_mode_enabled()


def test_a_floor_that_was_seen_in_one_round_only_is_less_certain() -> None:
    assert floor_of([0.3, 0.1, 0.12]) == Interval(0.1, 0.1, 0.12)
    assert floor_of([0.1]) == Interval(0.1, 0.1, 0.1)


def test_the_interval_reaches_over_both_candidates_for_the_floor() -> None:
    rounds = [round_(n, 0.08, 0.08, reference_samples_s=(0.16, 0.16)) for n in (1, 2, 3)]
    found = latency(rounds, Interval(0.09, 0.09, 0.108)).whole
    # Where the work takes 0.16 / 0.09 times as long, the network takes (0.16 / 0.09)^0.75 times.
    floor, most = (0.08 * (work / 0.16) ** 0.75 for work in (0.09, 0.108))
    assert (found.estimate, found.low, found.high) == pytest.approx((floor, floor, most))


def test_a_time_by_the_work_that_is_far_below_all_samples_is_none() -> None:
    """A program that spins until a time is up suffers from others, and not as the work does."""
    rounds = [round_(n, 0.05, 0.08, reference_samples_s=(0.004, 0.006)) for n in (1, 2, 3)]
    estimate = latency(rounds, Interval(0.001, 0.001, 0.001)).whole.estimate
    assert 0.05 <= estimate <= 0.08


def test_the_least_time_of_the_work_is_that_of_all_cells_of_a_run() -> None:
    state = RunState([cell("a"), cell("b")], Protocol(rounds=3), cores=2)
    for number in (1, 2, 3):
        for name, work in (("a", 0.00144), ("b", 0.001)):
            taken = round_(number, 0.01, 0.01, reference_samples_s=(work, work))
            state.add(round_line(cell(name), taken))
    # 10 ms while the work takes 1.44 times its least time.
    assert state.record(cell("a")).measurement.latency_s == pytest.approx(0.01 / 1.44**0.75)
    assert state.record(cell("b")).measurement.latency_s == pytest.approx(0.010)
