"""Networks that work 2 and 5 % longer than another, as targets of a live comparison."""

from __future__ import annotations

import torch
from torch import Tensor, nn

LAYERS = 100
_WIDTH = 1024

Target = tuple[nn.Module, tuple[Tensor, ...]]


def _of(layers: int) -> Target:
    one = nn.Linear(_WIDTH, _WIDTH)
    # The same layer again and again: the work grows, and no memory with it.
    return nn.Sequential(*[one] * layers).eval(), (torch.randn(_WIDTH, _WIDTH),)


def base() -> Target:
    """Return a hundred products of one size."""
    return _of(LAYERS)


def two_percent_longer() -> Target:
    """Return 2 % more of them."""
    return _of(LAYERS * 102 // 100)


def five_percent_longer() -> Target:
    """Return 5 % more of them."""
    return _of(LAYERS * 105 // 100)
