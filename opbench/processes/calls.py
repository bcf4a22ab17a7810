"""Call a function on each of many arguments, in workers that fork servers fork.

A call that raises, or whose process dies or takes too long, is a ``Failed`` with the reason, and
the others go on.  Calls of one group share a worker, so that what they import is imported once; a
worker that died is followed by another.

    with isolated(["opbench.registry.targets"], jobs=2) as calls:
        for key, outcome in calls.outcomes("package.module:function", {"a": 1, "b": 2}): ...

Arguments and results pass through JSON: the asking process needs nothing that the function does.
"""

from __future__ import annotations

import math
import os
import select
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from opbench.errors import OpbenchError
from opbench.processes.attempt import attempt, find
from opbench.processes.connection import Server

FORKS = hasattr(os, "fork")

# Seconds that a worker may take to end after SIGKILL.
_GRACE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The reason why a call has no result, in one line.

    ``mendable``: the call raised an ``OpbenchError``, whose sentence this is.  ``died``: its
    process ended; ``late``: it was ended, because the time was up.
    """

    reason: str
    mendable: bool = False
    died: bool = False
    late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The result of a call."""

    result: Any


Outcome = Done | Failed


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLimits:
    """The limits of one call: seconds, None for as many as it takes; the memory that is free."""

    seconds: float | None = None
    memory: bool = True


class _Work:
    """The calls that one worker is asked for, and how far it is."""

    def __init__(self, server: Server, arguments: Mapping[str, Any], seconds: float | None) -> None:
        self.left = dict(arguments)
        self._server = server
        self.ended = self.killed = False
        self.deadline: float | None = None
        self._seconds = seconds
        self._worker = 0
        self._late: str | None = None

    def add(self, argument: Any, seconds: float | None) -> None:
        """Ask the worker, which stays, for one more call."""
        self.left, self._seconds = {"": argument}, seconds
        self._wind_up()
        self._server.send({"arguments": [argument]})

    def take(self) -> Iterator[tuple[str, Outcome]]:
        """Take in what the server and its worker have said, and yield what is settled by it."""
        said = self._server.receive()
        for message in said or ():
            if "worker" in message:
                self._worker = message["worker"]
                self._wind_up()
            elif "exit" in message:
                yield from self._end(self._reason(message["exit"]))
            elif self.left and message.keys() & {"done", "failed"}:
                yield self._settle(_outcome(message))
        if said is None:
            yield from self._lose_server()

    def _lose_server(self) -> Iterator[tuple[str, Outcome]]:
        began, words = self._server.ready, self._server.last_words()
        ended = describe_exit(self._server.stop()) + words
        if not began:
            raise OpbenchError(f"the process that starts others did not start: {ended}")
        yield from self._end(f"the process that had started its own ended: {ended}")

    def _end(self, reason: str) -> Iterator[tuple[str, Outcome]]:
        """Note that the worker has ended, because of the call that it was at."""
        self.ended, self.deadline = True, None
        if not self.left:
            return
        if self._late is None:
            yield self._settle(Failed(reason=reason, died=True))
        # A call may have been settled just when its time was up.
        elif self._late == next(iter(self.left)):
            reason = f"it did not end within {self._seconds:g} s (--timeout)"
            yield self._settle(Failed(reason=reason, died=True, late=True))

    def kill_late(self, now: float) -> None:
        """Kill the worker where the time of its call is up, and the server where that is no use.

        A process that waits for a driver does not die before that answers.
        """
        if self.deadline is None or now < self.deadline:
            return
        if self.killed:
            self.deadline = None
            self._server.kill()
        else:
            self._late = next(iter(self.left))
            self.kill()

    def kill(self) -> None:
        """Kill the worker."""
        self.killed, self.deadline = True, time.monotonic() + _GRACE_S
        if not self._worker:  # not known yet; 0 would be this process's group
            self._server.kill()
            return
        with suppress(ProcessLookupError):
            os.kill(self._worker, signal.SIGKILL)

    def _settle(self, outcome: Outcome) -> tuple[str, Outcome]:
        key = next(iter(self.left))
        del self.left[key]
        self._wind_up()
        return key, outcome

    def _reason(self, status: int) -> str:
        return describe_exit(status) + self._server.last_words()

    def _wind_up(self) -> None:
        """Give the call at hand its time."""
        if self.killed:
            return
        self.deadline = None
        if self.left and self._seconds is not None and not self.ended:
            self.deadline = time.monotonic() + self._seconds


class Servers:
    """Fork servers that share the calls; they end with the context.

    ``preload`` is what they import and call before they fork; ``errors`` replaces standard error.
    """

    def __init__(
        self, preload: Sequence[str], *, jobs: int = 1, errors: IO[bytes] | None = None
    ) -> None:
        threads = max(1, (os.cpu_count() or 1) // jobs) if jobs > 1 else None
        self._all = [Server(preload, threads=threads, errors=errors) for _ in range(jobs)]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the first server, without waiting for it; the others start when they are asked."""
        self._all[0].start()

    @property
    def first(self) -> Server:
        """The first server, or the only one."""
        return self._all[0]

    def stop(self) -> None:
        """End all servers; the next call starts others."""
        for server in self._all:
            server.stop()

    def call(self, function: str, argument: Any, limits: CallLimits | None = None) -> Outcome:
        """Call ``function`` on one argument."""
        ((_, outcome),) = self.outcomes(function, {"": argument}, limits)
        return outcome

    def outcomes(
        self,
        function: str,
        arguments: Mapping[str, Any],
        limits: CallLimits | None = None,
        *,
        group: Callable[[str], str] = lambda key: key,
    ) -> Iterator[tuple[str, Outcome]]:
        """Yield each key with the outcome of its argument, in the order in which they are done.

        Keys of one ``group`` may share a worker.
        Raises ``OpbenchError`` where a server cannot be started.
        """
        limits = limits or CallLimits()
        head = _head(function, limits)
        waiting = deque(_batches(arguments, group, len(self._all)))
        busy: dict[Server, _Work] = {}
        try:
            while waiting or busy:
                for server in self._all:
                    if waiting and server not in busy:
                        busy[server] = work = _Work(server, waiting.popleft(), limits.seconds)
                        server.send({**head, "arguments": list(work.left.values())})
                for server in _spoken(busy):
                    yield from busy[server].take()
                    if busy[server].ended and (left := busy.pop(server).left):
                        waiting.appendleft(left)
        finally:
            for server in busy:
                server.stop()


class Staying:
    """Calls of ``function`` in one worker, which stays between them.

    It is forked by the first of ``servers`` for the first call, and anew where it has ended.  Other
    calls of those servers have to wait for its end.
    """

    def __init__(self, servers: Servers, function: str) -> None:
        self._server, self._function = servers.first, function
        self._work: _Work | None = None

    @property
    def alive(self) -> bool:
        """True between the first call and the end of its worker, as far as that is known."""
        return self._work is not None and not self._work.ended

    def call(self, argument: Any, limits: CallLimits) -> Outcome:
        """Make one call.  Raises ``OpbenchError`` where the server cannot be started."""
        if self._work is not None and self._work.killed:
            self.end()
        if self._work is None or self._work.ended:
            self._work = _Work(self._server, {"": argument}, limits.seconds)
            head = _head(self._function, limits)
            self._server.send({**head, "arguments": [argument], "stays": True})
        else:
            self._work.add(argument, limits.seconds)
        while not (settled := self._take(self._work)):
            pass
        return settled[0][1]

    def end(self) -> None:
        """End the worker, and wait until it has."""
        if self._work is None or self._work.ended:
            return
        self._work.kill()
        while not self._work.ended:
            self._take(self._work)

    def _take(self, work: _Work) -> list[tuple[str, Outcome]]:
        try:
            spoken = _spoken({self._server: work})
            return [each for _ in spoken for each in work.take()]
        except BaseException:
            work.ended = True
            self._server.stop()
            raise


class InThisProcess:
    """Make the calls in this process, where there are no forks: one that crashes ends them all."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def call(self, function: str, argument: Any, limits: CallLimits | None = None) -> Outcome:
        """Call ``function`` on one argument; what it prints goes to standard error."""
        with redirect_stdout(sys.stderr):
            return _outcome(attempt(find(function), argument))

    def outcomes(
        self,
        function: str,
        arguments: Mapping[str, Any],
        limits: CallLimits | None = None,
        *,
        group: Callable[[str], str] = lambda key: key,
    ) -> Iterator[tuple[str, Outcome]]:
        """Yield each key with the outcome of its argument."""
        for key, argument in arguments.items():
            yield key, self.call(function, argument, limits)


Calls = Servers | InThisProcess


def isolated(preload: Sequence[str], *, jobs: int = 1) -> Calls:
    """Return servers for calls of code that is not ours, where this machine can fork."""
    return Servers(preload, jobs=jobs) if FORKS else InThisProcess()


def _head(function: str, limits: CallLimits) -> dict[str, Any]:
    return {"call": function, "folder": str(Path.cwd()), "limit_memory": limits.memory}


def _batches(
    arguments: Mapping[str, Any], group: Callable[[str], str], servers: int
) -> Iterator[dict[str, Any]]:
    """Split the arguments by group, and groups so that several servers have some to do."""
    groups: dict[str, list[str]] = {}
    for key in arguments:
        groups.setdefault(group(key), []).append(key)
    for keys in groups.values():
        size = len(keys) if servers == 1 else max(1, len(keys) // (4 * servers))
        for start in range(0, len(keys), size):
            yield {key: arguments[key] for key in keys[start : start + size]}


_LONGEST_WAIT = 2**31 - 1  # of poll, in milliseconds


def _spoken(busy: Mapping[Server, _Work]) -> list[Server]:
    """Wait until a server says something or a call is late, and return those that spoke."""
    deadlines = [work.deadline for work in busy.values() if work.deadline is not None]
    now = time.monotonic()
    # In milliseconds, and not a moment too early.
    wait = min(max(0.0, min(deadlines) - now) * 1000, _LONGEST_WAIT) if deadlines else None
    patience = None if wait is None else math.ceil(wait)
    poll = select.poll()
    watched = {server: server.watch(poll) for server in busy}
    woken = {descriptor for descriptor, _ in poll.poll(patience)}
    spoken = [server for server, both in watched.items() if woken.intersection(both)]
    for server in busy.keys() - spoken:
        busy[server].kill_late(time.monotonic())
    return spoken


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


def _outcome(reply: Mapping[str, Any]) -> Outcome:
    if "done" in reply:
        return Done(result=reply["done"])
    return Failed(reason=reply["failed"], mendable=reply["mendable"])


def module_of(target: str) -> str:
    """Return the part of a target's name that is imported; targets of one share a worker."""
    return target.rpartition(":")[0]
