"""Inception-v3: large convolutions factorised into small and one-dimensional ones.

Reference:
    C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna.  "Rethinking the Inception
    Architecture for Computer Vision."  CVPR 2016.  arXiv:1512.00567, Table 1, Figures 5 to 7
    and 10.

One image, shapes after each row; every convolution is followed by batch normalisation and ReLU:

    stem      3x3 / 2 valid            32 x 149^2
              3x3 valid                32 x 147^2
              3x3                      64 x 147^2
              max 3x3 / 2              64 x  73^2
              1x1                      80 x  73^2
              3x3 valid               192 x  71^2
              max 3x3 / 2             192 x  35^2
    a1 a2 a3  Figure 5                256, 288, 288 x 35^2
    reduce_a  Figure 10               768 x  17^2
    b1 .. b4  Figure 6, n = 7         768 x  17^2
    reduce_b  Figure 10              1280 x   8^2
    c1 c2     Figure 7               2048 x   8^2
    average   8x8                    2048, dropout 0.2, fc 1000

    module    branches
    a         1x1 64 | 1x1 48, 5x5 64 | 1x1 64, 3x3 96, 3x3 96 | average, 1x1 32 or 64
    reduce_a  3x3 384 / 2 | 1x1 64, 3x3 96, 3x3 96 / 2 | max / 2
    b         1x1 192 | 1x1 n, 1x7 n, 7x1 192 | 1x1 n, 7x1 n, 1x7 n, 7x1 n, 1x7 192
              | average, 1x1 192;    n = 128, 160, 160, 192
    reduce_b  1x1 192, 3x3 320 / 2 | 1x1 192, 1x7 192, 7x1 192, 3x3 192 / 2 | max / 2
    c         1x1 320 | 1x1 384, {1x3 384 | 3x1 384} | 1x1 448, 3x3 384, {1x3 384 | 3x1 384}
              | average, 1x1 192

Departures:
    * The auxiliary classifier on the last 17 x 17 map is left out: it only serves training.
    * The paper prints no widths inside its modules; all are those of the authors' release, as
      are the dropout, the normalisation's epsilon and averages that do not count the padding.
    * Where Table 1 and the release differ, this is the release.  After the first pooling it has
      a 1x1 of 80 channels, a 3x3 of 192 and another pooling (Table 1: a 3x3 of 80, one of 192
      with stride 2, one of 288); its modules a keep a 5x5 (Figure 5: two 3x3) and only the last
      two make 288 channels; there are four modules b (Table 1: five).
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from opbench.architectures._blocks import Concat, conv_bn_relu
from opbench.spec import ArchitectureSpec, Paper, StatedValue


class InceptionV3(nn.Module):
    """A stem, three, four and two Inception modules with reductions between, a linear layer."""

    def __init__(self, *, classes: int = 1000) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            conv_bn_relu(3, 32, 3, stride=2, valid=True),  # 32 x 149^2
            conv_bn_relu(32, 32, 3, valid=True),  # 32 x 147^2
            conv_bn_relu(32, 64, 3),  # 64 x 147^2
            nn.MaxPool2d(3, stride=2),  # 64 x 73^2
            conv_bn_relu(64, 80, 1),  # 80 x 73^2
            conv_bn_relu(80, 192, 3, valid=True),  # 192 x 71^2
            nn.MaxPool2d(3, stride=2),  # 192 x 35^2
        )
        self.blocks = nn.Sequential(
            OrderedDict(
                a1=_module_a(192, project=32),  # 256 x 35^2
                a2=_module_a(256, project=64),  # 288 x 35^2
                a3=_module_a(288, project=64),  # 288 x 35^2
                reduce_a=_reduction_a(288),  # 768 x 17^2
                b1=_module_b(768, 128),  # 768 x 17^2
                b2=_module_b(768, 160),
                b3=_module_b(768, 160),
                b4=_module_b(768, 192),
                reduce_b=_reduction_b(768),  # 1280 x 8^2
                c1=_module_c(1280),  # 2048 x 8^2
                c2=_module_c(2048),  # 2048 x 8^2
            )
        )
        self.average = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(2048, classes)

    def forward(self, images: Tensor) -> Tensor:
        x = self.blocks(self.stem(images))  # N x 2048 x 8 x 8
        logits: Tensor = self.fc(self.dropout(self.average(x).flatten(1)))  # N x classes
        return logits


def _module_a(in_channels: int, *, project: int) -> Concat:
    return Concat(
        branch_1x1=conv_bn_relu(in_channels, 64, 1),
        branch_5x5=nn.Sequential(
            conv_bn_relu(in_channels, 48, 1),
            conv_bn_relu(48, 64, 5),
        ),
        branch_double_3x3=nn.Sequential(
            conv_bn_relu(in_channels, 64, 1),
            conv_bn_relu(64, 96, 3),
            conv_bn_relu(96, 96, 3),
        ),
        branch_pool=_pool_then_project(in_channels, project),
    )


def _reduction_a(in_channels: int) -> Concat:
    return Concat(
        branch_3x3=conv_bn_relu(in_channels, 384, 3, stride=2, valid=True),
        branch_double_3x3=nn.Sequential(
            conv_bn_relu(in_channels, 64, 1),
            conv_bn_relu(64, 96, 3),
            conv_bn_relu(96, 96, 3, stride=2, valid=True),
        ),
        branch_pool=nn.MaxPool2d(3, stride=2),
    )


def _module_b(in_channels: int, width: int) -> Concat:
    return Concat(
        branch_1x1=conv_bn_relu(in_channels, 192, 1),
        branch_7x7=nn.Sequential(
            conv_bn_relu(in_channels, width, 1),
            conv_bn_relu(width, width, (1, 7)),
            conv_bn_relu(width, 192, (7, 1)),
        ),
        branch_double_7x7=nn.Sequential(
            conv_bn_relu(in_channels, width, 1),
            conv_bn_relu(width, width, (7, 1)),
            conv_bn_relu(width, width, (1, 7)),
            conv_bn_relu(width, width, (7, 1)),
            conv_bn_relu(width, 192, (1, 7)),
        ),
        branch_pool=_pool_then_project(in_channels, 192),
    )


def _reduction_b(in_channels: int) -> Concat:
    return Concat(
        branch_3x3=nn.Sequential(
            conv_bn_relu(in_channels, 192, 1),
            conv_bn_relu(192, 320, 3, stride=2, valid=True),
        ),
        branch_7x7_3x3=nn.Sequential(
            conv_bn_relu(in_channels, 192, 1),
            conv_bn_relu(192, 192, (1, 7)),
            conv_bn_relu(192, 192, (7, 1)),
            conv_bn_relu(192, 192, 3, stride=2, valid=True),
        ),
        branch_pool=nn.MaxPool2d(3, stride=2),
    )


def _module_c(in_channels: int) -> Concat:
    return Concat(
        branch_1x1=conv_bn_relu(in_channels, 320, 1),
        branch_3x3=nn.Sequential(conv_bn_relu(in_channels, 384, 1), _fork(384)),
        branch_double_3x3=nn.Sequential(
            conv_bn_relu(in_channels, 448, 1),
            conv_bn_relu(448, 384, 3),
            _fork(384),
        ),
        branch_pool=_pool_then_project(in_channels, 192),
    )


def _fork(width: int) -> Concat:
    """A 1x3 and a 3x1 side by side: the expanded filter bank of Figure 7."""
    return Concat(row=conv_bn_relu(width, width, (1, 3)), column=conv_bn_relu(width, width, (3, 1)))


def _pool_then_project(in_channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False),
        conv_bn_relu(in_channels, width, 1),
    )


_PAPER = Paper(
    authors="C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna",
    title="Rethinking the Inception Architecture for Computer Vision",
    venue="CVPR 2016",
    year=2015,
    url="https://arxiv.org/abs/1512.00567",
)

_TOO_FEW = (
    "Not explained. The graph that the authors released needs 5.71 billion, by this count and by "
    "every other public one; the network that the paper counted is not printed in full."
)

ARCHITECTURES = (
    ArchitectureSpec(
        name="inception_v3",
        label="Inception-v3",
        family="inception",
        year=2015,
        paper=_PAPER,
        build=InceptionV3,
        input_size=(3, 299, 299),
        dataset="imagenet",
        stated=(
            StatedValue(
                quantity="macs",
                value=4.8e9,
                tolerance=0.05 / 4.8,
                place="Table 3, column cost",
                disagreement=_TOO_FEW,
            ),
            StatedValue(
                quantity="macs",
                value=5e9,
                tolerance=0.5 / 5,
                place="Abstract",
                disagreement=_TOO_FEW,
            ),
            StatedValue(
                quantity="params",
                value=25e6,
                printed=False,
                tolerance=0.05,
                place="Abstract, as an upper bound: fewer than 25 million",
            ),
            StatedValue(
                quantity="params",
                value=23_626_728,
                printed=False,
                tolerance=0.0,
                place="Table 3 of the Xception paper (arXiv:1610.02357)",
                disagreement="Not explained. The released graph has 0.9 % more with the "
                "normalisation's gain and shift, and 0.7 % more without either; that paper does "
                "not describe its own Inception-v3.",
            ),
        ),
    ),
)
