"""Workers: where requests are carried out.

``ForkServer`` carries out each in a process of its own, forked from a server that is renewed for
each round: forks of one server share its layout of memory, and rounds ought to differ in what
another run would differ in.  A worker that crashes, or is killed, is a reply like any other.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

from opbench.errors import OpbenchError
from opbench.registry.pool import describe_exit

Json = dict[str, Any]

# The server must find what this process finds, and nothing that happens to lie in its folder.
_START = (
    "import json, sys; sys.path[:], counting = json.loads(sys.argv.pop()); "
    "from opbench.runs.fork_server import main; main(counting=counting)"
)
_PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The reply to a request: ``done``, or ``failed`` with the reason."""

    done: Json | None = None
    failed: str = ""
    out_of_memory: bool = False


class Workers(Protocol):
    """A context manager that carries out requests."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def renew(self) -> None:
        """Start afresh, so that later requests differ from earlier ones as another run would."""
        ...

    def ask(self, request: Mapping[str, Any]) -> Reply:
        """Carry out one request."""
        ...


class ForkServer:
    """One server process; it is killed, with its worker, when the context ends."""

    def __enter__(self) -> Self:
        self._errors = tempfile.TemporaryFile()
        self._start(counting=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()
        self._errors.close()

    def renew(self) -> None:
        """Start a new server."""
        self._stop()
        # After the first round counts are known, with few exceptions.
        self._start(counting=False)

    def ask(self, request: Mapping[str, Any]) -> Reply:
        """Carry out one request in a fresh process."""
        self._errors.seek(0)
        self._errors.truncate()
        reply = self._exchange(request)
        if "exit" in reply:
            return Reply(failed=describe_exit(reply["exit"]) + self._said())
        if reply and "exit" in self._line():
            return to_reply(reply)
        failure = Reply(failed="the server of workers was killed" + self._said())
        self.renew()
        return failure

    def _start(self, *, counting: bool) -> None:
        # Its own session: Ctrl-C is for this process, which knows what to do about it.
        self._server = subprocess.Popen(
            [sys.executable, "-P", "-c", _START, json.dumps([sys.path, counting])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )
        if not self._line():
            self._stop()
            raise RuntimeError(f"the server of workers does not start{self._said()}")

    def _stop(self) -> None:
        for pipe in (self._server.stdin, self._server.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        try:
            self._server.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()

    def _exchange(self, request: Mapping[str, Any]) -> Json:
        """Send a request and return the first line that comes back, {} where none does."""
        assert self._server.stdin is not None
        try:
            self._server.stdin.write(json.dumps(request).encode() + b"\n")
            self._server.stdin.flush()
        except OSError:
            return {}
        return self._line()

    def _line(self) -> Json:
        assert self._server.stdout is not None
        line = self._server.stdout.readline()
        parsed: Json = json.loads(line) if line.endswith(b"\n") else {}
        return parsed

    def _said(self) -> str:
        """Return the last line that the server or a worker wrote to standard error."""
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f": {lines[-1].strip()}" if lines else ""


def to_reply(reply: Mapping[str, Any]) -> Reply:
    """Read a worker's JSON."""
    if "done" in reply:
        return Reply(done=reply["done"])
    return Reply(failed=reply["failed"], out_of_memory=reply["out_of_memory"])


def done(reply: Reply) -> Json:
    """Return what was asked for.  Raises ``OpbenchError`` where it was not done."""
    if reply.done is None:
        raise OpbenchError(reply.failed)
    return reply.done
