"""A call ready to be timed, and the spin of the GPU that hides its launches.

The GPU spins while the host queues calls behind it, so that it never waits for Python.  A spin
that ends before everything is queued has hidden nothing.  Where that happens again and again the
spin gets longer, then fewer calls are queued at once: a launch queue holds about 1,024 kernels, and
the host waits where it is full.  Where not even one call can be hidden, its launches are part of
its time.

Reference:
    NVIDIA, nvbench, ``blocking_kernel.cuh``: why too much work must not be queued behind a kernel.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

from opbench.record import Launches

Call = Callable[[], object]

# A slow estimate of one call must not hold up each of hundreds.
LONGEST_SPIN_S = 0.05
_MARGIN, _WIDE_MARGIN = 1.2, 2.4
# Once is chance: a host that did something else.  So often in a row is not.
_WIDEN_AFTER, _GIVE_UP_AFTER = 2, 5


@dataclass(slots=True, kw_only=True)
class Spin:
    """The length of a spin and the number of calls to queue behind it.

    ``queueing_s`` are the seconds that the host needs to queue one call.
    """

    queueing_s: float
    most: int = sys.maxsize
    margin: float = _MARGIN
    failures: int = 0

    def calls(self, wanted: int) -> int:
        """Return how many of the ``wanted`` calls to queue at once, one at least."""
        fitting = LONGEST_SPIN_S / max(self.margin * self.queueing_s, 1e-12)
        return max(1, min(wanted, self.most, int(fitting)))

    def seconds(self, calls: int) -> float:
        """Return how long to spin for so many calls."""
        return min(LONGEST_SPIN_S, self.margin * self.queueing_s * calls)

    def learn(self, calls: int, *, ended_early: bool) -> bool:
        """Adapt to the last spin; return whether there is still hope of hiding a call."""
        self.failures = self.failures + 1 if ended_early else 0
        if self.failures == _WIDEN_AFTER:
            self.margin = _WIDE_MARGIN
        elif self.failures > _WIDEN_AFTER:
            self.most = max(1, calls // 2)
        return calls > 1 or self.failures < _GIVE_UP_AFTER


@dataclass(slots=True, kw_only=True)
class PreparedCall:
    """A call ready to be timed.

    warmup, warmup_s: the calls that preparing it took, and their seconds.
    spin: hides its launches; None where there is nothing to hide, or they cannot be hidden.
    launches: as of a ``Round``.
    """

    call: Call
    warmup: int = 0
    warmup_s: float = 0.0
    spin: Spin | None = None
    launches: Launches = ""

    def __call__(self) -> object:
        return self.call()


def prepared(call: Call) -> PreparedCall:
    """Return ``call`` itself where it is prepared, else one whose launches are not hidden."""
    return call if isinstance(call, PreparedCall) else PreparedCall(call=call)
