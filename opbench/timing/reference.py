"""Time fixed work in turns with the samples of a network, on the CPU.

What shares a machine slows everything on it by a fifth or by half, for milliseconds or minutes.
A small convolution and a row of tiny operators before and after every few samples show by how
much at that moment: a sample in units of the work beside it depends far less on who else is there
(`results/timing.md` has the experiment that chose this work).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch.nn import functional

from opbench.timing.device import Device, own_work
from opbench.timing.energy import Stopwatch

# Work for a millisecond: a convolution of 0.12 GMAC, and the start of some operators.
_CHANNELS, _EDGE, _TINY = 64, 56, 40
# The work takes about a fifth of the time of a quick network.
_EVERY_S = 8e-3


class Alternation:
    """Samples and ``work`` in turns; of ``work``, which returns its own seconds."""

    def __init__(self, work: Callable[[], float]) -> None:
        self._work = work
        self._before = work()
        self._waiting, self._spent_s = 0, 0.0
        self._seconds: list[float] = []

    def watch(self, stopwatch: Stopwatch) -> Stopwatch:
        """Return ``stopwatch``, followed by the work where it is due."""

        def watched(calls: int) -> float:
            seconds = stopwatch(calls)
            self._waiting += 1
            self._spent_s += seconds
            if self._spent_s >= _EVERY_S:
                self._take()
            return seconds

        return watched

    def last(self, samples: int) -> tuple[float, ...]:
        """Return the seconds of the work around each of the last samples, its geometric mean."""
        if self._waiting:
            self._take()
        return tuple(self._seconds[-samples:])

    def _take(self) -> None:
        after = self._work()
        self._seconds += [math.sqrt(self._before * after)] * self._waiting
        self._before, self._waiting, self._spent_s = after, 0, 0.0


@torch.inference_mode()
def fixed_work(device: Device) -> Callable[[], float] | None:
    """Return the stopwatch of the fixed work: the geometric mean of its two times in seconds.

    None on a GPU, which others disturb in other ways.

    Each part runs once more before it is timed, so that it finds its own data in the caches and
    not a network's.
    """
    if device.asynchronous:
        return None
    image = torch.full((1, _CHANNELS, _EDGE, _EDGE), 0.5)
    weight = torch.full((_CHANNELS, _CHANNELS, 3, 3), 0.5)
    one = torch.zeros(1)
    parts = (
        own_work(device, lambda: functional.conv2d(image, weight, padding=1)),
        own_work(device, lambda: one.add_(1), _TINY),
    )

    @torch.inference_mode()
    def work() -> float:
        return math.sqrt(math.prod(_second(part) for part in parts))

    return work


def _second(part: Callable[[], float]) -> float:
    part()
    return part()
