"""SqueezeNet: fire modules, AlexNet's accuracy with a fiftieth of its parameters.

Reference:
    F. N. Iandola, S. Han, M. W. Moskewicz, K. Ashraf, W. J. Dally, K. Keutzer.  "SqueezeNet:
    AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size."  2016.
    arXiv:1602.07360, Table 1.  Version 1.1: the authors' repository.

A fire module squeezes its input with s 1x1 convolutions and expands the result with e 1x1 and e
3x3 convolutions side by side.  One image, shapes after each row; ReLU after every convolution:

    squeezenet1_0              3 x 224^2      squeezenet1_1               3 x 224^2
    conv1   7x7 / 2           96 x 109^2      conv1   3x3 / 2            64 x 111^2
    pool    3x3 / 2           96 x  54^2      pool    3x3 / 2            64 x  55^2
    fire2   s 16, e  64      128 x  54^2      fire2   s 16, e  64       128 x  55^2
    fire3   s 16, e  64      128 x  54^2      fire3   s 16, e  64       128 x  55^2
    fire4   s 32, e 128      256 x  54^2      pool    3x3 / 2           128 x  27^2
    pool    3x3 / 2          256 x  27^2      fire4   s 32, e 128       256 x  27^2
    fire5   s 32, e 128      256 x  27^2      fire5   s 32, e 128       256 x  27^2
    fire6   s 48, e 192      384 x  27^2      pool    3x3 / 2           256 x  13^2
    fire7   s 48, e 192      384 x  27^2      fire6   s 48, e 192       384 x  13^2
    fire8   s 64, e 256      512 x  27^2      fire7   s 48, e 192       384 x  13^2
    pool    3x3 / 2          512 x  13^2      fire8   s 64, e 256       512 x  13^2
    fire9   s 64, e 256      512 x  13^2      fire9   s 64, e 256       512 x  13^2
    dropout                                   dropout
    conv10  1x1             1000 x  13^2      conv10  1x1              1000 x  13^2
    average                 1000              average                  1000

Departures:
    * Table 1 prints 224 x 224 in and 111 x 111 out of conv1, which needs 227 x 227 without
      padding (the authors' crop) or padding with 224.  Here the input is 224 and conv1 has no
      padding, as torchvision does; the 227 x 227 that Caffe saw can be counted by its size.
    * conv10 of 1.0 makes a 13 x 13 map as in Table 1; the authors' Caffe file pads this 1x1
      convolution, which only adds a border of its bias to what is averaged.
    * Pooling rounds its output size up, as Caffe does: 54 becomes 27.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor, nn

from opbench.spec import ArchitectureSpec, Paper, StatedValue

# (squeeze, expand) is a fire module; None is a pooling layer.
_Layers = tuple[tuple[int, int] | None, ...]
_V1_0: _Layers = (
    None,
    (16, 64),
    (16, 64),
    (32, 128),
    None,
    (32, 128),
    (48, 192),
    (48, 192),
    (64, 256),
    None,
    (64, 256),
)
_V1_1: _Layers = (
    None,
    (16, 64),
    (16, 64),
    None,
    (32, 128),
    (32, 128),
    None,
    (48, 192),
    (48, 192),
    (64, 256),
    (64, 256),
)


class Fire(nn.Module):
    """``squeeze`` 1x1 convolutions, then ``expand`` 1x1 and ``expand`` 3x3 ones, concatenated."""

    def __init__(self, in_channels: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(in_channels, squeeze, 1)
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.squeeze(x))  # N x squeeze x H x W
        branches = [self.relu(self.expand1x1(x)), self.relu(self.expand3x3(x))]
        return torch.cat(branches, dim=1)  # N x 2 expand x H x W


class SqueezeNet(nn.Module):
    """A convolution, fire modules with pooling between them, and a 1x1 convolution that votes."""

    def __init__(self, stem: nn.Conv2d, layers: _Layers, classes: int = 1000) -> None:
        super().__init__()
        self.stem = nn.Sequential(stem, nn.ReLU(inplace=True))
        self.features = nn.Sequential(*_features(stem.out_channels, layers))
        self.classifier = nn.Sequential(
            nn.Dropout(0.5), nn.Conv2d(512, classes, 1), nn.ReLU(inplace=True)
        )
        self.average = nn.AdaptiveAvgPool2d(1)

    def forward(self, images: Tensor) -> Tensor:
        x = self.features(self.stem(images))  # N x 512 x 13 x 13
        logits: Tensor = self.average(self.classifier(x)).flatten(1)  # N x classes
        return logits


def _features(in_channels: int, layers: _Layers) -> Iterator[nn.Module]:
    for layer in layers:
        if layer is None:
            yield nn.MaxPool2d(3, stride=2, ceil_mode=True)
            continue
        squeeze, expand = layer
        yield Fire(in_channels, squeeze, expand)
        in_channels = 2 * expand


def _squeezenet1_0() -> SqueezeNet:
    return SqueezeNet(nn.Conv2d(3, 96, 7, stride=2), _V1_0)


def _squeezenet1_1() -> SqueezeNet:
    return SqueezeNet(nn.Conv2d(3, 64, 3, stride=2), _V1_1)


_spec = partial(
    ArchitectureSpec,
    family="squeezenet",
    year=2016,
    paper=Paper(
        authors="F. N. Iandola, S. Han, M. W. Moskewicz, K. Ashraf, W. J. Dally, K. Keutzer",
        title=(
            "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size"
        ),
        venue="arXiv:1602.07360",
        year=2016,
        url="https://arxiv.org/abs/1602.07360",
    ),
    input_size=(3, 224, 224),
    dataset="imagenet",
)

ARCHITECTURES = (
    _spec(
        name="squeezenet1_0",
        label="SqueezeNet 1.0",
        build=_squeezenet1_0,
        stated=(
            StatedValue(quantity="params", value=1_248_424, tolerance=0.0, place="Table 1"),
            StatedValue(
                quantity="weight_bytes",
                value=4.8 * 2**20,
                tolerance=0.05 / 4.8,
                place="Table 2: 4.8 MB",
            ),
            StatedValue(
                quantity="flops",
                value=1.72e9,
                tolerance=0.005 / 1.72,
                place="authors' repository, SqueezeNet_v1.1/README.md",
                input_size=(3, 227, 227),
                disagreement=(
                    "832,667,936 multiply-accumulates make 1.67; the authors' Caffe file pads the "
                    "1x1 conv10, whose 15 x 15 map makes 861,339,936 and so 1.72"
                ),
            ),
        ),
    ),
    _spec(
        name="squeezenet1_1",
        label="SqueezeNet 1.1",
        build=_squeezenet1_1,
        stated=(
            StatedValue(
                quantity="flops",
                value=0.72e9,
                tolerance=0.005 / 0.72,
                place="authors' repository, SqueezeNet_v1.1/README.md",
                input_size=(3, 227, 227),
                disagreement=(
                    "387,747,520 multiply-accumulates at 227 x 227 make 0.78, and 349,151,936 at "
                    "224 x 224 make 0.70; the repository does not say how it counted"
                ),
            ),
        ),
        note="Fewer filters in conv1 and earlier pooling than 1.0, at the same accuracy.",
    ),
)
