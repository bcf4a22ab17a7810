"""A network that is a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn


class Runs(nn.Module):
    """A function of the inputs, and of layers after them."""

    def __init__(self, function: Callable[..., Any], *layers: nn.Module) -> None:
        super().__init__()
        self.function = function
        self.layers = nn.ModuleList(layers)

    def forward(self, *inputs: Any) -> Any:
        return self.function(*inputs, *self.layers)
