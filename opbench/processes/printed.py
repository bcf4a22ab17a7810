"""Keep what other people's code prints out of standard output, where rows are."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout


@contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Send standard output to standard error until the context ends: of Python, of compiled code,
    and of programs that are started."""
    with redirect_stdout(sys.stderr), _descriptor_too():
        yield


@contextmanager
def _descriptor_too() -> Iterator[None]:
    """Let descriptor 1, which compiled code writes to, be standard error until the context ends."""
    try:
        ours = os.dup(1)
    except OSError:  # it is closed
        yield
        return
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(ours, 1)
        os.close(ours)
