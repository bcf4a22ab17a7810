"""A fork server: a process with torch and the registry loaded that forks a worker per request.

Importing torch takes longer than timing a network; a fork of a process that has imported it takes
20 ms.  The server itself never computes anything: it has no threads and no CUDA context that a
fork would break, and what a worker allocates, caches or crashes goes with it.

Requests and replies are lines of JSON on standard input and output.  To each request there is the
worker's reply, if it lived to give one, and then a line with its exit status.  When standard input
ends, because the run is over or was killed, the worker is killed and the server goes.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import select
import signal
import sys
from collections.abc import Iterator
from typing import Any

import psutil

from opbench.counting import count
from opbench.registry import entries
from opbench.runs.worker import handle
from opbench.timing.memory import available_memory

Json = dict[str, Any]


def main(*, counting: bool) -> None:
    """Serve until standard input ends.  ``counting``: some requests will want counts."""
    channel = os.dup(sys.stdout.fileno())
    # What a network prints must not be taken for a reply.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _preload(counting)
    ended = _wake_up_on_exit()
    _reply(channel, {"ready": os.getpid()})
    for request in _requests():
        worker = _fork(request, channel)
        status = _wait(worker, ended)
        _reply(channel, {"exit": os.waitstatus_to_exitcode(status)})
    # Taking everything that torch has loaded apart again takes as long as a round.
    os._exit(0)


def _preload(counting: bool) -> None:
    """Import everything that a worker imports; counting imports more when it is first used."""
    smallest = entries.get("lenet5")
    if counting:
        count(smallest.build(), smallest.input_size)
    # Workers collect their own garbage only: going through torch takes a tenth of a second.
    gc.collect()
    gc.freeze()


def _requests() -> Iterator[Json]:
    buffer = b""
    while chunk := os.read(0, 1 << 16):
        buffer += chunk
        while b"\n" in buffer:
            line, buffer = buffer.split(b"\n", 1)
            yield json.loads(line)


def _fork(request: Json, channel: int) -> int:
    worker = os.fork()
    if worker == 0:
        try:
            _work(request, channel)
        finally:
            # Nothing of the server's may run in its copy: no handlers, no second flush.
            os._exit(1)
    return worker


def _work(request: Json, channel: int) -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.close(0)
    if request.get("cell", {}).get("device") == "cpu":
        _limit_memory()
    _reply(channel, handle(request))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _limit_memory() -> None:
    """Let an allocation beyond the memory that is free now fail in the worker, instead of having
    the kernel end it, or another."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    memory = psutil.Process().memory_info()
    limit = getattr(memory, "data", memory.vms) + available_memory()
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def _wake_up_on_exit() -> int:
    """Return a descriptor that becomes readable when a worker ends."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return reading


def _wait(worker: int, ended: int) -> int:
    """Return the worker's exit status; kill it, and exit, when standard input ends before."""
    while True:
        readable, _, _ = select.select([0, ended], [], [])
        if ended in readable:
            os.read(ended, 1 << 10)
            done, status = os.waitpid(worker, os.WNOHANG)
            if done:
                return status
        if 0 in readable and not os.read(0, 1):
            os.kill(worker, signal.SIGKILL)
            os.waitpid(worker, 0)
            os._exit(0)


def _reply(channel: int, reply: Json) -> None:
    data = json.dumps(reply).encode() + b"\n"
    while data:
        data = data[os.write(channel, data) :]
