"""A function carried out for each of many names, here or by processes of its own.

One process handles one name after the other and lives until all are done, so that torch is
imported once per process.  It is started afresh ("spawn"): a copy of a process with threads, such
as torch has, may hang.  A name whose function raises is a ``Failed``, and so is one whose process
dies (out of memory, a crash in compiled code); another process takes that one's place.

Interrupting is the parent's business: its processes ignore the signal and are ended by it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from opbench.errors import describe

_T = TypeVar("_T")

_CONTEXT = get_context("spawn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Why there is no value for a name, in one line."""

    reason: str


def outcomes(
    function: Callable[[str], _T], names: Sequence[str], *, jobs: int = 1
) -> Iterator[tuple[str, _T | Failed]]:
    """``(name, function(name))`` for each name, in the order in which they are done.

    ``jobs`` processes share the work; one job is this process itself.  ``function`` has to be
    importable from its module when there are several.
    """
    if jobs > 1 and len(names) > 1:
        yield from _by_processes(function, names, min(jobs, len(names)))
    else:
        for name in names:
            yield name, _attempt(function, name)


def _attempt(function: Callable[[str], _T], name: str) -> _T | Failed:
    try:
        return function(name)
    except (Exception, SystemExit) as error:  # noqa: BLE001  other people's code may raise anything
        return Failed(reason=describe(error))


class _Worker:
    """A process, the pipe to it and the name that it is busy with."""

    def __init__(self, function: Callable[[str], Any], threads: int) -> None:
        self.pipe, theirs = _CONTEXT.Pipe()
        self.name = ""
        self._process: BaseProcess = _CONTEXT.Process(
            target=_serve, args=(theirs, function, threads), daemon=True
        )
        with _interrupts_ignored():
            self._process.start()
        theirs.close()

    def give(self, name: str) -> None:
        self.name = name
        with suppress(BrokenPipeError):  # it died: reading its answer will tell
            self.pipe.send(name)

    def answer(self) -> tuple[Any, bool]:
        """The outcome for the name, and whether the process is still there."""
        try:
            return self.pipe.recv(), True
        except (EOFError, ConnectionError):
            self._process.join()
            return Failed(reason=f"its process ended with {self._end()}"), False

    def stop(self) -> None:
        self.pipe.close()
        self._process.terminate()
        self._process.join()

    def _end(self) -> str:
        code = self._process.exitcode or 0
        return f"signal {-code}" if code < 0 else f"exit code {code}"


def _by_processes(
    function: Callable[[str], _T], names: Iterable[str], jobs: int
) -> Iterator[tuple[str, _T | Failed]]:
    left, threads = deque(names), max(1, (os.cpu_count() or 1) // jobs)
    busy: dict[Any, _Worker] = {}

    def employ(worker: _Worker) -> None:
        worker.give(left.popleft())
        busy[worker.pipe] = worker

    try:
        for _ in range(jobs):
            employ(_Worker(function, threads))
        while busy:
            for pipe in wait(list(busy)):
                worker = busy.pop(pipe)
                name, (outcome, alive) = worker.name, worker.answer()
                if not left or not alive:
                    worker.stop()
                if left:
                    employ(worker if alive else _Worker(function, threads))
                yield name, outcome
    finally:
        for worker in busy.values():
            worker.stop()


def _serve(pipe: Connection, function: Callable[[str], Any], threads: int) -> None:
    # Before torch is imported: that is when it looks how many threads it may use.
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    # What a network prints goes to stderr: stdout is the parent's, for its rows.
    with suppress(EOFError, KeyboardInterrupt), redirect_stdout(sys.stderr):
        while True:
            pipe.send(_attempt(function, pipe.recv()))


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """A process started meanwhile ignores them for good."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
