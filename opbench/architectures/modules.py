"""Modules that the article sets side by side, each as small as the comparison allows.

Reference:
    E. Culurciello.  "Neural Network Architectures."  2016-2017.  The works that each module comes
    from are named in its entry.

Multiply-accumulates at one position, weights only:

    bottleneck_256_64          reduce 1x1 256->64         16,384
                               conv3x3     64->64         36,864
                               expand 1x1  64->256        16,384    69,632
    conv3x3_256                3x3 256->256                        589,824
    conv5x5_64                 5x5 64->64                          102,400
    two_conv3x3_64             2 of 3x3 64->64                      73,728
    conv7x7_64                 7x7 64->64                          200,704
    three_conv3x3_64           3 of 3x3 64->64                     110,592
    conv1x7_7x1_64             1x7, 7x1 64->64                      57,344
    fire_96_16_128             SqueezeNet's fire2                   11,776
    conv3x3_96_128             3x3 96->128                         110,592
    separable3x3_256           depthwise 2,304, 1x1 65,536          67,840
    residual_basic_64          2 of 3x3 64->64, shortcut            73,728
    residual_bottleneck_256    bottleneck_256_64, shortcut          69,632

Departures:
    * No biases and no batch norm, so that parameters are the weights of the arithmetic; ReLU
      follows each convolution but those that an addition follows, where it follows the addition.
    * The input is one position, C x 1 x 1, and the convolutions are padded.  Most of what a 3x3
      kernel meets there is padding; the rule counts the whole kernel, as on any map.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from opbench.spec import ArchitectureSpec, Paper, StatedValue


def _conv(
    in_channels: int, out_channels: int, kernel: int | tuple[int, int], *, groups: int = 1
) -> nn.Conv2d:
    """A convolution without bias, padded to keep the map's size."""
    height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
    return nn.Conv2d(
        in_channels,
        out_channels,
        (height, width),
        padding=(height // 2, width // 2),
        groups=groups,
        bias=False,
    )


def _stack(channels: tuple[int, ...], *kernels: int | tuple[int, int]) -> nn.Sequential:
    """Convolutions one after the other, numbered from 1, ReLU after each."""
    stack = nn.Sequential()
    layers = zip(pairwise(channels), kernels, strict=True)
    for number, ((in_channels, out_channels), kernel) in enumerate(layers, start=1):
        stack.add_module(f"conv{number}", _conv(in_channels, out_channels, kernel))
        stack.add_module(f"relu{number}", nn.ReLU(inplace=True))
    return stack


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
    *stated: StatedValue,
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
        stated=stated,
        note=note,
    )


def _stated(
    quantity: Literal["params", "macs"], value: float, within: float, place: str, why: str = ""
) -> StatedValue:
    """``value`` give or take ``within``; ``why`` where the count does not meet it."""
    return StatedValue(
        quantity=quantity, value=value, tolerance=within / value, place=place, disagreement=why
    )


ARCHITECTURES = (
    _spec(
        "conv3x3_256",
        _ARTICLE,
        partial(_stack, (256, 256), 3),
        (256, 1, 1),
        "Against bottleneck_256_64 and separable3x3_256, which do its work for less.",
        _stated("macs", 589e3, 1e3, "article, bottleneck layer: '589,000s', cut off, not rounded"),
    ),
    _spec(
        "bottleneck_256_64",
        _ARTICLE,
        partial(Bottleneck, 256, 64),
        (256, 1, 1),
        "Against conv3x3_256, the 3x3 convolution on all 256 features: 8.5 times the operations.",
        _stated("macs", 70e3, 500, "article, bottleneck layer: 'about 70,000'"),
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
        _stated("params", 49 * 64**2, 0, "Section 2.3: 49 C^2 weights"),
    ),
    _spec(
        "three_conv3x3_64",
        _VGG,
        partial(_stack, (64, 64, 64, 64), 3, 3, 3),
        (64, 1, 1),
        "Against conv7x7_64: the same 7x7 view for 27/49 of the operations.",
        _stated("params", 27 * 64**2, 0, "Section 2.3: 27 C^2 weights"),
    ),
    _spec(
        "conv1x7_7x1_64",
        _INCEPTION_V3,
        partial(_stack, (64, 64, 64), (1, 7), (7, 1)),
        (64, 1, 1),
        "Against conv7x7_64: the same 7x7 view for 14/49 of the operations.",
    ),
    _spec(
        "fire_96_16_128",
        _SQUEEZENET,
        partial(Fire, 96, 16, 64),
        (96, 1, 1),
        "Against conv3x3_96_128, a plain convolution of the same width.",
        _stated(
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
