"""One part in a process of its own, ended with all that it started when its time is up.

The processes are forked from a server that has imported torch and not touched the GPU: an import
takes longer than most parts.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path

from tests.gpu.outcome import STARTED, Line, append, failed
from tests.gpu.part import Part

_CHILD = "tests.gpu.child"
# A process that the driver holds cannot be ended: then the next part begins all the same.
_PATIENCE_S = 5.0


def prepare() -> None:
    """Name what the server imports before the first part."""
    get_context("forkserver").set_forkserver_preload([_CHILD])


def carry_out(part: Part, folder: Path, seconds: float, *, dry: bool) -> None:
    """Run ``part`` for at most ``seconds``; what went wrong is a line."""
    append(folder, Line(part=part.name, verdict=STARTED))
    began = time.monotonic()
    process = get_context("forkserver").Process(
        target=_enter, args=(part.name, part.call, str(folder), seconds, dry)
    )
    process.start()
    try:
        process.join(seconds)
        late = process.is_alive()
    finally:
        _end(process.pid)
        process.join(_PATIENCE_S)
    took = time.monotonic() - began
    if late:
        append(folder, failed(part.name, f"it did not end within {seconds:.0f} s", took))
    elif process.exitcode:
        append(folder, failed(part.name, f"its process ended with {process.exitcode}", took))


def _enter(name: str, call: str, folder: str, seconds: float, dry: bool) -> None:
    os.setsid()
    import_module(_CHILD).run(name, call, Path(folder), seconds, dry)


def _end(pid: int | None) -> None:
    if pid is not None:
        for end in (os.killpg, os.kill):
            with suppress(ProcessLookupError, PermissionError):
                end(pid, signal.SIGKILL)
