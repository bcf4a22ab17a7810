"""Workers: where requests are carried out.

``ForkServer`` carries out each in a process that is forked from a server, which is renewed for
each round: forks of one server share its layout of memory, and rounds ought to differ in what
another run would differ in.

    on a CPU   each request has a process of its own, which is what makes its peak of memory right
    on a GPU   whose context takes seconds to make, the requests of a round share a process: clocks,
               allocator and choice of algorithms differ per round as they would per cell; a file
               of the user's may change settings of PyTorch, so its networks share one of their own

A worker that crashes, or is killed, is a reply like any other.  On a GPU the request that it died
of is tried once more, in a process of its own, and the others go on in a fresh one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

from opbench.errors import OpbenchError
from opbench.processes.calls import CallLimits, Failed, Outcome, Servers, Staying, module_of

Json = dict[str, Any]

_WORKER = "opbench.runs.worker"
# What servers import beside it.  Counting imports much when it is first used; after the first round
# counts are known, with few exceptions.
_FIRST, _LATER = "opbench.registry.targets:warm_up", "opbench.registry.entries:specs"
_OF_ONE_TARGET = {"inputs", "counts", "time"}
_SHARED = {"time", "ceilings", "rehearse"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The reply to a request: ``done``, or ``failed`` with the reason.

    ``named_wrongly``: the request names no network, or too little to run it.
    """

    done: Json | None = None
    failed: str = ""
    out_of_memory: bool = False
    named_wrongly: bool = False


class Handler(Protocol):
    """Anything that carries out requests."""

    def ask(self, request: Mapping[str, Any]) -> Reply:
        """Carry out one request, within its ``limit_s`` if it has one."""
        ...


class Workers(Handler, Protocol):
    """A context manager that carries out requests."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    @property
    def start_s(self) -> float:
        """Seconds that starting afresh took last."""
        ...

    def renew(self) -> None:
        """Start afresh, so that later requests differ from earlier ones as another run would."""
        ...


class ForkServer:
    """One server process; it is killed, with its worker, when the context ends.

    ``timeout``: seconds that a request which runs a target's code may take.  ``worker``: the module
    whose ``handle`` carries out requests.
    """

    def __init__(self, timeout: float | None = None, worker: str = _WORKER) -> None:
        self._timeout, self._worker = timeout, worker

    def __enter__(self) -> Self:
        self._errors = tempfile.TemporaryFile()
        self._start(_FIRST)
        return self

    def __exit__(self, *_: object) -> None:
        self._servers.stop()
        self._errors.close()

    @property
    def start_s(self) -> float:
        """Seconds that starting the server took."""
        return self._servers.first.start_s

    def renew(self) -> None:
        """Start a new server."""
        self._servers.stop()
        self._start(_LATER)

    def _start(self, preload: str) -> None:
        self._servers = Servers([self._worker, preload], errors=self._errors)
        self._servers.start()
        self._staying = Staying(self._servers, f"{self._worker}:handle")
        self._code: str | None = None

    def ask(self, request: Mapping[str, Any]) -> Reply:
        """Carry out one request in a fresh process, or on a GPU in the one of this round."""
        self._errors.seek(0)
        self._errors.truncate()
        if request["job"] in _SHARED and _device(request) != "cpu":
            return self._ask_sharing(request)
        self._staying.end()
        return _reply(self._ask_alone(request))

    def _ask_alone(self, request: Mapping[str, Any]) -> Outcome:
        return self._servers.call(f"{self._worker}:handle", dict(request), self._limits(request))

    def _ask_sharing(self, request: Mapping[str, Any]) -> Reply:
        self._make_room(request)
        used = self._staying.alive
        outcome = self._staying.call(dict(request), self._limits(request))
        if self._is_fit(outcome, request):
            return _reply(outcome)
        self._staying.end()
        if used and not (isinstance(outcome, Failed) and outcome.late):
            # Another may have spoilt it.
            outcome = self._ask_alone(request)
        return _reply(outcome)

    def _make_room(self, request: Mapping[str, Any]) -> None:
        """End the process where it has run other code than this request's."""
        if "cell" not in request:
            return
        code = module_of(request["cell"]["name"])
        if self._staying.alive and self._code not in (None, code):
            self._staying.end()
        self._code = code

    def _is_fit(self, outcome: Outcome, request: Mapping[str, Any]) -> bool:
        """Return whether the process is as good as new: it lives, has memory and a device.

        After an illegal access to a GPU's memory all that a process asks of it fails; after a
        graph that could not be recorded, PyTorch goes on as if it still were.
        """
        reply = _reply(outcome)
        if reply.done is not None:
            return True
        recorded = request.get("cuda", {}).get("graph")
        if recorded or reply.out_of_memory or (isinstance(outcome, Failed) and outcome.died):
            return False
        check = {"job": "rehearse", "device": _device(request)}
        return _reply(self._staying.call(check, self._limits(request))).done is not None

    def _limits(self, request: Mapping[str, Any]) -> CallLimits:
        own_code = request["job"] in _OF_ONE_TARGET
        seconds = self._timeout if own_code and self._timeout else request.get("limit_s")
        # What a GPU's driver reserves is no memory that is used.
        memory = request["job"] == "time" and _device(request) == "cpu"
        return CallLimits(seconds=seconds, memory=memory)


def _device(request: Mapping[str, Any]) -> str:
    """Return the device of a request, "cpu" where it needs none."""
    device: str = request.get("cell", request).get("device", "cpu")
    return device


def _reply(outcome: Outcome) -> Reply:
    return Reply(failed=outcome.reason) if isinstance(outcome, Failed) else to_reply(outcome.result)


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
