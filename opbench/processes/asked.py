"""Time since this process was asked for what it is doing.

Of a worker that was forked for a call, that is its own age.
"""

from __future__ import annotations

import time

_asked_at = time.monotonic()


def now() -> None:
    """Note that this process, or one that it is about to fork, is asked for something."""
    global _asked_at
    _asked_at = time.monotonic()


def seconds_ago() -> float:
    """Return the seconds since it was asked."""
    return time.monotonic() - _asked_at
