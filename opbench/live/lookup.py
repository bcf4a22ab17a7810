"""Look targets up as they were in a commit: the worker's requests, with modules from its files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opbench.errors import BadFileError, GoneTargetError, OpbenchError
from opbench.live.paths import redirect
from opbench.registry.targets import resolve
from opbench.runs import worker

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
