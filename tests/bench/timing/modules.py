"""Networks whose time is known because they do nothing but take it."""

from __future__ import annotations

import time
from itertools import count

import torch
from torch import Tensor, nn

KNOWN_S = 0.005
SLEPT_S = 0.05
SIZE = 768


class Timed(nn.Module):
    """Takes ``seconds()``; counting, on the meta device, takes none."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = count()

    def forward(self, images: Tensor) -> Tensor:
        if images.device.type != "meta":
            self.take(self.seconds(next(self.calls)))
        return images

    def take(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            pass

    def seconds(self, call: int) -> float:
        return KNOWN_S


class Spinning(Timed):
    """The same time, always."""


class Sleeping(Timed):
    """The same time, asleep."""

    def take(self, seconds: float) -> None:
        time.sleep(SLEPT_S)


class Alternating(Timed):
    """One time and then another, a fifth longer."""

    def seconds(self, call: int) -> float:
        return KNOWN_S * (1.2 if call % 2 else 1.0)


class Slowing(Timed):
    """Half a percent slower with each call."""

    def seconds(self, call: int) -> float:
        return KNOWN_S * (1 + 0.005 * call)


class Product(nn.Module):
    """One matrix product of a known number of operations."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(SIZE, SIZE) - 0.5)

    def forward(self, images: Tensor) -> Tensor:
        return images.view(-1, SIZE) @ self.weight
