"""Comparisons on paper: noise of several kinds, processes that differ, and a change."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import NamedTuple

from opbench.intervals import Interval
from opbench.live.lines import PairLine
from opbench.live.verdict import LOOKS, PAIRS, is_clear, judge_turns, ratio_of


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


Noise = Callable[[random.Random], Callable[[], float]]


def white(draw: random.Random) -> Callable[[], float]:
    """Independent noise of 5 %"""
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


# Rounds of a pair, of the some 120 for which there is time.
ROUNDS = 5
NOISES: tuple[Noise, ...] = (white, autocorrelated, drifting, stepping, struck)


class Simulated(NamedTuple):
    """The end of a comparison on paper."""

    verdict: str
    ratio: Interval

    def covers(self, ratio: float) -> bool:
        """Return whether the interval holds the true ratio."""
        return self.ratio.low <= ratio <= self.ratio.high


def simulated(
    noise: Noise, draw: random.Random, *, process: float = 0.01, ratio: float = 1.0
) -> Simulated:
    """Simulate one comparison at a threshold of 5 %, stopped as a match is.

    ``process`` is the standard deviation by which processes differ.
    """
    pairs: list[PairLine] = []
    while True:
        step, apart = noise(draw), math.log(ratio) + draw.gauss(0, process)
        times: dict[str, list[float]] = {"b": [], "n": []}
        for _ in range(ROUNDS):
            for side in draw.sample("bn", 2):
                times[side].append(math.exp(step() + (apart if side == "n" else 0.0)))
        pairs.append(pair(times["b"], times["n"]))
        found = ratio_of(pairs)
        if found and len(pairs) in LOOKS and (is_clear(found, 0.05) or len(pairs) == PAIRS):
            return Simulated(str(judge_turns(found, 0.05)), found)
