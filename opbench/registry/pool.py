"""Apply a function to each of many targets, in this process or in several others.

A target that raises, or whose process dies (out of memory, a crash in compiled code), is a
``Failed`` with the reason, and the others go on.  A process handles one target after the other, so
that torch is imported once in each.  It is started afresh ("spawn"): a copy of a process with
threads, such as torch has, may hang.

A ``ProcessPoolExecutor`` breaks as a whole when one of its processes dies, so each has one.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any, TypeVar

from opbench.errors import describe

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The reason why a target has no result, in one line."""

    reason: str


def outcomes(
    function: Callable[[str], _T], names: Sequence[str], *, jobs: int = 1
) -> Iterator[tuple[str, _T | Failed]]:
    """Yield ``(name, function(name))`` for each name, in the order in which they are done.

    ``jobs`` processes share the work; one job is this process.  For several, ``function`` must be
    importable from its module.
    """
    jobs = min(jobs, len(names))
    if jobs > 1:
        yield from _in_processes(function, names, jobs)
    else:
        for name in names:
            yield name, _attempt(function, name)


def _attempt(function: Callable[[str], _T], name: str) -> _T | Failed:
    try:
        return function(name)
    except (Exception, SystemExit) as error:  # noqa: BLE001  a target may raise anything
        return Failed(reason=describe(error))


def _in_processes(
    function: Callable[[str], _T], names: Sequence[str], jobs: int
) -> Iterator[tuple[str, _T | Failed]]:
    left = list(reversed(names))
    idle = [_Process(jobs) for _ in range(jobs)]
    busy: dict[Future[_T | Failed], tuple[str, _Process]] = {}
    try:
        while left or busy:
            while left and idle:
                name, process = left.pop(), idle.pop()
                busy[process.submit(_attempt, function, name)] = name, process
            for future in wait(busy, return_when=FIRST_COMPLETED).done:
                name, process = busy.pop(future)
                outcome = _outcome(future, process)
                idle.append(_Process(jobs) if process.ended else process)
                yield name, outcome
    finally:
        for process in (*idle, *(each for _, each in busy.values())):
            process.end()


def _outcome(future: Future[_T | Failed], process: _Process) -> _T | Failed:
    error = future.exception()
    if isinstance(error, BrokenProcessPool):
        return Failed(reason=describe_exit(process.end()))
    return Failed(reason=describe(error)) if error else future.result()


class _Process(ProcessPoolExecutor):
    """A pool of one process."""

    def __init__(self, jobs: int) -> None:
        self._spawn = _Spawn()
        self.ended = False
        super().__init__(1, self._spawn, _begin, (max(1, (os.cpu_count() or 1) // jobs),))

    def end(self) -> int:
        """End the process, whatever it does, and return its exit status."""
        self.ended = True
        process = self._spawn.process
        if process:
            process.terminate()
        self.shutdown()
        return (process and process.exitcode) or 0


class _Spawn(SpawnContext):
    """Remembers the process that was started, because a broken pool does not tell how it ended."""

    process: SpawnProcess | None = None

    def Process(self, *arguments: Any, **options: Any) -> SpawnProcess:  # type: ignore[override]  # noqa: N802
        self.process = SpawnProcess(*arguments, **options)
        return self.process


def _begin(threads: int) -> None:
    """Prepare a process, before torch is imported and looks how many threads it may use."""
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    sys.stdout = sys.stderr  # standard output is the parent's, for its rows


def describe_exit(status: int) -> str:
    """Describe how a process ended; a negative ``status`` is the signal that killed it."""
    if status >= 0:
        return f"its process ended with exit code {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = "unknown"
    hint = ", perhaps out of memory" if -status == signal.SIGKILL else ""
    return f"its process was killed by signal {-status} ({name}){hint}"
