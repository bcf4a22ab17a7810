"""Timing of a forward pass or a training step: one round of one cell on one device.

    protocol     when to stop warming up and when to stop sampling; pure arithmetic
    device       the stopwatch of the CPU and of CUDA; ``prepared`` hides launches on CUDA
    sustained    calls back to back: throughput, energy and power
    memory       peak resident memory
    weights      values for a network's parameters, without an initialisation scheme
    training     a training step that can be timed
    stages       from encoded images to the best classes, stage by stage
    measurement  all of it around one module: ``measure``

Importing this package does not import torch; ``measure`` does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ["measure"]

if TYPE_CHECKING:
    from opbench.timing.measurement import measure as measure


def __getattr__(name: str) -> Any:
    if name != "measure":
        raise AttributeError(f"module 'opbench.timing' has no attribute {name!r}")
    return import_module("opbench.timing.measurement").measure
