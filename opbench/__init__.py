"""What a neural network's accuracy costs, counted exactly and measured honestly.

    opbench.list_architectures("resnet*")   names, newest facts without torch
    opbench.create("resnet50")              the network, an ``nn.Module``
    opbench.count(module, (3, 224, 224))    a ``Count``: exact integers
    opbench.measure(module, inputs)         a ``Measurement``: raw samples in seconds

Importing this package imports neither torch nor pandas: each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "list_architectures": "opbench.registry.counts_csv",
    "create": "opbench.registry",
    "count": "opbench.counting",
    "measure": "opbench.timing",
    "Count": "opbench.record",
    "Measurement": "opbench.record",
    "OpbenchError": "opbench.errors",
}

__all__ = [*_HOME, "__version__"]

if TYPE_CHECKING:
    from opbench.counting import count as count
    from opbench.errors import OpbenchError as OpbenchError
    from opbench.record import Count as Count
    from opbench.record import Measurement as Measurement
    from opbench.registry import create as create
    from opbench.registry.counts_csv import list_architectures as list_architectures
    from opbench.timing import measure as measure


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'opbench' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
