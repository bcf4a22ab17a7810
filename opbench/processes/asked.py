"""Measure the time since the latest request to this process.

In a worker that was forked for one call, that is the age of the worker.
"""

from __future__ import annotations

import time

_asked_at = time.monotonic()


def now() -> None:
    """Note the time of a request to this process, or to one that it is about to fork."""
    global _asked_at
    _asked_at = time.monotonic()


def seconds_ago() -> float:
    """Return the seconds since the latest request."""
    return time.monotonic() - _asked_at
