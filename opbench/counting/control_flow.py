"""Carry out branches and loops that are operators: ``torch.cond`` and ``while_loop``.

They reach the tracer as one call that holds functions.  Carried out here as Python would, with the
tracer watching, they count what runs: one branch, and as many iterations as the values demand.  The
meta device has no values, so such a network is counted on real tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def cond(predicate: Any, if_true: Any, if_false: Any, operands: Any = ()) -> Any:
    """Run the branch that the predicate chooses."""
    return (if_true if predicate else if_false)(*operands)


def while_loop(go_on: Any, body: Any, carried: Any, additional: Any = ()) -> Any:
    """Repeat ``body`` as long as ``go_on`` is true."""
    while go_on(*carried, *additional):
        carried = body(*carried, *additional)
    return carried


CONTROL_FLOW: dict[str, Callable[..., Any]] = {"cond": cond, "while_loop": while_loop}
