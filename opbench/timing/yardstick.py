"""Time a fixed piece of work, to see how fast the machine itself is at this moment.

On a machine that others share, everything runs a fifth slower for seconds or minutes, and no
counter says so.  The same small matrix product, copy and row of tiny operators beside every
round of every network shows it: where a network's time moved and the yardstick moved with it, it
was the machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from opbench.intervals import median
from opbench.timing.device import Call, Device, own_work

_TRIES = 3
_TINY = 100
# Large enough to keep the device busy for a millisecond or so: rows of a matrix, bytes of a copy.
_PRODUCT = {"cpu": 512, "cuda": 4096}
_COPY = {"cpu": 1 << 22, "cuda": 1 << 28}


@torch.inference_mode()
def yardstick(device: Device) -> float:
    """Return the geometric mean of three times in seconds; only ratios of it mean anything."""
    times = [_typical(own_work(device, call, calls)) for call, calls in pieces(device.name)]
    return math.exp(sum(map(math.log, times)) / len(times))


def _typical(look: Callable[[], float]) -> float:
    return median([look() for _ in range(_TRIES)])


def pieces(name: str) -> tuple[tuple[Call, int], ...]:
    """Return the work on the device called ``name``: what to call, and how often at once."""
    kind = name.partition(":")[0]
    square = torch.full((_PRODUCT[kind], _PRODUCT[kind]), 0.5, device=name)
    source = torch.zeros(_COPY[kind], dtype=torch.uint8, device=name)
    target = torch.zeros_like(source)
    one = torch.zeros(1, device=name)
    return (
        (lambda: square @ square, 1),
        (lambda: target.copy_(source), 1),
        (lambda: one.add_(1), _TINY),
    )
