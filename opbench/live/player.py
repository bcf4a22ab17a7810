"""The asking end of one side: a fork server, and the process that it forked for this pair."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

import psutil

from opbench.errors import BadValueError, OpbenchError
from opbench.processes.calls import FORKS, describe_exit
from opbench.processes.connection import Server
from opbench.record import Artefact

Json = dict[str, Any]

_SERVE = "opbench.live.side:serve"
_PRELOAD = ("opbench.live.side", "opbench.registry.entries:specs")
_POLL_MS = 1000
# Seconds that a side may take to end after SIGKILL.
_GRACE_S = 10.0
# A thread of libgomp that waits for another keeps its core busy for a third of a million turns of a
# loop.  Where the machine has given that core's neighbour to another program, this is what makes a
# pass of 30 ms take a second.  A thousand turns, some 50 us, still bridge the gap between layers.
# On an idle machine that costs a tiny network more than it gains: there it stays as it is.
_SLEEPING = {"GOMP_SPINCOUNT": "1000"}
_BUSY_PERCENT = 25.0


@cache
def _environment() -> dict[str, str]:
    """Look once, before anything is started here, whether other programs use the cores."""
    return _SLEEPING if psutil.cpu_percent(interval=0.3) > _BUSY_PERCENT else {}


class SideError(OpbenchError):
    """A side that cannot be built or run, with the reason."""


def require_forks() -> None:
    """Raise ``BadValueError`` where this machine has no forks."""
    if not FORKS:
        raise BadValueError("comparing targets needs processes that fork: use Linux or macOS")


class Ready(NamedTuple):
    """A side that has been built, and the seconds of its first call.

    ``start_up_s``: from the start of its process to the first call; ``memory_bytes``: as in
    ``PairLine``; ``artefact``: of the first pair alone.
    """

    first_call_s: float
    start_up_s: float | None = None
    memory_bytes: int | None = None
    artefact: Artefact | None = None


class TimedBlock(NamedTuple):
    """The samples of one block, in seconds per call, and the calls of each.

    ``processor_s`` are those of the calling thread, per call; ``ran_s`` and ``waited_s`` the
    seconds that all ran, and that they waited for a core (NaN where that is not known).
    """

    samples_s: tuple[float, ...]
    calls: int
    processor_s: float
    ran_s: float
    waited_s: float


class Player(Protocol):
    """Plays one side after another, each in a fresh process.

    ``variables`` of the environment, beside ours, which the processes are started with.
    """

    @property
    def variables(self) -> Mapping[str, str]: ...

    def open(self, request: Mapping[str, Any], folder: Path) -> None:
        """Start a side, which gets ready while others do.  Raises ``SideError``."""
        ...

    def ready(self) -> Ready:
        """Wait until it is ready.  Raises ``SideError``."""
        ...

    def block(self, seconds: float) -> TimedBlock:
        """Time a block of about ``seconds``.  Raises ``SideError``."""
        ...

    def close(self) -> None:
        """End the side."""
        ...


class ForkPlayer:
    """A player whose sides are forks of one server, which has torch loaded.

    ``timeout``: seconds that a side may take to start, and to time a block.  ``serve`` is the
    function that each fork runs, ``preload`` what the server imports and calls before.
    """

    def __init__(
        self,
        timeout: float | None = None,
        *,
        serve: str = _SERVE,
        preload: Sequence[str] = _PRELOAD,
    ) -> None:
        self._timeout, self._serve, self._preload = timeout, serve, preload
        self._stream: socket.SocketIO | None = None
        self._worker = self._opened = 0
        self._busy = False
        self._reason = ""

    @property
    def variables(self) -> Mapping[str, str]:
        """Variables of the environment that the server is started with, unless they are set."""
        return {name: text for name, text in _environment().items() if name not in os.environ}

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="opbench-")
        try:
            self._listener = self._listening()
        except BadValueError:
            self._folder.cleanup()
            raise
        self._errors = tempfile.TemporaryFile()
        self._server = Server(self._preload, errors=self._errors, environment=_environment())
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()
        self._hang_up()
        self._listener.close()
        self._errors.close()
        self._folder.cleanup()

    @property
    def _address(self) -> str:
        return f"{self._folder.name}/{self._opened}"

    def _listening(self) -> socket.socket:
        """Listen where no side before can have connected."""
        listener = socket.socket(socket.AF_UNIX)
        try:
            listener.bind(self._address)
        except OSError as error:
            listener.close()
            raise BadValueError(
                f"no socket can be made in {self._folder.name} ({error}): set TMPDIR to a folder "
                "with a short path"
            ) from None
        listener.listen(1)
        return listener

    def open(self, request: Mapping[str, Any], folder: Path) -> None:
        self.close()
        self._errors.seek(0)
        self._errors.truncate()
        self._reason, self._busy = "", True
        self._listener.close()
        self._opened += 1
        self._listener = self._listening()
        self._server.send(
            {
                "call": self._serve,
                "folder": str(folder),
                "limit_memory": request["cell"]["device"] == "cpu",
                "arguments": [{**request, "socket": self._address}],
            }
        )

    def ready(self) -> Ready:
        self._wait(self._listener.fileno())
        connection, _ = self._listener.accept()
        with connection:
            self._stream = connection.makefile("rwb", buffering=0)
        said = self._reply()
        artefact = said.pop("artefact", None)
        return Ready(**said, artefact=Artefact.from_json(artefact) if artefact else None)

    def block(self, seconds: float) -> TimedBlock:
        assert self._stream is not None
        with suppress(BrokenPipeError):  # it died: the reply tells
            self._stream.write(json.dumps({"seconds": seconds}).encode() + b"\n")
        reply = self._reply()
        return TimedBlock(**{**reply, "samples_s": tuple(reply["samples_s"])})

    def close(self) -> None:
        with suppress(SideError):
            if self._busy and self._stream is None:
                self.ready()
            self._hang_up()
            if self._busy:
                self._wait(None)

    def _hang_up(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _reply(self) -> Json:
        assert self._stream is not None
        said = b""
        while not said.endswith(b"\n"):
            self._wait(self._stream.fileno())
            chunk = os.read(self._stream.fileno(), 1 << 16)
            if not chunk:  # it ended: the server says how
                self._wait(None)
            said += chunk
        reply: Json = json.loads(said)
        return reply

    def _wait(self, descriptor: int | None) -> None:
        """Wait until there is something to read; raises ``SideError`` where the side has ended.

        A side that is late is killed, and then its server: one that waits for a driver does not die
        before that answers.
        """
        deadline = None if self._timeout is None else time.monotonic() + self._timeout
        while True:
            poll = select.poll()
            server = self._server.watch(poll)
            if descriptor is not None:
                poll.register(descriptor, select.POLLIN)
            woken = {each for each, _ in poll.poll(_POLL_MS)}
            if descriptor in woken:
                return
            if woken.intersection(server):
                self._listen()
            elif deadline is not None and time.monotonic() > deadline and self._worker:
                if self._reason:
                    self._server.kill()
                self._reason = f"it did not end within {self._timeout:g} s (--timeout)"
                deadline = time.monotonic() + _GRACE_S
                with suppress(ProcessLookupError):
                    os.kill(self._worker, signal.SIGKILL)

    def _listen(self) -> None:
        """Take in what the server and the side's process say on their way out."""
        said = self._server.receive()
        if said is None:
            self._busy, self._worker, words = False, 0, self._server.last_words()
            status = describe_exit(self._server.stop())
            raise SideError(
                self._reason or f"the process that starts others ended: {status}{words}"
            )
        for message in said:
            if "worker" in message:
                self._worker = message["worker"]
            elif "failed" in message:
                self._reason = self._reason or message["failed"]
            elif "exit" in message:
                self._busy, self._worker = False, 0
                raise SideError(self._reason or self._ended(message["exit"]))

    def _ended(self, status: int) -> str:
        return describe_exit(status) + self._server.last_words()
