"""Look targets up as they were in a commit: the worker's requests, with modules from its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from opbench.errors import BadFileError, GoneTargetError, OpbenchError
from opbench.live.paths import redirect
from opbench.registry.targets import resolve
from opbench.runs import worker
from opbench.runs.pool import Reply, Workers

Json = dict[str, Any]


def handle(request: Mapping[str, Any]) -> Json:
    """Return the reply to a request of a run, or to {"job": "is_gone", "name": ...}."""
    redirect(request.get("moved", ()))
    if request["job"] == "is_gone":
        return {"done": {"is_gone": _is_gone(request["name"])}}
    return worker.handle(request)


def _is_gone(name: str) -> bool:
    """Return whether there is no such file, module or attribute."""
    try:
        (target,) = resolve([name])
    except BadFileError:
        return True
    try:
        target.build()
    except GoneTargetError:
        return True
    except OpbenchError:
        pass
    return False


@dataclass(frozen=True, slots=True)
class MovedWorkers:
    """Workers whose requests say from where to where modules moved."""

    workers: Workers
    moved: tuple[str, ...]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @property
    def start_s(self) -> float:
        """Seconds that starting afresh took last."""
        return self.workers.start_s

    def renew(self) -> None:
        """Start afresh."""
        self.workers.renew()

    def ask(self, request: Mapping[str, Any]) -> Reply:
        """Carry out one request with modules from where they moved."""
        return self.workers.ask({**request, "moved": self.moved})
