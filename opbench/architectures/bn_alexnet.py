"""BN-AlexNet: the two-tower network with batch normalisation that the 2016 chart shows.

Reference:
    A. Canziani, A. Paszke, E. Culurciello.  "An Analysis of Deep Neural Network Models for
    Practical Applications."  2016.  arXiv:1605.07678, Figures 1 and 2.  The towers are those of
    the AlexNet in Torch's imagenet-multiGPU examples.

One image, shapes of one of the two towers after each row; batch norm and ReLU after every layer
but the last:

    input                           3 x 224 x 224
    conv1   11x11 / 4, padding 2   48 x  55 x  55
    pool1    3x3  / 2              48 x  27 x  27
    conv2    5x5, padding 2       128 x  27 x  27
    pool2    3x3  / 2             128 x  13 x  13
    conv3    3x3, padding 1       192 x  13 x  13
    conv4    3x3, padding 1       192 x  13 x  13
    conv5    3x3, padding 1       128 x  13 x  13
    pool5    3x3  / 2             128 x   6 x   6
    join    both towers           256 x   6 x   6
    fc6     dropout before       4096
    fc7     dropout before       4096
    fc8                          1000

Departures:
    * The chart's definition was not published.  Two towers that meet only in fc6, batch norm
      after conv1 to fc7 and biases kept give the parameters and the operations of its blob; where
      dropout stands and the 1e-3 of batch norm are taken from Torch's one-tower AlexNet with
      batch norm.
    * It is not AlexNet with batch norm added: the 2012 towers meet in conv3 as well.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from opbench.spec import ArchitectureSpec, Paper, StatedValue

_EPS = 1e-3


class BNAlexNet(nn.Module):
    """Two towers of five convolutions, joined by three fully connected layers."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.towers = nn.ModuleList(nn.Sequential(*_tower()) for _ in range(2))
        self.classifier = nn.Sequential(
            *_dense(2 * 128 * 6 * 6, 4096),
            *_dense(4096, 4096),
            nn.Linear(4096, classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        x = torch.cat([tower(images) for tower in self.towers], dim=1)  # N x 256 x 6 x 6
        logits: Tensor = self.classifier(x.flatten(1))  # N x classes
        return logits


def _tower() -> Iterator[nn.Module]:
    yield from _conv(3, 48, 11, stride=4, padding=2)
    yield nn.MaxPool2d(3, stride=2)
    yield from _conv(48, 128, 5, padding=2)
    yield nn.MaxPool2d(3, stride=2)
    yield from _conv(128, 192, 3, padding=1)
    yield from _conv(192, 192, 3, padding=1)
    yield from _conv(192, 128, 3, padding=1)
    yield nn.MaxPool2d(3, stride=2)


def _conv(
    in_channels: int, out_channels: int, kernel: int, *, stride: int = 1, padding: int
) -> Iterator[nn.Module]:
    yield nn.Conv2d(in_channels, out_channels, kernel, stride=stride, padding=padding)
    yield nn.BatchNorm2d(out_channels, eps=_EPS)
    yield nn.ReLU(inplace=True)


def _dense(in_features: int, out_features: int) -> Iterator[nn.Module]:
    yield nn.Dropout(0.5)
    yield nn.Linear(in_features, out_features)
    yield nn.BatchNorm1d(out_features, eps=_EPS)
    yield nn.ReLU(inplace=True)


ARCHITECTURES = (
    ArchitectureSpec(
        name="bn_alexnet",
        label="BN-AlexNet",
        family="alexnet",
        year=2016,
        paper=Paper(
            authors="A. Canziani, A. Paszke, E. Culurciello",
            title="An Analysis of Deep Neural Network Models for Practical Applications",
            venue="arXiv:1605.07678",
            year=2016,
            url="https://arxiv.org/abs/1605.07678",
        ),
        build=BNAlexNet,
        input_size=(3, 224, 224),
        dataset="imagenet",
        stated=(
            StatedValue(
                quantity="params",
                value=60.54e6,
                tolerance=0.005 / 60.54,
                place="Figure 2, decoded from the vector file",
            ),
            StatedValue(
                quantity="flops",
                value=1.30e9,
                tolerance=0.005 / 1.30,
                place="Figure 2, decoded from the vector file",
            ),
        ),
    ),
)
