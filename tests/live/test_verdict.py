"""From pairs to a verdict: the arithmetic, and how often it errs."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from opbench.intervals import Interval
from opbench.live.lines import PairLine
from opbench.live.verdict import clock_of, is_clear, judge_turns, log_ratio, ratio_of
from tests.live.simulation import NOISES, Noise, Simulated, drifting, pair, simulated, struck, white


def test_a_pairs_ratio_is_the_median_over_its_rounds() -> None:
    taken = pair([1.0, 2.0, 4.0], [1.1, 2.0, 8.0])
    assert log_ratio(taken) == pytest.approx(math.log(1.1))


def test_by_the_processor_it_is_the_median_over_its_rounds_too() -> None:
    taken = replace(
        pair([1.0] * 3, [1.0] * 3),
        base_processor_s=(1.0, 2.0, 4.0),
        new_processor_s=(1.0, 2.2, 8.0),
        running=0.5,
    )
    assert log_ratio(taken, "processor") == pytest.approx(math.log(1.1))


def test_the_interval_is_students_t_over_pairs_at_the_error_of_the_look() -> None:
    # Three times each of -0.01 and 0.01 have the mean 0 and the variance 6 x 0.0001 / 5; the
    # two-sided quantile of Student's t for 5 degrees of freedom at 99 % is 4.032.
    pairs = [pair([1.0] * 3, [math.exp(each)] * 3) for each in [-0.01, 0.01] * 3]
    found = ratio_of(pairs)
    assert found is not None
    half = 4.032 * math.sqrt(6e-4 / 5 / 6)
    assert math.log(found.estimate) == pytest.approx(0, abs=1e-12)
    assert math.log(found.high) == pytest.approx(half, rel=1e-3)
    assert math.log(found.low) == pytest.approx(-half, rel=1e-3)


def busy(walls: list[float], processors: list[float], running: float) -> list[PairLine]:
    """Pairs whose new side takes so many times as long, by the clock and by the processor."""
    return [
        replace(
            pair([1.0] * 3, [wall] * 3),
            base_processor_s=(2.0,) * 3,
            new_processor_s=(2.0 * processor,) * 3,
            running=running,
        )
        for wall, processor in zip(walls, processors, strict=True)
    ]


NOISY, STEADY = [0.7, 1.4, 0.9, 1.2], [1.0, 1.001, 0.999, 1.0]


def test_the_processors_clock_decides_where_cores_are_busy() -> None:
    assert clock_of(busy(NOISY, STEADY, running=0.5)) == "processor"
    assert clock_of(busy(NOISY, STEADY, running=0.95)) == "wall"
    assert clock_of([pair([1.0] * 3, [1.0] * 3)] * 4) == "wall"


def test_the_processors_clock_does_not_decide_against_the_other() -> None:
    """What sleeps half as long again takes no processor's time."""
    slower = [1.5, 1.501, 1.499, 1.5]
    assert clock_of(busy(slower, STEADY, running=0.5)) == "wall"


def test_the_processors_clock_does_not_decide_where_it_knows_less() -> None:
    assert clock_of(busy(STEADY, NOISY, running=0.5)) == "wall"


@pytest.mark.parametrize(("ran", "clock"), [(0.9, "processor"), (0.1, "wall")])
def test_a_network_that_sleeps_is_judged_by_the_wall_clock(ran: float, clock: str) -> None:
    """Half of the time cores were busy; in what was left the thread ran for this part."""
    walls = busy(NOISY, STEADY, running=0.5)
    pairs = [
        replace(
            each,
            base_processor_s=(0.5 * ran,) * 3,
            new_processor_s=(0.5 * ran * 1.001,) * 3,
        )
        for each in walls
    ]
    assert clock_of(pairs) == clock


def test_one_pair_and_pairs_of_one_round_tell_nothing() -> None:
    assert ratio_of([pair([1.0] * 3, [1.0] * 3)]) is None
    assert ratio_of([pair([1.0], [1.0])] * 4) is None


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.99, 1.01, "SAME"), (1.01, 1.04, "SAME"), (0.96, 0.99, "SAME"),
        (1.01, 1.06, "SLOWER"), (1.2, 1.3, "SLOWER"), (0.90, 0.99, "FASTER"),
        (0.97, 1.06, "AMBIGUOUS"), (0.90, 1.01, "AMBIGUOUS"), (0.5, 2.0, "AMBIGUOUS"),
    ],
)  # fmt: skip
def test_every_interval_has_one_verdict(low: float, high: float, verdict: str) -> None:
    assert judge_turns(Interval(math.sqrt(low * high), low, high), 0.05) == verdict


def test_a_change_that_may_not_matter_is_worth_the_rest_of_the_time() -> None:
    assert is_clear(Interval(1.0, 0.99, 1.01), 0.05)
    assert is_clear(Interval(1.05, 1.03, 1.07), 0.05)
    assert is_clear(Interval(0.95, 0.93, 0.97), 0.05)
    assert not is_clear(Interval(1.03, 1.01, 1.06), 0.05)
    assert not is_clear(Interval(1.0, 0.9, 1.1), 0.05)
    assert not is_clear(None, 0.05)


def rate(found: list[Simulated], *wanted: str) -> float:
    """The part of the verdicts that are among those wanted."""
    return sum(each.verdict in wanted for each in found) / len(found)


@pytest.mark.parametrize("noise", NOISES)
def test_a_network_is_rarely_faster_or_slower_than_itself(noise: Noise) -> None:
    """At a rate of 2 %, more than 5 of 80 have a probability of 0.6 %."""
    draw = random.Random(noise.__name__)
    found = [simulated(noise, draw) for _ in range(80)]
    assert rate(found, "FASTER", "SLOWER") <= 5 / 80
    assert sum(each.covers(1.0) for each in found) >= 72


@pytest.mark.parametrize("noise", [white, drifting, struck])
def test_five_percent_are_found_and_none_is_the_same(noise: Noise) -> None:
    draw = random.Random(noise.__name__)
    slower = [simulated(noise, draw, ratio=1.05) for _ in range(50)]
    assert rate(slower, "SLOWER") >= 0.9
    # At a rate of 95 %, fewer than 43 of 50 have a probability of 0.2 %.
    assert sum(each.covers(1.05) for each in slower) >= 43
    assert rate([simulated(noise, draw) for _ in range(50)], "SAME") >= 0.8


@pytest.mark.slow  # two thousand comparisons of each kind
@pytest.mark.parametrize("process", [0.0, 0.01, 0.03])
@pytest.mark.parametrize("noise", NOISES)
def test_false_alarms_are_at_most_five_percent(noise: Noise, process: float) -> None:
    draw = random.Random(f"{noise.__name__} {process}")
    found = [simulated(noise, draw, process=process) for _ in range(2000)]
    assert rate(found, "FASTER", "SLOWER") <= 0.05
    assert sum(each.covers(1.0) for each in found) >= 0.95 * len(found)
