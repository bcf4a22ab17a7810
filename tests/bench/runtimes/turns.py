"""The ratio of times that were taken in turns."""

from __future__ import annotations

import math
from collections.abc import Sequence

from opbench.intervals import Interval, median, trimmed_mean

# The part of the turns at each end that are left out: a process that the machine strikes takes half
# as long again for as long as it lives.
_TRIMMED = 1 / 6


def ratio_of_turns(base: Sequence[Sequence[float]], new: Sequence[Sequence[float]]) -> Interval:
    """Return new / base, the trimmed mean over turns of the logarithms, with its interval.

    What lies in one turn was taken side by side, so that what slows both down cancels.
    """
    logs = [math.log(median(two) / median(one)) for one, two in zip(base, new, strict=True)]
    found = trimmed_mean(logs, _TRIMMED)
    return Interval(*map(math.exp, (found.estimate, found.low, found.high)))
