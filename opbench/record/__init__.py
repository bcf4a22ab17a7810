"""The values that flow between the rooms: immutable, free of torch, each with one JSON form.

    Totals        the five sums that a count, a lock, a record and a row of the registry share
    Count         exact integers: what one forward pass of a network computes
    Cell          what is timed under which settings
    Round         one cell in one round of a run
    Measurement   the rounds of one cell together
    Artefact      what a cell's runtime executes, and how far its outputs are off
    Record        one measured cell of a run: Cell + Load + Measurement + Artefact
    Failure       a cell that could not be measured, with its reason

The first two are in ``counts``, ``Artefact`` is in ``artefact``, the others are in ``timings``.
Integers are counts, seconds are seconds, bytes are bytes; nothing is rounded or scaled here.
"""

from opbench.record.artefact import DIFFERS, UNKNOWN, Artefact
from opbench.record.counts import (
    EXACT,
    TOTALS,
    Count,
    ModuleCount,
    OperatorCount,
    OperatorSum,
    Totals,
)
from opbench.record.timings import (
    USUAL,
    Attained,
    Ceilings,
    Cell,
    Failure,
    Launches,
    Load,
    Measurement,
    Pass,
    Record,
    Round,
    Stage,
)

__all__ = [
    "DIFFERS",
    "EXACT",
    "TOTALS",
    "UNKNOWN",
    "USUAL",
    "Artefact",
    "Attained",
    "Ceilings",
    "Cell",
    "Count",
    "Failure",
    "Launches",
    "Load",
    "Measurement",
    "ModuleCount",
    "OperatorCount",
    "OperatorSum",
    "Pass",
    "Record",
    "Round",
    "Stage",
    "Totals",
]
