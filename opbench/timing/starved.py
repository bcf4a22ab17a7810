"""Notice rounds in which a network waited for processor cores, from its samples.

The threads of a pool wait for each other at the end of every operator.  Where another program has
one of their cores, all wait until the kernel gives it back, and a pass of 3 ms takes 200.  No
cache, clock or layout of memory differs by so much between rounds.
"""

from __future__ import annotations

from collections.abc import Sequence

from opbench.intervals import median
from opbench.record import Round

# So many times as long as the shortest pass, half of the passes of a round are not by themselves.
_FAR = 3


def starved_rounds(rounds: Sequence[Round]) -> list[Round]:
    """Return the rounds on the CPU whose median is far above the smallest sample of all rounds."""
    floor = shortest(rounds)
    return [
        each for each in rounds if not each.host_samples_s and median(each.samples_s) > _FAR * floor
    ]


def describe_starved(rounds: Sequence[Round]) -> str:
    """Return in how many rounds threads waited and how long passes took there; "" where in none."""
    starved = starved_rounds(rounds)
    if not starved:
        return ""
    worst, best = max(median(each.samples_s) for each in starved), shortest(rounds)
    return (
        f"its threads waited for processor cores in {len(starved)} of {len(rounds)} rounds (a pass "
        f"took {_shown(worst)} instead of {_shown(best)}): close other programs, or give it fewer "
        "--threads"
    )


def shortest(rounds: Sequence[Round]) -> float:
    """Return the smallest sample of all rounds."""
    return min(min(each.samples_s) for each in rounds)


def _shown(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1e3:.3g} ms"
