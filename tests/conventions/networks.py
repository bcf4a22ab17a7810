"""Networks that the tools are asked about: a file of its own, which their processes import."""

from __future__ import annotations

import os

from torch import Tensor, nn

from opbench.counting.meta.disguise import on_meta


def tiny() -> nn.Module:
    """3x6x6 -> 4x4x4 by 3x3 with bias -> 4x2x2 -> 5 with bias."""
    features = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2))
    return nn.Sequential(features, nn.Flatten(), nn.Linear(16, 5))


class Loud(nn.Module):
    """Prints; thop does not know a softmax without dim, nor ptflops a call by keyword."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.softmax = nn.Linear(4, 4), nn.Softmax()

    def forward(self, x: Tensor) -> Tensor:
        print("running")  # noqa: T201
        y: Tensor = self.softmax(self.linear(input=x))
        return y


class Dies(nn.Module):
    """Takes its process with it where its input has values."""

    def forward(self, x: Tensor) -> Tensor:
        return x if on_meta(x) else os._exit(3)
