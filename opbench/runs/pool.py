"""Workers: where requests are carried out.

``ForkServer`` carries out each in a process of its own, forked from a server that is renewed for
each round: forks of one server share its layout of memory, and rounds ought to differ in what
another run would differ in.  A worker that crashes, or is killed, is a reply like any other.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

from opbench.errors import OpbenchError
from opbench.processes.calls import CallLimits, Failed, Servers

Json = dict[str, Any]

_WORKER = "opbench.runs.worker"
_OF_ONE_TARGET = {"inputs", "counts", "time"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The reply to a request: ``done``, or ``failed`` with the reason.

    ``named_wrongly``: the request names no network, or too little to run it.
    """

    done: Json | None = None
    failed: str = ""
    out_of_memory: bool = False
    named_wrongly: bool = False


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
    """One server process; it is killed, with its worker, when the context ends.

    ``timeout``: seconds that a request which runs a target's code may take.
    """

    def __init__(self, timeout: float | None = None) -> None:
        self._timeout = timeout

    def __enter__(self) -> Self:
        self._errors = tempfile.TemporaryFile()
        # Counting imports much when it is first used.
        self._start("opbench.registry.targets:warm_up")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._servers.stop()
        self._errors.close()

    def renew(self) -> None:
        """Start a new server."""
        self._servers.stop()
        # After the first round counts are known, with few exceptions.
        self._start("opbench.registry.entries:specs")

    def _start(self, preload: str) -> None:
        self._servers = Servers([_WORKER, preload], errors=self._errors)
        self._servers.start()

    def ask(self, request: Mapping[str, Any]) -> Reply:
        """Carry out one request in a fresh process."""
        self._errors.seek(0)
        self._errors.truncate()
        # What a GPU's driver reserves is no memory that is used.
        memory = request.get("cell", {}).get("device") == "cpu"
        seconds = self._timeout if request["job"] in _OF_ONE_TARGET else None
        limits = CallLimits(seconds=seconds, memory=memory)
        outcome = self._servers.call(f"{_WORKER}:handle", dict(request), limits)
        if isinstance(outcome, Failed):
            return Reply(failed=outcome.reason)
        return to_reply(outcome.result)


def to_reply(reply: Mapping[str, Any]) -> Reply:
    """Read a worker's JSON."""
    if "done" in reply:
        return Reply(done=reply["done"])
    return Reply(
        failed=reply["failed"],
        out_of_memory=reply["out_of_memory"],
        named_wrongly=reply["named_wrongly"],
    )


def done(reply: Reply) -> Json:
    """Return what was asked for.  Raises ``OpbenchError`` where it was not done."""
    if reply.done is None:
        raise OpbenchError(reply.failed)
    return reply.done
