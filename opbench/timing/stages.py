"""Time the stages between encoded images and the five best classes, and all of them together.

Each stage is timed until the device has finished it; beside them, in turns, the whole is timed
without stops in between.  Their sum is the whole where nothing overlaps, up to noise.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from opbench.timing.device import Device

# The stages in their order.
STAGES = ("decode", "resize", "copy", "forward", "postprocess")
WHOLE = "whole"
_FEWEST = 2

Step = Callable[[Any], Any]


def time_stages(
    steps: Mapping[str, Step], source: Any, device: Device, seconds: float
) -> dict[str, tuple[float, ...]]:
    """Return samples in seconds of each step by name, and of the whole.

    A step takes what the one before it returned, the first one ``source``.  After one pass that
    warms up, passes go on for ``seconds``, two at least.
    """
    samples: dict[str, list[float]] = {name: [] for name in (*steps, WHOLE)}
    _whole(steps, source)
    end = time.monotonic() + seconds
    while len(samples[WHOLE]) < _FEWEST or time.monotonic() < end:
        value = source
        for name, step in steps.items():
            value = _timed(step, value, device, samples[name])
        samples[WHOLE].append(device.run(lambda: _whole(steps, source), 1))
    return {name: tuple(taken) for name, taken in samples.items()}


def _timed(step: Step, value: Any, device: Device, samples: list[float]) -> Any:
    """Return what a step makes of ``value``, and note its seconds."""
    made: list[Any] = []
    samples.append(device.run(lambda: made.append(step(value)), 1))
    return made[0]


def _whole(steps: Mapping[str, Step], source: Any) -> Any:
    for step in steps.values():
        source = step(source)
    return source
