"""Time limits of requests: a driver that hangs, or a network that waits, must not stop a run.

A round takes much as long as the one before it, and a GPU is quick.  In the first round on a CPU
nothing is known: some networks take hours there.
"""

from __future__ import annotations

from collections.abc import Sequence

from opbench.record import USUAL, Cell, Round
from opbench.timing.protocol import Protocol

# A request may take so many times what it usually takes, and these seconds in any case: also where
# nothing is known yet (weights may be downloaded), and where another runtime may compile.
_TIMES = 20
_LEAST_S = 120.0
_UNKNOWN_S = 600.0
_COMPILING_S = 1800.0


def limit_of_round(cell: Cell, protocol: Protocol, rounds: Sequence[Round]) -> float | None:
    """Return the seconds that the next round of ``cell`` may take; None for as many as it takes."""
    if rounds:
        usual = max(rounds[-1].process_s, protocol.limits.seconds)
        return max(_LEAST_S, _TIMES * usual)
    if cell.device == "cpu":
        return None
    least = _UNKNOWN_S if cell.runtime == USUAL["runtime"] else _COMPILING_S
    return max(least, _TIMES * protocol.limits.seconds)


def limit_of_ceilings(device: str) -> float | None:
    """Return the seconds that measuring the ceilings of ``device`` may take."""
    return None if device == "cpu" else _LEAST_S
