"""Inception-v4, and Inception-ResNet v1 and v2: with and without shortcuts.

Reference:
    C. Szegedy, S. Ioffe, V. Vanhoucke, A. Alemi.  "Inception-v4, Inception-ResNet and the Impact
    of Residual Connections on Learning."  AAAI 2017.  arXiv:1602.07261, Figures 3 to 19, Table 1.

One image, shapes after each row; every convolution is followed by batch normalisation and ReLU:

              inception_v4          inception_resnet_v1     inception_resnet_v2
    stem           384 x 35^2            256 x 35^2              320 x 35^2
    A          4   384 x 35^2        5    256 x 35^2         10    320 x 35^2
    reduce_a      1024 x 17^2             896 x 17^2              1088 x 17^2
    B          7  1024 x 17^2        10   896 x 17^2         20   1088 x 17^2
    reduce_b      1536 x  8^2            1792 x  8^2              2080 x  8^2
    C          3  1536 x  8^2        5   1792 x  8^2         10   2080 x  8^2
    head      average, dropout 0.2, fc 1000                  1x1 1536, then the same

    inception_v4, branches
    A         average, 1x1 96 | 1x1 96 | 1x1 64, 3x3 96 | 1x1 64, 3x3 96, 3x3 96
    reduce_a  max / 2 | 3x3 384 / 2 | 1x1 192, 3x3 224, 3x3 256 / 2
    B         average, 1x1 128 | 1x1 384 | 1x1 192, 1x7 224, 7x1 256
              | 1x1 192, 7x1 192, 1x7 224, 7x1 224, 1x7 256
    reduce_b  max / 2 | 1x1 192, 3x3 192 / 2 | 1x1 256, 1x7 256, 7x1 320, 3x3 320 / 2
    C         average, 1x1 256 | 1x1 256 | 1x1 384, {1x3 256 | 3x1 256}
              | 1x1 384, 1x3 448, 3x1 512, {1x3 256 | 3x1 256}

    the residual ones: branches, a linear 1x1 back to the block's width, added, ReLU
              inception_resnet_v1                      inception_resnet_v2, where it differs
    A         1x1 32 | 1x1 32, 3x3 32                  1x1 32, 3x3 48, 3x3 64
              | 1x1 32, 3x3 32, 3x3 32
    reduce_a  max / 2 | 3x3 384 / 2                    1x1 256, 3x3 256, 3x3 384 / 2
              | 1x1 192, 3x3 192, 3x3 256 / 2
    B         1x1 128 | 1x1 128, 1x7 128, 7x1 128      1x1 192 | 1x1 128, 1x7 160, 7x1 192
    reduce_b  max / 2 | 1x1 256, 3x3 384 / 2
              | 1x1 256, 3x3 256 / 2                   1x1 256, 3x3 288 / 2
              | 1x1 256, 3x3 256, 3x3 256 / 2          1x1 256, 3x3 288, 3x3 320 / 2
    C         1x1 192 | 1x1 192, 1x3 192, 3x1 192      1x1 192, 1x3 224, 3x1 256

Departures:
    * inception_v4: the order of 1x7 and 7x1 in B is that of the authors' release; Figure 5
      prints 1x7 twice in the shorter branch and the other order in the longer one.
    * inception_resnet_v2 is the network that the authors released, not the one of the figures:
      a stem like Inception-v3's with a module of 320 channels in place of Figure 3; 10, 20 and
      10 blocks for 5, 10 and 5; the last block scales by 1 and has no ReLU; a 1x1 of 1536
      channels before the average.  The figures cannot be built as printed: they give 1154
      channels to blocks that follow a map of 1152, and 2048 to blocks that follow one of 2144.
    * inception_resnet_v1 is the network of the figures; the authors released none.  The one
      that circulates with face-recognition code has 23,995,624 parameters: 1,600,768 more for a
      sixth block C, and 361,472 fewer for a layer of 512, normalised, before the classifier.
    * Residuals are scaled by 0.17, 0.10 and 0.20 in A, B and C, as in the release of v2; the
      paper says between 0.1 and 0.3.
    * The linear 1x1 of a residual has a bias and no normalisation, averages do not count the
      padding, and the normalisation's epsilon is 0.001; all as in the release.
    * The auxiliary classifiers that the release trains with are left out.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from functools import partial

from torch import Tensor, nn

from opbench.architectures._blocks import Concat, conv_bn_relu
from opbench.spec import ArchitectureSpec, Paper, StatedValue


class Inception(nn.Module):
    """A stem, blocks A, B and C with reductions between, average, dropout, one linear layer."""

    def __init__(
        self, stem: nn.Module, blocks: Mapping[str, nn.Module], width: int, *, classes: int = 1000
    ) -> None:
        super().__init__()
        self.stem = stem
        self.blocks = nn.Sequential(OrderedDict(blocks))
        self.average = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(width, classes)

    def forward(self, images: Tensor) -> Tensor:
        x = self.blocks(self.stem(images))  # N x width x 8 x 8
        logits: Tensor = self.fc(self.dropout(self.average(x).flatten(1)))  # N x classes
        return logits


def inception_v4() -> Inception:
    """Figure 9: Inception modules without shortcuts."""
    blocks = {
        **{f"a{i}": _v4_a() for i in range(1, 5)},
        "reduce_a": _reduction_a(384, (192, 224, 256, 384)),
        **{f"b{i}": _v4_b() for i in range(1, 8)},
        "reduce_b": _v4_reduction_b(),
        **{f"c{i}": _v4_c() for i in range(1, 4)},
    }
    return Inception(_v4_stem(), blocks, 1536)


def inception_resnet_v1() -> Inception:
    """Figure 15, left to its printed widths: about the cost of Inception-v3."""
    blocks = {
        **{f"a{i}": _residual_a(256, (32, 32)) for i in range(1, 6)},
        "reduce_a": _reduction_a(256, (192, 192, 256, 384)),
        **{f"b{i}": _residual_b(896, 128, (128, 128)) for i in range(1, 11)},
        "reduce_b": _reduction_b(896, 256, (256, 256)),
        **{f"c{i}": _residual_c(1792, (192, 192)) for i in range(1, 6)},
    }
    return Inception(_resnet_v1_stem(), blocks, 1792)


def inception_resnet_v2() -> Inception:
    """The released network: about the cost of Inception-v4."""
    blocks = {
        **{f"a{i}": _residual_a(320, (48, 64)) for i in range(1, 11)},
        "reduce_a": _reduction_a(320, (256, 256, 384, 384)),
        **{f"b{i}": _residual_b(1088, 192, (160, 192)) for i in range(1, 21)},
        "reduce_b": _reduction_b(1088, 288, (288, 320)),
        **{f"c{i}": _residual_c(2080, (224, 256)) for i in range(1, 10)},
        "c10": _residual_c(2080, (224, 256), last=True),
        "conv": conv_bn_relu(2080, 1536, 1),
    }
    return Inception(_resnet_v2_stem(), blocks, 1536)


# Stems.


def _v4_stem() -> nn.Sequential:
    """Figure 3."""
    return nn.Sequential(
        conv_bn_relu(3, 32, 3, stride=2, valid=True),  # 32 x 149^2
        conv_bn_relu(32, 32, 3, valid=True),  # 32 x 147^2
        conv_bn_relu(32, 64, 3),  # 64 x 147^2
        Concat(
            pool=nn.MaxPool2d(3, stride=2),
            conv=conv_bn_relu(64, 96, 3, stride=2, valid=True),
        ),  # 160 x 73^2
        Concat(
            branch_3x3=_chain(160, (1, 64), valid=96),
            branch_7x7=_chain(160, (1, 64), ((7, 1), 64), ((1, 7), 64), valid=96),
        ),  # 192 x 71^2
        Concat(
            conv=conv_bn_relu(192, 192, 3, stride=2, valid=True),
            pool=nn.MaxPool2d(3, stride=2),
        ),  # 384 x 35^2
    )


def _resnet_v1_stem() -> nn.Sequential:
    """Figure 14."""
    return nn.Sequential(
        *_common_stem(),  # 192 x 71^2
        conv_bn_relu(192, 256, 3, stride=2, valid=True),  # 256 x 35^2
    )


def _resnet_v2_stem() -> nn.Sequential:
    """The release's: Inception-v3's stem, then one module with a wider first branch."""
    return nn.Sequential(
        *_common_stem(),  # 192 x 71^2
        nn.MaxPool2d(3, stride=2),  # 192 x 35^2
        Concat(
            branch_1x1=conv_bn_relu(192, 96, 1),
            branch_5x5=_chain(192, (1, 48), (5, 64)),
            branch_double_3x3=_chain(192, (1, 64), (3, 96), (3, 96)),
            branch_pool=_pool_then_project(192, 64),
        ),  # 320 x 35^2
    )


def _common_stem() -> tuple[nn.Module, ...]:
    return (
        conv_bn_relu(3, 32, 3, stride=2, valid=True),  # 32 x 149^2
        conv_bn_relu(32, 32, 3, valid=True),  # 32 x 147^2
        conv_bn_relu(32, 64, 3),  # 64 x 147^2
        nn.MaxPool2d(3, stride=2),  # 64 x 73^2
        conv_bn_relu(64, 80, 1),  # 80 x 73^2
        conv_bn_relu(80, 192, 3, valid=True),  # 192 x 71^2
    )


# Inception-v4's modules.


def _v4_a() -> Concat:
    """Figure 4."""
    return Concat(
        branch_pool=_pool_then_project(384, 96),
        branch_1x1=conv_bn_relu(384, 96, 1),
        branch_3x3=_chain(384, (1, 64), (3, 96)),
        branch_double_3x3=_chain(384, (1, 64), (3, 96), (3, 96)),
    )


def _v4_b() -> Concat:
    """Figure 5."""
    row, column = (1, 7), (7, 1)
    return Concat(
        branch_pool=_pool_then_project(1024, 128),
        branch_1x1=conv_bn_relu(1024, 384, 1),
        branch_7x7=_chain(1024, (1, 192), (row, 224), (column, 256)),
        branch_double_7x7=_chain(
            1024, (1, 192), (column, 192), (row, 224), (column, 224), (row, 256)
        ),
    )


def _v4_reduction_b() -> Concat:
    """Figure 8."""
    return Concat(
        branch_pool=nn.MaxPool2d(3, stride=2),
        branch_3x3=_chain(1024, (1, 192), halve=192),
        branch_7x7_3x3=_chain(1024, (1, 256), ((1, 7), 256), ((7, 1), 320), halve=320),
    )


def _v4_c() -> Concat:
    """Figure 6."""
    return Concat(
        branch_pool=_pool_then_project(1536, 256),
        branch_1x1=conv_bn_relu(1536, 256, 1),
        branch_3x3=nn.Sequential(_chain(1536, (1, 384)), _fork(384, 256)),
        branch_double_3x3=nn.Sequential(
            _chain(1536, (1, 384), ((1, 3), 448), ((3, 1), 512)), _fork(512, 256)
        ),
    )


# The residual networks' modules.


class Residual(nn.Module):
    """Branches, a linear 1x1 back to the width of the input, scaled and added, ReLU."""

    def __init__(
        self, branches: Concat, width: int, channels: int, scale: float, *, last: bool = False
    ) -> None:
        super().__init__()
        self.branches = branches
        self.linear = nn.Conv2d(width, channels, 1)
        self.scale = 1.0 if last else scale
        self.relu = nn.Identity() if last else nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor = self.relu(x + self.scale * self.linear(self.branches(x)))
        return total


def _residual_a(channels: int, widths: tuple[int, int]) -> Residual:
    """Figures 10 and 16; ``widths`` are those of the two 3x3 in a row."""
    branches = Concat(
        branch_1x1=conv_bn_relu(channels, 32, 1),
        branch_3x3=_chain(channels, (1, 32), (3, 32)),
        branch_double_3x3=_chain(channels, (1, 32), (3, widths[0]), (3, widths[1])),
    )
    return Residual(branches, 32 + 32 + widths[1], channels, 0.17)


def _residual_b(channels: int, one: int, widths: tuple[int, int]) -> Residual:
    """Figures 11 and 17; ``one`` is the width of the 1x1, ``widths`` those of 1x7 and 7x1."""
    branches = Concat(
        branch_1x1=conv_bn_relu(channels, one, 1),
        branch_7x7=_chain(channels, (1, 128), ((1, 7), widths[0]), ((7, 1), widths[1])),
    )
    return Residual(branches, one + widths[1], channels, 0.10)


def _residual_c(channels: int, widths: tuple[int, int], *, last: bool = False) -> Residual:
    """Figures 13 and 19; ``widths`` are those of 1x3 and 3x1."""
    branches = Concat(
        branch_1x1=conv_bn_relu(channels, 192, 1),
        branch_3x3=_chain(channels, (1, 192), ((1, 3), widths[0]), ((3, 1), widths[1])),
    )
    return Residual(branches, 192 + widths[1], channels, 0.20, last=last)


def _reduction_b(channels: int, single: int, double: tuple[int, int]) -> Concat:
    """Figures 12 and 18; ``single`` and ``double`` are the widths of the last two branches."""
    return Concat(
        branch_pool=nn.MaxPool2d(3, stride=2),
        branch_3x3_384=_chain(channels, (1, 256), halve=384),
        branch_3x3=_chain(channels, (1, 256), halve=single),
        branch_double_3x3=_chain(channels, (1, 256), (3, double[0]), halve=double[1]),
    )


# Shared by all three.


def _reduction_a(channels: int, klmn: tuple[int, int, int, int]) -> Concat:
    """Figure 7, whose widths k, l, m and n are in Table 1."""
    k, l, m, n = klmn  # noqa: E741  (the paper's letters)
    return Concat(
        branch_pool=nn.MaxPool2d(3, stride=2),
        branch_3x3=conv_bn_relu(channels, n, 3, stride=2, valid=True),
        branch_double_3x3=_chain(channels, (1, k), (3, l), halve=m),
    )


def _chain(
    channels: int, *layers: tuple[int | tuple[int, int], int], valid: int = 0, halve: int = 0
) -> nn.Sequential:
    """Convolutions of (kernel, width) in a row.

    ``valid`` and ``halve`` are the width of a last, unpadded 3x3 of stride 1 or 2.
    """
    chain = nn.Sequential()
    for kernel, width in layers:
        chain.append(conv_bn_relu(channels, width, kernel))
        channels = width
    if valid or halve:
        chain.append(
            conv_bn_relu(channels, valid or halve, 3, stride=2 if halve else 1, valid=True)
        )
    return chain


def _fork(in_channels: int, out_channels: int) -> Concat:
    return Concat(
        row=conv_bn_relu(in_channels, out_channels, (1, 3)),
        column=conv_bn_relu(in_channels, out_channels, (3, 1)),
    )


def _pool_then_project(in_channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False),
        conv_bn_relu(in_channels, width, 1),
    )


_PAPER = Paper(
    authors="C. Szegedy, S. Ioffe, V. Vanhoucke, A. Alemi",
    title="Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning",
    venue="AAAI 2017",
    year=2016,
    url="https://arxiv.org/abs/1602.07261",
)

# The paper prints no parameters and no operations; it compares costs in words, taken here as
# within a tenth.
_spec = partial(
    ArchitectureSpec,
    family="inception",
    year=2016,
    paper=_PAPER,
    input_size=(3, 299, 299),
    dataset="imagenet",
)

ARCHITECTURES = (
    _spec(name="inception_v4", label="Inception-v4", build=inception_v4),
    _spec(
        name="inception_resnet_v1",
        label="Inception-ResNet-v1",
        build=inception_resnet_v1,
        stated=(
            StatedValue(
                quantity="macs",
                value=5_713_216_096,
                printed=False,
                tolerance=0.1,
                place='Section 3.2, "roughly" the cost of Inception-v3, here as counted',
            ),
        ),
    ),
    _spec(
        name="inception_resnet_v2",
        label="Inception-ResNet-v2",
        build=inception_resnet_v2,
        stated=(
            StatedValue(
                quantity="macs",
                value=12_253_974_624,
                printed=False,
                tolerance=0.1,
                place='Section 3.2, "matches" the cost of Inception-v4, here as counted',
            ),
        ),
        note="The released network; the paper's figures cannot be built as printed.",
    ),
)
