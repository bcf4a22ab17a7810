"""Branches and loops that are operators: ``torch.cond`` and ``while_loop``.

They reach the tracer as one call that holds functions.  Carried out here as Python would, with the
tracer watching, they count what runs: one branch, and as many rounds as the values ask for.  On
the meta device there is no value to ask, and the network is counted on real tensors instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def cond(predicate: Any, if_true: Any, if_false: Any, operands: Any = ()) -> Any:
    """The branch that the predicate chooses."""
    return (if_true if predicate else if_false)(*operands)


def while_loop(go_on: Any, body: Any, carried: Any, additional: Any = ()) -> Any:
    """As many rounds as ``go_on`` asks for."""
    while go_on(*carried, *additional):
        carried = body(*carried, *additional)
    return carried


CONTROL_FLOW: dict[str, Callable[..., Any]] = {"cond": cond, "while_loop": while_loop}
