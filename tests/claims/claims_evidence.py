"""Evidence made by hand, so that every verdict can be had and its reason is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opbench.accuracy import load_chart2016
from opbench.claims import Evidence
from opbench.claims.experiments import Experiment
from opbench.table.cells import Conditions, TimedCell
from tests.builders import accuracies, network_row, record

GPU = Conditions(machine="a card", device="cuda:0", dtype="float32")

_ZEROS = dict.fromkeys(("params", "macs", "activations", "linear_params", "linear_macs"), 0)


def cell(
    name: str, batch_size: int, seconds: float, conditions: Conditions = GPU, **more: Any
) -> TimedCell:
    """A timed cell; ``more`` are fields of its record."""
    made = record(name, seconds, batch_size=batch_size, device=conditions.device, **more)
    return TimedCell(run="run", conditions=conditions, record=made)


def evidence(
    facts: Mapping[str, Mapping[str, int | str]],
    top1: Mapping[str, float] | None = None,
    cells: tuple[TimedCell, ...] = (),
    experiments: Mapping[str, Experiment] | None = None,
) -> Evidence:
    """Evidence of networks that have no counts but those in ``facts``."""
    return Evidence(
        facts={name: network_row(name, **{**_ZEROS, **counts}) for name, counts in facts.items()},
        accuracies=accuracies(top1 or {}),
        chart=load_chart2016(),
        cells=cells,
        experiments=experiments or {},
    )
