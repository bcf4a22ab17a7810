"""Evaluations compared image by image: BETTER, WORSE, SAME or AMBIGUOUS.

Both networks answered the same images, so that the difference of their accuracies is known far
better than either accuracy: what both get right or wrong, because an image is easy or hard, is no
part of it.  Where 3 % of 50,000 images are discordant, the interval is 0.15 points to each side;
that of an accuracy of 75 % is 0.38.

    SAME        the interval lies within the threshold: no difference that matters
    BETTER      new is right more often by the exact McNemar test, and the interval reaches beyond
                the threshold
    WORSE       new is wrong more often, likewise
    AMBIGUOUS   the test finds no difference, and the interval reaches beyond the threshold

So a difference is BETTER or WORSE when it is real and may exceed the threshold: the rule by which
targets that are timed in turns are judged (``opbench.live.verdict``), for the same reasons.  Equal
networks are BETTER or WORSE in at most 5 % of comparisons, because the test is exact.

The threshold is 0.3 points unless another is given: by so much an accuracy moves when the images
are resized to a square instead of by their short side, which few reports mention.

Where several networks are compared with one base, Holm's correction keeps the probability of any
false BETTER or WORSE among them within 5 %, and the intervals are Bonferroni's, which hold all
together with 95 %.  Holm's correction finds a little more than such intervals show: a difference
may be real by the test although its interval touches 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from opbench.accuracy.measured.comparable import require_comparable
from opbench.accuracy.measured.evaluation import Evaluation
from opbench.accuracy.measured.labels import labels
from opbench.accuracy.measured.proportions import bonferroni, holm, mcnemar, tango_interval
from opbench.intervals import CONFIDENCE, Interval
from opbench.value import AtLeastOne, Natural, NonNegative, Text, Value

# Points of accuracy that do not matter.
THRESHOLD = 0.3


class AccuracyVerdict(StrEnum):
    """The verdict on a difference of two accuracies; the worst first."""

    WORSE = "WORSE"
    AMBIGUOUS = "AMBIGUOUS"
    BETTER = "BETTER"
    SAME = "SAME"


class Flips(NamedTuple):
    """The ids of the images that only one of two networks gets right."""

    only_base: tuple[str, ...]
    only_new: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedComparison(Value):
    """Two evaluations and the verdict.

    base, new: the networks, each with the settings in which evaluations of its name differ.
    difference, low, high: new minus base in points of top-1, with the interval.
    ratio, ratio_low, ratio_high: new over base, and the ratios that the ends of the interval make
        with the accuracy of base on these images; None where base gets none of them right.
    p_value: of the exact McNemar test; p_adjusted: corrected for ``comparisons`` with one base, for
        which the interval holds as well.
    images: that both answered.  only_base_right, only_new_right: those that tell them apart.
    threshold: the points that do not matter.
    """

    verdict: AccuracyVerdict
    base: Text
    new: Text
    base_top1: float
    new_top1: float
    difference: float
    low: float
    high: float
    p_value: float
    p_adjusted: float
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    images: AtLeastOne
    only_base_right: Natural
    only_new_right: Natural
    comparisons: AtLeastOne = 1
    threshold: NonNegative = THRESHOLD
    note: str = ""

    @property
    def name(self) -> str:
        """Both sides in a few words."""
        return f"{self.new} against {self.base}"

    @property
    def sentence(self) -> str:
        """The comparison in one sentence."""
        between = f"({points(self.low)} to {points(self.high)})"
        told = f"{self.verdict}, {points(self.difference)} points {between}"
        return f"{self.name}: {told}, {self._rule}."

    @property
    def _rule(self) -> str:
        """The threshold, in words."""
        limit = f"{self.threshold:g} points"
        decided = self.verdict in (AccuracyVerdict.WORSE, AccuracyVerdict.BETTER)
        surely = self.high < -self.threshold or self.low > self.threshold
        if decided and not surely:
            return f"a real difference that may exceed {limit}"
        return f"where {limit} do not matter"

    def surely_loses(self, most: float) -> bool:
        """Return whether more than ``most`` points are lost, as far as the interval tells."""
        return self.high < -most

    def may_lose(self, most: float) -> bool:
        """Return whether the interval allows that more than ``most`` points are lost."""
        return self.low < -most


def points(value: float) -> str:
    """Write a difference of accuracies, ``+0.42``."""
    return f"{value:+.2f}"


def flips(base: Evaluation, new: Evaluation) -> Flips:
    """Return the images that only one of two networks gets right, in the order of ``base``.

    Images that only one of them answered are left out.
    """
    both = [
        (name, answer.right, new.answers[name].right)
        for name, answer in base.answers.items()
        if name in new.answers
    ]
    return Flips(
        only_base=tuple(name for name, first, second in both if first and not second),
        only_new=tuple(name for name, first, second in both if second and not first),
    )


def compare_evaluations(
    base: Evaluation, others: Sequence[Evaluation], threshold: float = THRESHOLD
) -> list[PairedComparison]:
    """Compare each of ``others`` with ``base``, where ``threshold`` points do not matter.

    Raises ``BadValueError`` unless all answered the same images, each once.
    """
    for each in others:
        require_comparable(base, each)
    names = labels([base, *others])
    flipped = [flips(base, each) for each in others]
    p_values = [mcnemar(*map(len, each)) for each in flipped]
    rows = zip(others, names[1:], flipped, p_values, holm(p_values), strict=True)
    return [
        _compared(_Pair(base, new, (names[0], name), flip, p, adjusted), len(others), threshold)
        for new, name, flip, p, adjusted in rows
    ]


class _Pair(NamedTuple):
    """Two evaluations with their names, the images that flip, and the p-values of the test."""

    base: Evaluation
    new: Evaluation
    names: tuple[str, str]
    flips: Flips
    p_value: float
    p_adjusted: float


def _compared(pair: _Pair, comparisons: int, threshold: float) -> PairedComparison:
    lost, won = map(len, pair.flips)
    shares = tango_interval(lost, won, pair.base.images, bonferroni(comparisons))
    change = Interval(100 * shares.estimate, 100 * shares.low, 100 * shares.high)
    verdict = judge_accuracy(change, pair.p_adjusted, threshold)
    before = _top1(pair.base)
    ratio = _ratio(before, change)
    return PairedComparison(
        verdict=verdict,
        base=pair.names[0],
        new=pair.names[1],
        base_top1=before,
        new_top1=_top1(pair.new),
        difference=change.estimate,
        low=change.low,
        high=change.high,
        p_value=pair.p_value,
        p_adjusted=pair.p_adjusted,
        ratio=ratio.estimate if ratio else None,
        ratio_low=ratio.low if ratio else None,
        ratio_high=ratio.high if ratio else None,
        images=pair.base.images,
        only_base_right=lost,
        only_new_right=won,
        comparisons=comparisons,
        threshold=threshold,
        note="; ".join(_notes(pair.base, pair.new, verdict)),
    )


def judge_accuracy(change: Interval, p_value: float, threshold: float) -> AccuracyVerdict:
    """Judge a difference in points, where ``threshold`` points do not matter."""
    if -threshold <= change.low and change.high <= threshold:
        return AccuracyVerdict.SAME
    if p_value > 1 - CONFIDENCE:
        return AccuracyVerdict.AMBIGUOUS
    return AccuracyVerdict.BETTER if change.estimate > 0 else AccuracyVerdict.WORSE


def _top1(evaluation: Evaluation) -> float:
    return evaluation.top1.value if evaluation.top1 else 0.0


def _ratio(before: float, change: Interval) -> Interval | None:
    """Return new over base; its ends are those of the difference over the accuracy of base."""
    if not before:
        return None
    ends = (max(0.0, 1 + each / before) for each in (change.estimate, change.low, change.high))
    return Interval(*ends)


def _notes(base: Evaluation, new: Evaluation, verdict: AccuracyVerdict) -> Iterator[str]:
    """Yield what was left out, what else differs, and what would tell more."""
    one, other = base.header, new.header
    if failed := len(base.failed.keys() | new.failed.keys()):
        yield f"{failed:,} entr{'y' if failed == 1 else 'ies'} of the data without an answer"
    if one.name != other.name and one.preprocessing.sha256 != other.preprocessing.sha256:
        yield "by different protocols"
    if verdict is AccuracyVerdict.AMBIGUOUS:
        limited = f"evaluate without --limit {one.limit} to know more"
        yield limited if one.limit else "more images would narrow the interval"
