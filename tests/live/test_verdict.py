"""From pairs to a verdict: the arithmetic, and how often it errs."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from opbench.intervals import Interval
from opbench.live.lines import PairLine
from opbench.live.verdict import LOOKS, clock_of, is_clear, judge_turns, log_ratio, ratio_of


def pair(base: list[float], new: list[float], number: int = 1) -> PairLine:
    """A pair whose turns have one sample each."""
    return PairLine(
        comparison=1,
        number=number,
        started="base",
        order="bn" * len(base),
        base_s=tuple((each,) for each in base),
        new_s=tuple((each,) for each in new),
    )


def test_a_pairs_ratio_is_the_median_over_its_rounds() -> None:
    taken = pair([1.0, 2.0, 4.0], [1.1, 2.0, 8.0])
    assert log_ratio(taken) == pytest.approx(math.log(1.1))


def test_by_the_processor_it_is_the_median_of_averages_of_two_rounds() -> None:
    """Logarithms 0, 0.1 and 0.9: averages of two 0, 0.05, 0.1, 0.45, 0.5 and 0.9."""
    new = (math.exp(0.1), 2.0, 4.0 * math.exp(0.9))
    taken = pair([1.0] * 3, [1.0] * 3)
    taken = replace(taken, base_processor_s=(1.0, 2.0, 4.0), new_processor_s=new, running=0.5)
    assert log_ratio(taken, "processor") == pytest.approx((0.1 + 0.45) / 2)


def test_the_interval_is_students_t_over_pairs_at_the_error_of_the_look() -> None:
    # Logarithms -0.01, 0, 0.01, 0 have the mean 0 and the variance 0.0002 / 3; the two-sided
    # quantile of Student's t for 3 degrees of freedom at 98.5 % is 5.047.
    pairs = [pair([1.0] * 3, [math.exp(each)] * 3) for each in (-0.01, 0.0, 0.01, 0.0)]
    found = ratio_of(pairs)
    assert found is not None
    half = 5.047 * math.sqrt(0.0002 / 3 / 4)
    assert math.log(found.estimate) == pytest.approx(0)
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


def test_one_pair_and_pairs_of_two_rounds_tell_nothing() -> None:
    assert ratio_of([pair([1.0] * 3, [1.0] * 3)]) is None
    assert ratio_of([pair([1.0] * 2, [1.0] * 2)] * 4) is None


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


Noise = Callable[[random.Random], Callable[[], float]]


def white(draw: random.Random) -> Callable[[], float]:
    """Independent noise of 5 %."""
    return lambda: draw.gauss(0, 0.05)


def autocorrelated(draw: random.Random) -> Callable[[], float]:
    """A first-order autoregression with 0.9 and a standard deviation of 11 %."""
    state = 0.0

    def step() -> float:
        nonlocal state
        state = 0.9 * state + draw.gauss(0, 0.05)
        return state

    return step


def drifting(draw: random.Random) -> Callable[[], float]:
    """The machine slows down by 0.5 % a turn."""
    turns = 0

    def step() -> float:
        nonlocal turns
        turns += 1
        return 0.005 * turns + draw.gauss(0, 0.02)

    return step


def stepping(draw: random.Random) -> Callable[[], float]:
    """The machine takes half as long again for stretches of a mean of ten turns."""
    busy = False

    def step() -> float:
        nonlocal busy
        busy = busy != (draw.random() < 0.1)
        return 0.4 * busy + draw.gauss(0, 0.02)

    return step


def struck(draw: random.Random) -> Callable[[], float]:
    """One turn in five is struck, and takes up to three times as long."""
    return lambda: draw.gauss(0, 0.02) + (draw.random() < 0.2) * draw.random()


NOISES = (white, autocorrelated, drifting, stepping, struck)


def simulated(
    noise: Noise, draw: random.Random, *, process: float, change: float = 0.0, rounds: int = 15
) -> str:
    """The verdict of one comparison at 5 %, stopped as a match is."""
    pairs: list[PairLine] = []
    while True:
        step, apart = noise(draw), change + draw.gauss(0, process)
        times: dict[str, list[float]] = {"b": [], "n": []}
        for _ in range(rounds):
            for side in draw.sample("bn", 2):
                times[side].append(math.exp(step() + (apart if side == "n" else 0.0)))
        pairs.append(pair(times["b"], times["n"]))
        ratio = ratio_of(pairs)
        if len(pairs) in LOOKS and (is_clear(ratio, 0.05) or len(pairs) == LOOKS[-1]):
            return str(judge_turns(ratio, 0.05))


def rate(verdicts: list[str], *wanted: str) -> float:
    """The part of the verdicts that are among those wanted."""
    return sum(each in wanted for each in verdicts) / len(verdicts)


@pytest.mark.parametrize("noise", NOISES)
def test_a_network_is_rarely_faster_or_slower_than_itself(noise: Noise) -> None:
    """At a rate of 2 %, more than 5 of 100 have a probability of 1.5 %."""
    draw = random.Random(noise.__name__)
    verdicts = [simulated(noise, draw, process=0.01) for _ in range(100)]
    assert rate(verdicts, "FASTER", "SLOWER") <= 0.05


@pytest.mark.parametrize("noise", [white, drifting, struck])
def test_five_percent_are_found_and_none_is_the_same(noise: Noise) -> None:
    draw = random.Random(noise.__name__)
    slower = [simulated(noise, draw, process=0.01, change=math.log(1.05)) for _ in range(60)]
    assert rate(slower, "SLOWER") >= 0.9
    same = [simulated(noise, draw, process=0.01) for _ in range(60)]
    assert rate(same, "SAME") >= 0.8
