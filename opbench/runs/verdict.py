"""The verdict on a difference between two times, and the difference in one sentence.

SAME         the ratio's 95 % interval lies within the threshold: no difference that matters
FASTER       it lies beyond the threshold on the one side: a real difference
SLOWER       on the other
AMBIGUOUS    it reaches over an end of the threshold, or what was measured cannot tell
FAILED       measured before, and now it cannot be
UNMEASURED   it cannot be measured, and was not before
NEW, GONE    measured now and not before; before and not now
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from opbench.intervals import Interval
from opbench.settings import Threshold

# Changes beyond it are not written in digits.
_HUNDREDFOLD = 100


class Verdict(StrEnum):
    """The verdict on one cell; the worst first."""

    SLOWER = "SLOWER"
    FAILED = "FAILED"
    AMBIGUOUS = "AMBIGUOUS"
    FASTER = "FASTER"
    SAME = "SAME"
    UNMEASURED = "UNMEASURED"
    NEW = "NEW"
    GONE = "GONE"


def judge(ratio: Interval, limit: float) -> Verdict:
    """Judge a ratio, where a change by the fraction ``limit`` does not matter."""
    if ratio.low > 1 + limit:
        return Verdict.SLOWER
    if ratio.high < 1 / (1 + limit):
        return Verdict.FASTER
    within = ratio.low >= 1 / (1 + limit) and ratio.high <= 1 + limit
    return Verdict.SAME if within else Verdict.AMBIGUOUS


def change(ratio: float) -> str:
    """Write a ratio as a change, ``+2.5%``; beyond a hundredfold ``>+9900%`` or ``<-99%``.

    Three wild rounds give intervals of many orders of magnitude, whose digits say nothing.
    """
    if not 1 / _HUNDREDFOLD <= ratio <= _HUNDREDFOLD:
        return f">{_HUNDREDFOLD - 1:+.0%}" if ratio > 1 else f"<{1 / _HUNDREDFOLD - 1:+.0%}"
    return f"{ratio - 1:+.0%}" if ratio >= 2 else f"{ratio - 1:+.1%}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged(ABC):
    """Two times and the verdict.  ``ratio`` is new over base; None where it is not known."""

    verdict: Verdict
    base_s: float | None = None
    new_s: float | None = None
    ratio: Interval | None = None
    threshold: Threshold = field(default_factory=Threshold)
    note: str = ""

    @property
    @abstractmethod
    def name(self) -> str:
        """Both sides in a few words."""

    @property
    def sentence(self) -> str:
        """The comparison in one sentence."""
        if self.ratio is None:
            return f"{self.name}: {self.verdict}{f', {self.note}' if self.note else ''}."
        changed, low, high = map(change, (self.ratio.estimate, self.ratio.low, self.ratio.high))
        return f"{self.name}: {self.verdict}, {changed} ({low} to {high}), {self.rule}."

    @property
    def rule(self) -> str:
        """The threshold, in words."""
        return f"where {self.threshold} does not matter"

    def to_json(self) -> dict[str, Any]:
        """Return a flat JSON object."""
        ratio = self.ratio
        return {
            "verdict": str(self.verdict),
            "base_s": self.base_s,
            "new_s": self.new_s,
            "ratio": ratio and ratio.estimate,
            "ratio_low": ratio and ratio.low,
            "ratio_high": ratio and ratio.high,
            "threshold": self.threshold.relative,
            "threshold_s": self.threshold.seconds,
            "note": self.note,
        }
