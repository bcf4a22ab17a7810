"""Measure the peak of this process's memory as Linux counts it.

``VmHWM`` in ``/proc/self/status`` is the most that was ever resident; writing 5 to
``/proc/self/clear_refs`` sets it back to what is resident now (proc(5), since Linux 4.0).  Its
growth over a stretch of work is what that work needed on top, weights excluded when they were
there before.  Elsewhere the answer is None: ``ru_maxrss`` cannot be set back and would report the
largest network for every later one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def watch_resident_memory() -> Callable[[], int | None]:
    """Reset the peak; the function returned gives its growth since, in bytes."""
    try:
        _CLEAR.write_text("5")
        start = _peak_bytes()
    except OSError:
        return lambda: None
    return lambda: _growth(start)


def _growth(start: int) -> int | None:
    try:
        # The kernel sums its counters of pages now and then only: the sum may fall as well.
        return max(0, _peak_bytes() - start)
    except OSError:
        return None


def _peak_bytes() -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("no VmHWM in /proc/self/status")
