"""Inception modules beside what they replaced: with and without 1x1 reductions, and pooling.

References:
    C. Szegedy et al.  "Going Deeper with Convolutions."  CVPR 2015.  arXiv:1409.4842, Figure 2
    and Table 1, row inception (3a).
    C. Szegedy et al.  "Rethinking the Inception Architecture for Computer Vision."  CVPR 2016.
    arXiv:1512.00567, Section 5, Figures 9 and 10.

What each costs; weights only:

                           layers                            weights   positions          MACs
    inception_3a           GoogLeNet's, 192->256             163,328   28 x 28     128,049,152
    inception_3a_naive     no 1x1 before 3x3, 5x5, pool      387,072   28 x 28     303,464,448
    grid_conv_then_pool    3x3 320->640, pool              1,843,200   35 x 35   2,257,920,000
    grid_pool_then_conv    pool, 3x3 320->640              1,843,200   17 x 17     532,684,800
    grid_parallel          3x3 / 2 320->320 beside pool      921,600   17 x 17     266,342,400

Departures:
    * No biases and no batch norm, so that parameters are the weights of the arithmetic.
    * In the grid reductions one 3x3 convolution, padded where its stride is 1, stands for the
      inception modules of the paper.  Pooling is 3x3 / 2.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from opbench.spec import ArchitectureSpec, Paper, StatedValue


def _conv(
    in_channels: int, out_channels: int, kernel: int, *, stride: int = 1, padding: int | None = None
) -> nn.Conv2d:
    """A convolution without bias, padded to keep the map's size unless told otherwise."""
    padding = kernel // 2 if padding is None else padding
    return nn.Conv2d(in_channels, out_channels, kernel, stride=stride, padding=padding, bias=False)


class Inception3a(nn.Module):
    """GoogLeNet's module 3a: 1x1 convolutions in front of 3x3 and 5x5 and behind the pool."""

    def __init__(self) -> None:
        super().__init__()
        self.branch1x1 = _conv(192, 64, 1)
        self.reduce3x3 = _conv(192, 96, 1)
        self.branch3x3 = _conv(96, 128, 3)
        self.reduce5x5 = _conv(192, 16, 1)
        self.branch5x5 = _conv(16, 32, 5)
        self.pool = nn.MaxPool2d(3, stride=1, padding=1)
        self.project = _conv(192, 32, 1)

    def forward(self, x: Tensor) -> Tensor:
        branches = (
            self.branch1x1(x),
            self.branch3x3(F.relu(self.reduce3x3(x))),
            self.branch5x5(F.relu(self.reduce5x5(x))),
            self.project(self.pool(x)),
        )
        return F.relu(torch.cat(branches, dim=1))  # N x 256 x H x W


class Inception3aNaive(nn.Module):
    """Figure 2(a) of GoogLeNet's paper with the widths of 3a: no 1x1 reductions at all."""

    def __init__(self) -> None:
        super().__init__()
        self.branch1x1 = _conv(192, 64, 1)
        self.branch3x3 = _conv(192, 128, 3)
        self.branch5x5 = _conv(192, 32, 5)
        self.pool = nn.MaxPool2d(3, stride=1, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        convolved = torch.cat([self.branch1x1(x), self.branch3x3(x), self.branch5x5(x)], dim=1)
        return torch.cat([F.relu(convolved), self.pool(x)], dim=1)  # N x 416 x H x W


class GridParallel(nn.Module):
    """Half of the new channels by a strided convolution, the other half by pooling beside it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv3x3 = _conv(channels, channels, 3, stride=2, padding=0)
        self.pool = nn.MaxPool2d(3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([F.relu(self.conv3x3(x)), self.pool(x)], dim=1)  # N x 640 x 17 x 17


class GridSequential(nn.Module):
    """All new channels by a convolution, before the pooling or after it.

    Before, most of the work is thrown away; after, the map is small while its channels are few.
    """

    def __init__(self, channels: int, *, pool_first: bool) -> None:
        super().__init__()
        self.conv3x3 = _conv(channels, 2 * channels, 3)
        self.pool = nn.MaxPool2d(3, stride=2)
        self.pool_first = pool_first

    def forward(self, x: Tensor) -> Tensor:
        if self.pool_first:
            return F.relu(self.conv3x3(self.pool(x)))  # N x 640 x 17 x 17
        pooled: Tensor = self.pool(F.relu(self.conv3x3(x)))  # N x 640 x 17 x 17
        return pooled


_GOOGLENET = Paper(
    authors="C. Szegedy et al.",
    title="Going Deeper with Convolutions",
    venue="CVPR 2015",
    year=2014,
    url="https://arxiv.org/abs/1409.4842",
)
_INCEPTION_V3 = Paper(
    authors="C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna",
    title="Rethinking the Inception Architecture for Computer Vision",
    venue="CVPR 2016",
    year=2015,
    url="https://arxiv.org/abs/1512.00567",
)

_entry = partial(ArchitectureSpec, family="modules", dataset="none")
_inception = partial(_entry, year=2014, paper=_GOOGLENET, input_size=(192, 28, 28))
_grid = partial(_entry, year=2015, paper=_INCEPTION_V3, input_size=(320, 35, 35))

ARCHITECTURES = (
    _inception(
        name="inception_3a",
        label="Inception 3a",
        build=Inception3a,
        stated=(
            StatedValue(
                quantity="macs",
                value=128e6,
                tolerance=0.5 / 128,
                place="Table 1, row inception (3a)",
            ),
            StatedValue(
                quantity="params",
                value=159e3,
                tolerance=0.5 / 159,
                place="Table 1, row inception (3a)",
                disagreement=(
                    "163,328 weights by the widths of the same row, which are 159.5 times 1,024"
                ),
            ),
        ),
        note="Against inception_3a_naive, the same branches without 1x1 reductions.",
    ),
    _inception(
        name="inception_3a_naive",
        label="Inception 3a, naive",
        build=Inception3aNaive,
        note="Against inception_3a: 2.4 times its operations, and 416 channels to go on with "
        "where that one has 256.",
    ),
    _grid(
        name="grid_parallel",
        label="Grid reduction, parallel",
        build=partial(GridParallel, 320),
        note="Against grid_conv_then_pool and grid_pool_then_conv: fewest operations, and the "
        "convolution still sees the large map.",
    ),
    _grid(
        name="grid_conv_then_pool",
        label="Grid reduction, convolution first",
        build=partial(GridSequential, 320, pool_first=False),
        note="Against grid_parallel: 8.5 times its operations from 35x35x320 to 17x17x640.",
    ),
    _grid(
        name="grid_pool_then_conv",
        label="Grid reduction, pooling first",
        build=partial(GridSequential, 320, pool_first=True),
        note="Against grid_parallel: twice its operations, and pooling discards before the "
        "convolution sees anything.",
    ),
)
