"""A fork server: a process with its libraries loaded that forks a worker per request.

Importing torch takes longer than counting or timing a network; a fork of a process that has
imported it takes 20 ms.  The server itself never computes anything: it has no threads and no CUDA
context that a fork would break, and what a worker allocates, caches or crashes goes with it.

Requests and replies are lines of JSON on standard input and output.  A request names a function
and its arguments, which the worker takes one after the other; there is a reply to each, as far as
the worker lived to give one, and then a line with its exit status:

    {"call": "package.module:function", "arguments": [...], "folder": ..., "limit_memory": true}
    {"worker": 4712}
    {"done": ...} or {"failed": why, "mendable": true where it was an OpbenchError}
    {"exit": 0}

With ``"stays": true`` the worker does not exit, but takes the arguments of further lines, which
name no call: {"arguments": [...]}.  Such a line is dropped where the worker has ended meanwhile.

When standard input ends, because the asking process is done or was killed, everything here ends.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any, NamedTuple, NoReturn

import psutil

from opbench.processes import asked
from opbench.processes.attempt import attempt, failure, find
from opbench.processes.memory import available_memory

Json = dict[str, Any]


def main(preload: Sequence[str]) -> NoReturn:
    """Serve until standard input ends.

    ``preload`` names modules to import and functions to call before the first fork.
    """
    channel = os.dup(sys.stdout.fileno())
    # What other people's code prints must not be taken for a reply.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _preload(preload)
    ended = _wake_up_on_exit()
    _send(channel, {"ready": time.monotonic()})
    lines = _Lines()
    while True:
        for line in lines.read():
            request = json.loads(line)
            if "call" in request:
                status = _wait(_fork(request, channel), ended, lines)
                _send(channel, {"exit": os.waitstatus_to_exitcode(status)})


def _preload(names: Sequence[str]) -> None:
    for name in names:
        if ":" in name:
            find(name)()
        else:
            import_module(name)
    # Workers collect their own garbage only: going through torch takes a tenth of a second.
    gc.collect()
    gc.freeze()


class _Lines:
    """The lines of standard input; everything here ends with it."""

    def __init__(self) -> None:
        self._buffer = b""

    def read(self) -> list[bytes]:
        """Wait for more, and return the lines that are complete."""
        chunk = os.read(0, 1 << 16)
        if not chunk:
            # Taking everything that torch has loaded apart again takes as long as a count.
            _end_all()
        *lines, self._buffer = (self._buffer + chunk).split(b"\n")
        return lines


class _Worker(NamedTuple):
    """The process of a worker, and the descriptor that further arguments are written to."""

    pid: int
    further: int


def _fork(request: Json, channel: int) -> _Worker:
    reading, writing = os.pipe()
    asked.now()
    worker = os.fork()
    if worker == 0:
        try:
            os.close(writing)
            _work(request, channel, reading)
        finally:
            # Nothing of the server's may run in its copy: no handlers, no second flush.
            os._exit(1)
    os.close(reading)
    return _Worker(worker, writing)


def _work(request: Json, channel: int, further: int) -> None:
    """Reply to each argument, in a process that was forked for it."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if request["limit_memory"]:
        _limit_memory()
    worker = os.getpid()
    _send(channel, {"worker": worker})
    call, streams = find(request["call"]), (sys.stdout, sys.stderr)
    for argument in _arguments(request, further):
        # The argument before may have left other ones.
        os.chdir(request["folder"])
        sys.stdout, sys.stderr = streams
        try:
            reply = attempt(call, argument)
        except KeyboardInterrupt as error:  # raised by the call: Ctrl-C does not reach this process
            reply = failure(error)
        _flush(sys.stdout, *streams)
        if os.getpid() != worker:  # a process that the call forked and that came back
            os._exit(0)
        _send(channel, reply)
    os._exit(0)


def _arguments(request: Json, further: int) -> Iterator[Any]:
    """Yield the arguments of a request, and those of further lines where the worker stays."""
    yield from request["arguments"]
    if request.get("stays"):
        with open(further, "rb") as lines:
            for line in lines:
                asked.now()
                yield from json.loads(line)["arguments"]


def _limit_memory() -> None:
    """Let an allocation beyond the memory that is free now fail in this process, instead of having
    the kernel end it, or another."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    memory = psutil.Process().memory_info()
    limit = getattr(memory, "data", memory.vms) + available_memory()
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def _flush(*streams: Any) -> None:
    for stream in streams:
        with suppress(Exception):  # closed, or replaced by something that is no stream
            stream.flush()


def _wake_up_on_exit() -> int:
    """Return a descriptor that becomes readable when a worker ends."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return reading


def _wait(worker: _Worker, ended: int, lines: _Lines) -> int:
    """Return the worker's exit status; meanwhile pass on what it is asked for."""
    while True:
        readable, _, _ = select.select([0, ended], [], [])
        if ended in readable:
            os.read(ended, 1 << 10)
            done, status = os.waitpid(worker.pid, os.WNOHANG)
            if done:
                os.close(worker.further)
                return status
        if 0 in readable:
            for line in lines.read():
                with suppress(BrokenPipeError):  # it has just ended
                    _write(worker.further, line + b"\n")


def _end_all() -> NoReturn:
    """Kill this process's group: itself, its worker, and what that has started."""
    os.killpg(os.getpgid(0), signal.SIGKILL)
    raise SystemExit


def _send(channel: int, message: Json) -> None:
    # Begun on a new line: a worker may have been killed while it wrote one.
    try:
        _write(channel, b"\n" + json.dumps(message).encode() + b"\n")
    except BrokenPipeError:  # whoever asked has left
        _end_all()


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
