"""The floor of the fixed work, and turns of samples and work that we made up."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import combinations, pairwise

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
    found = latency(rounds, Interval(0.09, 0.09, 0.18)).whole
    # Where the work takes 0.16 / 0.09 times as long, the network takes 4 / 3 times.
    floor, most = (0.08 * math.sqrt(work / 0.16) for work in (0.09, 0.18))
    assert (found.estimate, found.low, found.high) == pytest.approx((floor, floor, most))


def test_a_latency_below_every_sample_has_an_interval_that_reaches_to_them() -> None:
    """Of what takes 5 ms whatever the machine does, beside work that took a fifth less once."""
    rounds = [round_(n, 0.005, 0.0052, reference_samples_s=(0.01, 0.0101)) for n in (1, 2, 3)]
    found = latency(rounds, Interval(0.008, 0.008, 0.008)).whole
    assert found.estimate < 0.005
    assert found.high == 0.005


def test_what_takes_the_same_time_beside_work_that_does_not_is_as_long_as_it_takes() -> None:
    """As a module that waits for the clock: the work of one process takes a third longer."""
    rounds = [
        round_(n, 0.005, 0.00501, 0.00502, reference_samples_s=(work, work, 1.1 * work))
        for n, work in enumerate((0.05, 0.066, 0.051, 0.06), start=1)
    ]
    assert latency(rounds, Interval(0.049, 0.049, 0.05)).whole.estimate == 0.005


def test_a_latency_is_the_smallest_sample_of_a_machine_that_was_left_alone_once() -> None:
    """Threads waited for a core in two of three samples, and in most rounds, beside work that did
    not; the least work of all is beside another sample.
    """
    slow = [
        round_(n, 0.019, 0.0191, 0.020, reference_samples_s=(0.001, 0.001, 0.001)) for n in (1, 2)
    ]
    once = round_(3, 0.010, 0.019, 0.0191, reference_samples_s=(0.002, 0.001, 0.001))
    found = latency([*slow, once], Interval(0.001, 0.001, 0.001)).whole
    assert found.estimate == pytest.approx(0.010)
    assert found.low < 0.010 < found.high == pytest.approx(0.019)


def test_the_estimate_has_no_step_where_samples_begin_to_move_with_the_work() -> None:
    work = (0.002, 0.003, 0.004)

    def estimate(moved: float) -> float:
        samples = (0.010, 0.010 * (1 + moved), 0.010 * (1 + 2 * moved))
        rounds = [round_(n, *samples, reference_samples_s=work) for n in (1, 2, 3)]
        return latency(rounds, Interval(0.001, 0.001, 0.001)).whole.estimate

    steps = [estimate(0.001 * step) for step in range(200)]
    assert steps[0] == pytest.approx(0.010)
    assert all(abs(one / other - 1) < 0.05 for one, other in pairwise(steps))


def test_one_round_on_a_gpu_has_the_tenth_percentile_as_many_have() -> None:
    host = tuple(0.001 * (1 + 0.1 * (i % 10)) for i in range(100))
    one = round_(1, 0.0005, host_samples_s=host)
    # The tenth percentile of ten levels, each equally often, is at the second.
    assert latency([one]).whole.estimate == pytest.approx(0.0011, rel=0.02)
    assert latency([one] * 3).whole.estimate == pytest.approx(0.0011, rel=0.02)
    assert [len(latency([one] * count).rounds) for count in (1, 3)] == [1, 3]


def test_the_least_time_of_the_work_is_that_of_all_cells_of_a_run() -> None:
    state = RunState([cell("a"), cell("b")], Protocol(rounds=3), cores=2)
    for number in (1, 2, 3):
        for name, work in (("a", 0.00144), ("b", 0.001)):
            taken = round_(number, 0.01, 0.01, reference_samples_s=(work, work))
            state.add(round_line(cell(name), taken))
    # 10 ms while the work takes 1.44 times its least time.
    assert state.record(cell("a")).measurement.latency_s == pytest.approx(0.01 / 1.2)
    assert state.record(cell("b")).measurement.latency_s == pytest.approx(0.010)


@pytest.mark.parametrize(("rounds", "rank"), [(2, 2), (3, 3), (5, 4), (6, 4), (8, 4)])
def test_the_interval_reaches_to_where_nineteen_of_twenty_runs_have_their_smallest(
    rounds: int, rank: int
) -> None:
    """Of equal rounds, by counting the ways in which both runs share them."""
    least = [0.010 + 0.0001 * at for at in range(rounds)]
    taken = [
        round_(n, each, 2 * each, reference_samples_s=(0.001, 0.001))
        for n, each in enumerate(least, start=1)
    ]
    found = latency(taken).whole
    assert (found.estimate, found.high) == pytest.approx((0.010, least[rank - 1]))
    both, above = list(combinations(range(2 * rounds), rounds)), 0
    for mine in both:
        others = min({*range(2 * rounds)} - {*mine})
        above += others > mine[rank - 1]
    assert above <= 0.05 * len(both) or rank == rounds
