"""Call a function by its name, and make a reply of whatever comes of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from typing import Any

from opbench.errors import OpbenchError, describe


def find(name: str) -> Callable[..., Any]:
    """Return the function called "package.module:function"."""
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found


def attempt(call: Callable[[Any], Any], argument: Any) -> dict[str, Any]:
    """Return the reply of ``call``, which may raise anything; an interrupt is the user's."""
    try:
        reply = {"done": call(argument)}
        json.dumps(reply)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  an exit, too, is the call's own
        return failure(error)
    return reply


def failure(error: BaseException) -> dict[str, Any]:
    """Return the reply of a call that raised ``error``."""
    return {"failed": describe(error), "mendable": isinstance(error, OpbenchError)}
