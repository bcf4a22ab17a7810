"""From the samples of pairs of processes to a ratio, its interval and a verdict.

A pair's ratio comes from turns that lie side by side: the median over rounds (one turn of each
side) of the logarithm of new over base.  Two processes of one network differ for as long as they
live, by where their memory lies (two of AlexNet by 6 % on a quiet machine, which both halves of a
pair's rounds see alike); so the interval is Student's t over the ratios of several fresh pairs,
which holds the noise of blocks as well as the differences between processes.  It is of the trimmed
mean, which pairs that are struck do not move.

The verdict is looked at up to three times, after 6, 12 and 24 pairs or when the time is up; by
Bonferroni's inequality the looks share the 5 % by which all may err, the last having most.  Many
pairs of few rounds average over what processes differ by.  On paper, with a standard deviation of
5 % between processes and one turn in five struck, 24 pairs of 5 rounds find a network the same as
itself in 81 of 100 comparisons and 5 % in 87; without trimming in 47 and 63, and 16 pairs in the
same time in 58 and 78.  On pairs that were timed on a busy machine the median of the rounds' ratios
varied less between pairs than ratios of low quantiles or of the faster of two turns.

    SAME        the interval lies within the threshold: no difference that matters
    SLOWER      it lies above 1 and reaches beyond the threshold
    FASTER      it lies below 1 and reaches beyond the threshold
    AMBIGUOUS   it holds 1 and reaches beyond the threshold

So a change is SLOWER when it is real and may exceed the threshold.  Two runs are judged by a
stricter rule (``opbench.runs.verdict``): the whole interval must lie beyond.  Here a change of just
the threshold, which simulations find in more than nine of ten comparisons, would by the rule of
runs be found in one of two hundred, and by an estimate beyond the threshold in one of two.

A network compared with itself is then FASTER or SLOWER in at most 5 % of comparisons, and far
fewer where the interval is narrower than the threshold, because SAME comes first.

Where other programs keep the cores busy, a pass takes as long as its threads wait for one, and that
is chance.  There the processor seconds of the calling thread are compared instead, which is said.
It takes part in all that several threads do and does alone what one does, so they are the time of a
pass without waiting.  Of one that waits for something else they are not: the wall clock decides
after all where the thread ran for less than half of the time that cores were free for it, where the
processor's interval is no narrower, and where both intervals contradict each other.

References
    O. J. Dunn.  "Multiple comparisons among means."  JASA 56, 1961.
    S. J. Pocock.  "Group sequential methods in the design and analysis of clinical trials."
    Biometrika 64, 1977.
    J. W. Tukey, D. H. McLaughlin.  "Less vulnerable confidence and significance procedures for
    location based on a single sample: Trimming/Winsorization 1."  Sankhya A 25, 1963.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal

from opbench.intervals import CONFIDENCE, Interval, median, trimmed_mean
from opbench.live.lines import SIDES, PairLine, SideName
from opbench.runs.verdict import Verdict

Clock = Literal["wall", "processor"]

# Pairs of processes after which the verdict is looked at, the last being the most that are started,
# with the probability by which each look may err: together 5 %.
LOOKS = {6: 0.01, 12: 0.01, 24: 0.03}
PAIRS = max(LOOKS)
# The part of the pairs at each end that are left out.
_TRIMMED = 1 / 8
# Rounds of a pair from which on it is judged.
_FEWEST_ROUNDS = 2
# Threads that had a core for less than this part of the time that they wanted one.
_BUSY = 0.9
# The part of the time in which cores were free that the calling thread ran, at least; a thread
# that waits for others, which wait for a core, ran for less than all of it.
_MOST = 0.5
# exp of it is still a number.
_WIDEST = 700.0


def log_ratio(pair: PairLine, clock: Clock = "wall") -> float:
    """Return the logarithm of new over base of one pair: the median over its rounds."""
    return median([math.log(new / base) for base, new in _rounds(pair, clock)])


def _rounds(pair: PairLine, clock: Clock) -> Iterator[tuple[float, float]]:
    """Yield the seconds of both sides in each round: the median sample, or the processor's."""
    if clock == "processor":
        yield from zip(pair.base_processor_s, pair.new_processor_s, strict=False)
        return
    for base, new in zip(pair.base_s, pair.new_s, strict=False):
        yield median(base), median(new)


def median_s(pairs: Sequence[PairLine], side: SideName, clock: Clock = "wall") -> float:
    """Return the median sample of one side, or the median of the processor's seconds."""
    if clock == "processor":
        return median([each for pair in pairs for each in getattr(pair, f"{side}_processor_s")])
    blocks = (block for pair in pairs for block in getattr(pair, f"{side}_s"))
    return median([sample for block in blocks for sample in block])


def clock_of(pairs: Sequence[PairLine]) -> Clock:
    """Return the clock that decides: the processor's where others keep the cores busy."""
    running = [pair.running for pair in pairs if pair.running is not None]
    if len(running) < len(pairs) or not pairs or median(running) >= _BUSY:
        return "wall"
    by_wall, by_processor = ratio_of(pairs), ratio_of(pairs, "processor")
    if by_wall is None or by_processor is None or not _explained(pairs, median(running)):
        return "wall"
    if by_processor.high / by_processor.low >= by_wall.high / by_wall.low:
        return "wall"
    apart = by_wall.high < by_processor.low or by_processor.high < by_wall.low
    return "wall" if apart else "processor"


def _explained(pairs: Sequence[PairLine], running: float) -> bool:
    """Return whether the thread ran for most of the time in which cores were free for it."""
    return all(
        median_s(pairs, side, "processor") >= _MOST * running * median_s(pairs, side)
        for side in SIDES
    )


def ratio_of(pairs: Sequence[PairLine], clock: Clock = "wall") -> Interval | None:
    """Return new over base with the interval of one look; None for fewer than two pairs."""
    whole = [each for each in pairs if len(each.order) >= 2 * _FEWEST_ROUNDS]
    if len(whole) < 2:
        return None
    confidence = 1 - _errs(min(len(whole), PAIRS))
    found = trimmed_mean([log_ratio(each, clock) for each in whole], _TRIMMED, confidence)
    half = min(found.high - found.estimate, _WIDEST)
    ends = found.estimate - half, found.estimate + half
    return Interval(math.exp(found.estimate), *map(math.exp, ends))


def _errs(pairs: int) -> float:
    """Return the probability by which a look may err; between looks, what earlier ones left."""
    earlier = math.fsum(errs for look, errs in LOOKS.items() if look < pairs)
    return LOOKS.get(pairs, 1 - CONFIDENCE - earlier)


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
