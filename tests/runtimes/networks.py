"""Small networks for runtimes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Small(nn.Module):
    """A convolution, a pooling and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        """Return five numbers for each image."""
        pooled: Tensor = F.relu(self.conv(x)).mean((2, 3))
        return self.head(pooled)


class Branching(nn.Module):
    """Which branch runs depends on the values: no exporter can follow."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Return the larger part."""
        y: Tensor = self.conv(x)
        return y if float(y.sum()) > 0 else -y


class TwoInputs(nn.Module):
    """Two inputs, one by name, and two outputs in a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(10, 4)

    def forward(self, x: Tensor, *, words: Tensor) -> dict[str, Tensor]:
        """Return both."""
        known = self.table(words)
        return {"sum": x + known, "product": x * known}


def small() -> nn.Module:
    """A network without example inputs."""
    torch.manual_seed(0)
    return Small()


def branching() -> nn.Module:
    """A network that no exporter can follow."""
    return Branching()


def two_inputs() -> tuple[nn.Module, tuple[Tensor, ...], dict[str, Tensor]]:
    """A network with its arguments."""
    torch.manual_seed(0)
    return TwoInputs(), (torch.randn(2, 3, 4),), {"words": torch.tensor([[1, 2, 3], [4, 5, 6]])}


def random_weights() -> nn.Module:
    """A network whose weights are others each time, whatever the seed."""
    network = Small()
    with torch.no_grad():
        network.head.bias.fill_(float(torch.randn(1, generator=_OWN)))
    return network


_OWN = torch.Generator()
_OWN.seed()
