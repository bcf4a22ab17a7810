"""Modules that the article sets side by side, each as small as the comparison allows.

Reference:
    E. Culurciello.  "Neural Network Architectures."  2016-2017.  The works that each module comes
    from are named in its entry.

Multiply-accumulates at one position, weights only; every other column follows from these rows:

    bottleneck_256_64          reduce 1x1 256->64         16,384
                               conv3x3     64->64         36,864
                               expand 1x1  64->256        16,384    69,632
    conv3x3_256                3x3 256->256                        589,824
    conv5x5_64                 5x5 64->64                          102,400
    two_conv3x3_64             2 of 3x3 64->64                      73,728
    conv7x7_64                 7x7 64->64                          200,704
    three_conv3x3_64           3 of 3x3 64->64                     110,592
    conv1x7_7x1_64             1x7, 7x1 64->64                      57,344
    inception_3a               GoogLeNet, 192->256                 163,328    x 28^2 = 128,049,152
    inception_3a_naive         no 1x1 before 3x3, 5x5              387,072    x 28^2 = 303,464,448
    grid_conv_then_pool        3x3 320->640 on 35^2, pool        1,843,200    x 35^2
    grid_pool_then_conv        pool, 3x3 320->640 on 17^2        1,843,200    x 17^2
    grid_parallel              3x3/2 320->320 beside pool          921,600    x 17^2
    fire_96_16_128             SqueezeNet's fire2                   11,776
    conv3x3_96_128             3x3 96->128                         110,592
    separable3x3_256           depthwise 2,304, 1x1 65,536          67,840
    residual_basic_64          2 of 3x3 64->64, shortcut            73,728
    residual_bottleneck_256    bottleneck_256_64, shortcut          69,632

Departures:
    * No biases and no batch norm, so that parameters are the weights of the arithmetic; ReLU
      follows each convolution but those that an addition follows, where it follows the addition.
    * Modules with a shape of C x 1 x 1 are padded: what they cost is the cost of one position.
    * In the grid reductions one 3x3 convolution stands for the inception modules of the paper.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from opbench.spec import ArchitectureSpec, Claim, Paper


def _conv(
    in_channels: int,
    out_channels: int,
    kernel: int | tuple[int, int],
    *,
    stride: int = 1,
    groups: int = 1,
    padding: int | tuple[int, int] | None = None,
) -> nn.Conv2d:
    """A convolution without bias, padded to keep the map's size unless told otherwise."""
    if padding is None:
        padding = kernel // 2 if isinstance(kernel, int) else (kernel[0] // 2, kernel[1] // 2)
    return nn.Conv2d(
        in_channels, out_channels, kernel, stride=stride, padding=padding, groups=groups, bias=False
    )


def _stack(channels: tuple[int, ...], *kernels: int | tuple[int, int]) -> nn.Sequential:
    """Convolutions one after the other, numbered from 1, ReLU after each."""
    stack = nn.Sequential()
    layers = zip(pairwise(channels), kernels, strict=True)
    for number, ((in_channels, out_channels), kernel) in enumerate(layers, start=1):
        stack.add_module(f"conv{number}", _conv(in_channels, out_channels, kernel))
        stack.add_module(f"relu{number}", nn.ReLU(inplace=True))
    return stack


def _grid_conv_then_pool(channels: int) -> nn.Sequential:
    """All new channels on the large map, which is then thrown away: the dear order."""
    stack = _stack((channels, 2 * channels), 3)
    stack.add_module("pool", nn.MaxPool2d(3, stride=2))
    return stack


def _grid_pool_then_conv(channels: int) -> nn.Sequential:
    """Pool first: cheap, but the small map with few channels is a bottleneck of information."""
    stack = nn.Sequential()
    stack.add_module("pool", nn.MaxPool2d(3, stride=2))
    return stack.extend(_stack((channels, 2 * channels), 3))


class Bottleneck(nn.Module):
    """Fewer features for the 3x3 convolution to work on, and as many as before at the end.

    With a ``shortcut`` it is Figure 5, right, of ResNet's paper.
    """

    def __init__(self, channels: int, reduced: int, *, shortcut: bool = False) -> None:
        super().__init__()
        self.reduce = _conv(channels, reduced, 1)
        self.conv3x3 = _conv(reduced, reduced, 3)
        self.expand = _conv(reduced, channels, 1)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.reduce(x))  # N x reduced x H x W
        y = F.relu(self.conv3x3(y))
        y = self.expand(y)  # N x channels x H x W
        return F.relu(x + y if self.shortcut else y)


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
        return torch.cat([F.relu(self.conv3x3(x)), self.pool(x)], dim=1)  # N x 2C x H/2 x W/2


class Fire(nn.Module):
    """SqueezeNet's module: few 1x1 convolutions feed as many 1x1 as 3x3 ones."""

    def __init__(self, in_channels: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = _conv(in_channels, squeeze, 1)
        self.expand1x1 = _conv(squeeze, expand, 1)
        self.expand3x3 = _conv(squeeze, expand, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.squeeze(x))  # N x squeeze x H x W
        branches = [self.expand1x1(x), self.expand3x3(x)]
        return F.relu(torch.cat(branches, dim=1))  # N x 2 expand x H x W


class Separable(nn.Module):
    """Space first, one filter a channel; then channels, by a 1x1 convolution; no ReLU between."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = _conv(channels, channels, 3, groups=channels)
        self.pointwise = _conv(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.pointwise(self.depthwise(x)))  # N x channels x H x W


class ResidualBasic(nn.Module):
    """Figure 5, left, of ResNet's paper: two 3x3 convolutions and an identity shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = _conv(channels, channels, 3)
        self.conv2 = _conv(channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.conv2(F.relu(self.conv1(x))))  # N x channels x H x W


def _paper(authors: str, title: str, venue: str, year: int, url: str) -> Paper:
    return Paper(authors=authors, title=title, venue=venue, year=year, url=url)


_ARTICLE = _paper(
    "E. Culurciello",
    "Neural Network Architectures",
    "article",
    2016,
    "https://culurciello.github.io/tech/2016/06/04/nets.html",
)
_VGG = _paper(
    "K. Simonyan, A. Zisserman",
    "Very Deep Convolutional Networks for Large-Scale Image Recognition",
    "ICLR 2015",
    2014,
    "https://arxiv.org/abs/1409.1556",
)
_GOOGLENET = _paper(
    "C. Szegedy et al.",
    "Going Deeper with Convolutions",
    "CVPR 2015",
    2014,
    "https://arxiv.org/abs/1409.4842",
)
_INCEPTION_V3 = _paper(
    "C. Szegedy et al.",
    "Rethinking the Inception Architecture for Computer Vision",
    "CVPR 2016",
    2015,
    "https://arxiv.org/abs/1512.00567",
)
_SQUEEZENET = _paper(
    "F. N. Iandola et al.",
    "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size",
    "arXiv:1602.07360",
    2016,
    "https://arxiv.org/abs/1602.07360",
)
_XCEPTION = _paper(
    "F. Chollet",
    "Xception: Deep Learning with Depthwise Separable Convolutions",
    "CVPR 2017",
    2016,
    "https://arxiv.org/abs/1610.02357",
)
_RESNET = _paper(
    "K. He et al.",
    "Deep Residual Learning for Image Recognition",
    "CVPR 2016",
    2015,
    "https://arxiv.org/abs/1512.03385",
)


def _spec(
    name: str,
    paper: Paper,
    build: Callable[[], nn.Module],
    input_size: tuple[int, ...],
    note: str,
    *claims: Claim,
) -> ArchitectureSpec:
    return ArchitectureSpec(
        name=name,
        label=name.replace("_", " "),
        family="modules",
        year=paper.year,
        paper=paper,
        build=build,
        input_size=input_size,
        dataset="none",
        claims=claims,
        note=note,
    )


def _claim(
    quantity: Literal["params", "macs"], value: float, within: float, place: str, why: str = ""
) -> Claim:
    """``value`` give or take ``within``; ``why`` where the count does not meet it."""
    return Claim(
        quantity=quantity, value=value, tolerance=within / value, place=place, disagreement=why
    )


ARCHITECTURES = (
    _spec(
        "conv3x3_256",
        _ARTICLE,
        partial(_stack, (256, 256), 3),
        (256, 1, 1),
        "Against bottleneck_256_64 and separable3x3_256, which do its work for less.",
        _claim("macs", 589e3, 1e3, "article, bottleneck layer: '589,000s', cut off, not rounded"),
    ),
    _spec(
        "bottleneck_256_64",
        _ARTICLE,
        partial(Bottleneck, 256, 64),
        (256, 1, 1),
        "Against conv3x3_256, the 3x3 convolution on all 256 features: 8.5 times the operations.",
        _claim("macs", 70e3, 500, "article, bottleneck layer: 'about 70,000'"),
    ),
    _spec(
        "conv5x5_64",
        _VGG,
        partial(_stack, (64, 64), 5),
        (64, 1, 1),
        "Against two_conv3x3_64, which sees as much.",
    ),
    _spec(
        "two_conv3x3_64",
        _VGG,
        partial(_stack, (64, 64, 64), 3, 3),
        (64, 1, 1),
        "Against conv5x5_64: the same 5x5 view for 18/25 of the operations.",
    ),
    _spec(
        "conv7x7_64",
        _VGG,
        partial(_stack, (64, 64), 7),
        (64, 1, 1),
        "Against three_conv3x3_64 and conv1x7_7x1_64, which see as much.",
        _claim("params", 49 * 64**2, 0, "Section 2.3: 49 C^2 weights"),
    ),
    _spec(
        "three_conv3x3_64",
        _VGG,
        partial(_stack, (64, 64, 64, 64), 3, 3, 3),
        (64, 1, 1),
        "Against conv7x7_64: the same 7x7 view for 27/49 of the operations.",
        _claim("params", 27 * 64**2, 0, "Section 2.3: 27 C^2 weights"),
    ),
    _spec(
        "conv1x7_7x1_64",
        _INCEPTION_V3,
        partial(_stack, (64, 64, 64), (1, 7), (7, 1)),
        (64, 1, 1),
        "Against conv7x7_64: the same 7x7 view for 14/49 of the operations.",
    ),
    _spec(
        "inception_3a",
        _GOOGLENET,
        Inception3a,
        (192, 28, 28),
        "Against inception_3a_naive, the same branches without 1x1 reductions.",
        _claim("macs", 128e6, 0.5e6, "Table 1, row inception (3a)"),
        _claim(
            "params",
            159e3,
            0.5e3,
            "Table 1, row inception (3a)",
            "163,328 weights by the widths of the same row, which are 159.5 times 1,024",
        ),
    ),
    _spec(
        "inception_3a_naive",
        _GOOGLENET,
        Inception3aNaive,
        (192, 28, 28),
        "Against inception_3a: 2.4 times the operations, and 416 channels to go on with, not 256.",
    ),
    _spec(
        "grid_conv_then_pool",
        _INCEPTION_V3,
        partial(_grid_conv_then_pool, 320),
        (320, 35, 35),
        "Against grid_parallel and grid_pool_then_conv: the dear way from 35x35x320 to 17x17x640.",
    ),
    _spec(
        "grid_pool_then_conv",
        _INCEPTION_V3,
        partial(_grid_pool_then_conv, 320),
        (320, 35, 35),
        "Against grid_parallel and grid_conv_then_pool: cheap, but information is lost first.",
    ),
    _spec(
        "grid_parallel",
        _INCEPTION_V3,
        partial(GridParallel, 320),
        (320, 35, 35),
        "Against grid_conv_then_pool and grid_pool_then_conv: the cheapest, and nothing is lost "
        "before the convolution.",
    ),
    _spec(
        "fire_96_16_128",
        _SQUEEZENET,
        partial(Fire, 96, 16, 64),
        (96, 1, 1),
        "Against conv3x3_96_128, a plain convolution of the same width.",
        _claim(
            "params",
            11_920,
            0,
            "Table 1, row fire2",
            "11,776 weights; the paper adds 144 biases, which modules here leave out",
        ),
    ),
    _spec(
        "conv3x3_96_128",
        _SQUEEZENET,
        partial(_stack, (96, 128), 3),
        (96, 1, 1),
        "Against fire_96_16_128, which does its work for a ninth of the operations.",
    ),
    _spec(
        "separable3x3_256",
        _XCEPTION,
        partial(Separable, 256),
        (256, 1, 1),
        "Against conv3x3_256, which mixes space and channels at once.",
    ),
    _spec(
        "residual_basic_64",
        _RESNET,
        partial(ResidualBasic, 64),
        (64, 1, 1),
        "Against residual_bottleneck_256, which has four times the channels for as much work.",
    ),
    _spec(
        "residual_bottleneck_256",
        _RESNET,
        partial(Bottleneck, 256, 64, shortcut=True),
        (256, 1, 1),
        "Against residual_basic_64, which has a quarter of the channels for as much work.",
    ),
)
