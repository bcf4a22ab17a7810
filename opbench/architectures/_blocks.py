"""Blocks that at least three papers define identically.

Anything fewer papers share is repeated in each of their files, so that a file reads on its own.

    Concat          branches side by side: GoogLeNet and every later Inception
    conv_bn_relu    convolution, batch normalisation, ReLU: Inception v2, v3 and v4
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Concat(nn.Module):
    """Named branches that read the same input; their outputs are stacked along the channels."""

    def __init__(self, **branches: nn.Module) -> None:
        super().__init__()
        for name, branch in branches.items():
            self.add_module(name, branch)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.children()], dim=1)


def conv_bn_relu(
    in_channels: int,
    out_channels: int,
    kernel: int | tuple[int, int],
    *,
    stride: int = 1,
    valid: bool = False,
) -> nn.Sequential:
    """A convolution without bias, batch normalisation and ReLU.

    ``kernel`` is odd, in pixels, as (height, width) when it is not square.  The border is padded
    so that stride 1 keeps the size, or not at all when ``valid``.  The normalisation's epsilon is
    the 0.001 of the Inception releases; no paper prints it.
    """
    height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
    padding = (0, 0) if valid else (height // 2, width // 2)
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, (height, width), stride, padding, bias=False),
        nn.BatchNorm2d(out_channels, eps=0.001),
        nn.ReLU(inplace=True),
    )
