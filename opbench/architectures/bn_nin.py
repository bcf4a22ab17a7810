"""BN-NIN: Network in Network with batch normalisation, as the 2016 chart shows it.

Reference:
    A. Canziani, A. Paszke, E. Culurciello.  "An Analysis of Deep Neural Network Models for
    Practical Applications."  2016.  arXiv:1605.07678, Figures 1 and 2.  Layers: S. Zagoruyko's
    "ninbn" in Torch's imagenet-multiGPU examples, after Lin, Chen and Yan, arXiv:1312.4400.

One image, shapes after each row; batch norm and ReLU after every convolution:

    input                                             3 x 224 x 224
    block 1  11x11 / 4, padding 5, two 1x1           96 x  56 x  56
    pool 1    3x3  / 2, padding 1                    96 x  28 x  28
    block 2   5x5, padding 2, two 1x1               256 x  28 x  28
    pool 2    3x3  / 2, padding 1                   256 x  14 x  14
    block 3   3x3, padding 1, two 1x1               384 x  14 x  14
    pool 3    3x3  / 2, padding 1                   384 x   7 x   7
    block 4   3x3, padding 1, two 1x1              1024 x   7 x   7
    average                                        1024
    fc                                             1000

Departures:
    * None known.  Against the NiN of the Caffe zoo it pads conv1 and the pools, has no dropout,
      keeps 1024 maps to the end and adds a fully connected layer.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from opbench.spec import ArchitectureSpec, Paper, StatedValue


class BNNiN(nn.Module):
    """Four blocks of one spatial and two 1x1 convolutions of equal width, and one linear layer."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_block(3, 96, 11, stride=4),
            nn.MaxPool2d(3, stride=2, padding=1),
            *_block(96, 256, 5),
            nn.MaxPool2d(3, stride=2, padding=1),
            *_block(256, 384, 3),
            nn.MaxPool2d(3, stride=2, padding=1),
            *_block(384, 1024, 3),
            nn.AdaptiveAvgPool2d(1),
        )
        self.fc = nn.Linear(1024, classes)

    def forward(self, images: Tensor) -> Tensor:
        x = self.features(images)  # N x 1024 x 1 x 1
        logits: Tensor = self.fc(x.flatten(1))  # N x classes
        return logits


def _block(in_channels: int, width: int, kernel: int, *, stride: int = 1) -> Iterator[nn.Module]:
    yield from _conv(in_channels, width, kernel, stride)
    yield from _conv(width, width, 1, 1)
    yield from _conv(width, width, 1, 1)


def _conv(in_channels: int, out_channels: int, kernel: int, stride: int) -> Iterator[nn.Module]:
    yield nn.Conv2d(in_channels, out_channels, kernel, stride=stride, padding=kernel // 2)
    yield nn.BatchNorm2d(out_channels, eps=1e-3)
    yield nn.ReLU(inplace=True)


ARCHITECTURES = (
    ArchitectureSpec(
        name="bn_nin",
        label="BN-NIN",
        family="nin",
        year=2016,
        paper=Paper(
            authors="A. Canziani, A. Paszke, E. Culurciello",
            title="An Analysis of Deep Neural Network Models for Practical Applications",
            venue="arXiv:1605.07678",
            year=2016,
            url="https://arxiv.org/abs/1605.07678",
        ),
        build=BNNiN,
        input_size=(3, 224, 224),
        dataset="imagenet",
        stated=(
            StatedValue(
                quantity="params",
                value=8.64e6,
                tolerance=0.005 / 8.64,
                place="Figure 2, decoded from the vector file",
                disagreement=(
                    "8,644,776 without the 10,560 scales and shifts of batch norm, which the "
                    "chart leaves out here and counts for BN-AlexNet"
                ),
            ),
            StatedValue(
                quantity="flops",
                value=2.52e9,
                tolerance=0.005 / 2.52,
                place="Figure 2, decoded from the vector file",
            ),
        ),
    ),
)
