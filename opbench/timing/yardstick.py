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
# Large enough to keep the device busy, and beyond its caches: rows of a matrix, bytes of a copy.
_PRODUCT = {"cpu": 512, "cuda": 4096}
_COPY = {"cpu": 1 << 22, "cuda": 1 << 27}


@torch.inference_mode()
def yardstick(device: Device) -> float | None:
    """Return the geometric mean of three times in seconds; only ratios of it mean anything.

    A network may leave too little of a GPU's memory for it: then there is none.
    """
    try:
        times = [_typical(device, make, calls) for make, calls in PIECES]
    except torch.OutOfMemoryError:
        return None
    return math.exp(sum(map(math.log, times)) / len(times))


def _typical(device: Device, make: Callable[[str], Call], calls: int) -> float:
    """Return the median seconds per call; what was allocated for it is free afterwards."""
    look = own_work(device, make(device.name), calls)
    return median([look() for _ in range(_TRIES)])


def _product(name: str) -> Call:
    size = _PRODUCT[_kind(name)]
    square = torch.full((size, size), 0.5, device=name)
    return lambda: square @ square


def _copy(name: str) -> Call:
    source = torch.zeros(_COPY[_kind(name)], dtype=torch.uint8, device=name)
    target = torch.zeros_like(source)
    return lambda: target.copy_(source)


def _tiny(name: str) -> Call:
    one = torch.zeros(1, device=name)
    return lambda: one.add_(1)


def _kind(name: str) -> str:
    return name.partition(":")[0]


# What makes a call on the device of that name, and how often to call it at once.
PIECES: tuple[tuple[Callable[[str], Call], int], ...] = ((_product, 1), (_copy, 1), (_tiny, 100))
