"""Networks that behave badly on a GPU, as targets of the command line."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Asking(nn.Module):
    """Ask the GPU for a number in the middle of a forward pass, so that the host has to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(8, 8, 3, padding=1) for _ in range(20))

    def forward(self, images: Tensor) -> Tensor:
        for place, layer in enumerate(self.layers):
            images = torch.relu(layer(images))
            if place == 4 and images.sum().item() > 1e30:
                images = images / 2
        return images


def asking() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """Bring a network that synchronises, and its images."""
    return Asking().eval(), (torch.randn(1, 8, 32, 32),)
