"""Measure the processor time of other programs and of other guests of the machine.

The kernel's counters tick a hundred times a second, so a stretch of a few ticks says nothing.
Processes that this one started, such as those of a compiler, are no others.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress

import psutil

_SHORTEST_S = 0.15
_IDLE = ("idle", "iowait", "steal", "guest", "guest_nice")

Busy = tuple[float | None, float | None]


def watch_bystanders() -> Callable[[], Busy]:
    """Start watching; the function returned gives the cores kept busy by others and other guests.

    Other guests show only where the hypervisor tells of them ("steal"); None where unknown.
    """
    start, before, own = time.monotonic(), psutil.cpu_times(), _own()

    def busy() -> Busy:
        seconds = time.monotonic() - start
        if seconds < _SHORTEST_S:
            return None, None
        after = psutil.cpu_times()
        others = _busy(after) - _busy(before) - (_own() - own)
        return max(0.0, others / seconds), _stolen(before, after, seconds)

    return busy


def _busy(times: object) -> float:
    # A guest's time is part of "user" already.
    named = times._asdict()  # type: ignore[attr-defined]
    return float(sum(value for key, value in named.items() if key not in _IDLE))


def _stolen(before: object, after: object, seconds: float) -> float | None:
    if not hasattr(after, "steal"):
        return None
    return float(max(0.0, (after.steal - before.steal) / seconds))  # type: ignore[attr-defined]


def _own() -> float:
    """Sum the processor seconds of this process and of all that it started, ended ones too."""
    started = psutil.Process().children(recursive=True)
    return sum(os.times()[:4]) + sum(map(_spent, started))


def _spent(process: psutil.Process) -> float:
    """Return the processor seconds of a process and its ended children; 0 where it is gone."""
    with suppress(psutil.Error):
        return float(sum(process.cpu_times()[:4]))
    return 0.0
