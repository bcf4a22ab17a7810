"""The interface of a runtime."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

Forward = Callable[..., object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """A way to execute a network.

    ``prepare(module, mode)`` returns what is called with the module's arguments instead of the
    module; ``mode`` is None but for ``compile``, which gets one from ``--compile``.  ``compiles``
    is true when the first call builds something, so that it is no forward pass and its memory is
    not the network's.
    """

    name: str
    prepare: Callable[[nn.Module, Any], Forward]
    compiles: bool
