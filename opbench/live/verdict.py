"""From the samples of pairs of processes to a ratio, its interval and a verdict.

A pair's ratio comes from turns that lie side by side: the median over rounds (one turn of each
side) of the logarithm of new over base.  Two processes of one network can differ for as long as
they live, by where their memory lies; so the interval is Student's t over the ratios of several
fresh pairs, which holds the noise of blocks as well as the differences between processes.

The verdict is looked at up to three times, after ``LOOKS`` pairs or when the time is up; by
Bonferroni's inequality each look takes a third of the 5 % by which all may err.

    SAME        the interval lies within the threshold: no difference that matters
    SLOWER      it lies above 1 and reaches beyond the threshold
    FASTER      it lies below 1 and reaches beyond the threshold
    AMBIGUOUS   it holds 1 and reaches beyond the threshold

A network compared with itself is then FASTER or SLOWER in at most 5 % of comparisons, and far
fewer where the interval is narrower than the threshold, because SAME comes first.

References
    O. J. Dunn.  "Multiple comparisons among means."  JASA 56, 1961.
    S. J. Pocock.  "Group sequential methods in the design and analysis of clinical trials."
    Biometrika 64, 1977.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from opbench.intervals import CONFIDENCE, Interval, median, student_t
from opbench.live.lines import PairLine, SideName
from opbench.runs.compare import Verdict

# Pairs of processes after which the verdict is looked at; the last is the most that are started.
LOOKS = (4, 6, 8)
PAIRS = LOOKS[-1]
# Fewer rounds of a pair do not have a median.
FEWEST_ROUNDS = 3
_OF_ONE_LOOK = 1 - (1 - CONFIDENCE) / len(LOOKS)
# exp of it is still a number.
_WIDEST = 700.0


def log_ratio(pair: PairLine) -> float:
    """Return the logarithm of new over base of one pair, the median over its rounds."""
    return median([math.log(new / base) for base, new in _rounds(pair)])


def _rounds(pair: PairLine) -> Iterator[tuple[float, float]]:
    """Yield the median samples of both sides of each round."""
    for base, new in zip(pair.base_s, pair.new_s, strict=False):
        yield median(base), median(new)


def median_s(pairs: Sequence[PairLine], side: SideName) -> float:
    """Return the median sample of one side."""
    blocks = (block for pair in pairs for block in getattr(pair, f"{side}_s"))
    return median([sample for block in blocks for sample in block])


def ratio_of(pairs: Sequence[PairLine]) -> Interval | None:
    """Return new over base with the interval of one look; None for fewer than two pairs."""
    ratios = [log_ratio(each) for each in pairs if len(each.order) >= 2 * FEWEST_ROUNDS]
    if len(ratios) < 2:
        return None
    mean = math.fsum(ratios) / len(ratios)
    squares = math.fsum((each - mean) ** 2 for each in ratios)
    error = math.sqrt(squares / (len(ratios) - 1) / len(ratios))
    half = min(student_t(len(ratios) - 1, _OF_ONE_LOOK) * error, _WIDEST)
    return Interval(math.exp(mean), math.exp(mean - half), math.exp(mean + half))


def judge_turns(ratio: Interval | None, limit: float) -> Verdict:
    """Judge a ratio, where a change by the fraction ``limit`` does not matter."""
    if ratio is None:
        return Verdict.AMBIGUOUS
    if 1 / (1 + limit) <= ratio.low and ratio.high <= 1 + limit:
        return Verdict.SAME
    if ratio.low > 1:
        return Verdict.SLOWER
    return Verdict.FASTER if ratio.high < 1 else Verdict.AMBIGUOUS


def is_clear(ratio: Interval | None, limit: float) -> bool:
    """Return whether more pairs would hardly change the verdict.

    A change that is real but of which it is open whether it matters is worth the rest of the time.
    """
    if ratio is None:
        return False
    half = 1 + limit / 2
    beyond = ratio.low > half or ratio.high < 1 / half
    return beyond or judge_turns(ratio, limit) is Verdict.SAME
