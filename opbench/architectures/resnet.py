"""ResNet: blocks that add a correction to their own input.

Reference:
    K. He, X. Zhang, S. Ren, J. Sun.  "Deep Residual Learning for Image Recognition."
    CVPR 2016.  arXiv:1512.03385, Table 1 (ImageNet) and Section 4.2 (CIFAR-10).

ImageNet, one image of 3 x 224 x 224; batch norm after every convolution, ReLU after every norm
but the last of a block, which waits for the addition:

    stage     output        blocks of 18, 34      blocks of 50, 101, 152
    conv1       64 x 112^2  7x7 / 2               7x7 / 2
    pool        64 x  56^2  max 3x3 / 2           max 3x3 / 2
    conv2_x      c x  56^2  3x3  64, 3x3  64      1x1  64, 3x3  64, 1x1  256
    conv3_x     2c x  28^2  3x3 128, 3x3 128      1x1 128, 3x3 128, 1x1  512
    conv4_x     4c x  14^2  3x3 256, 3x3 256      1x1 256, 3x3 256, 1x1 1024
    conv5_x     8c x   7^2  3x3 512, 3x3 512      1x1 512, 3x3 512, 1x1 2048
    head      1000          average, linear       average, linear

where c is 64 or 256, and the blocks of conv2_x to conv5_x are 2, 2, 2, 2 in the 18-layer network,
3, 4, 6, 3 in those of 34 and 50, 3, 4, 23, 3 in that of 101 and 3, 8, 36, 3 in that of 152.

CIFAR-10, one image of 3 x 32 x 32; 2n layers of 3x3 a stage, n = 18 (110 layers) or 200 (1202):

    conv1       16 x  32^2  3x3
    stages      16 x  32^2, 32 x 16^2, 64 x 8^2
    head        10          global average, linear

conv3_x to conv5_x, and the last two stages on CIFAR-10, halve the map in their first block.  Where
a block changes the shape its shortcut is a projection, 1x1 (option B), on ImageNet, and a
subsampled copy padded with zero channels (option A) on CIFAR-10.

Departures:
    * Table 1 does not say which convolution of a bottleneck has the stride: the first 1x1, as in
      the networks that the authors released.
    * The ``_v1_5`` variants have it in the 3x3.  They are not in the paper; fb.resnet.torch and
      torchvision distribute them.
    * Option A adds its zero channels after the copied ones; the paper does not say where.
    * Weights have torch's default initialisation.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from opbench.spec import ArchitectureSpec, Paper, StatedValue


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside ``shortcut``."""

    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int, shortcut: nn.Module) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            *_conv_norm(in_channels, width, 3, stride),
            nn.ReLU(inplace=True),
            *_conv_norm(width, width, 3),
        )
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.residual(x) + self.shortcut(x))


class Bottleneck(nn.Module):
    """1x1 down to ``width``, 3x3, 1x1 up to four times ``width``, beside ``shortcut``."""

    expansion = 4

    def __init__(
        self,
        in_channels: int,
        width: int,
        stride: int,
        shortcut: nn.Module,
        *,
        stride_in_3x3: bool = False,
    ) -> None:
        super().__init__()
        reduce_stride, middle_stride = (1, stride) if stride_in_3x3 else (stride, 1)
        self.residual = nn.Sequential(
            *_conv_norm(in_channels, width, 1, reduce_stride),
            nn.ReLU(inplace=True),
            *_conv_norm(width, width, 3, middle_stride),
            nn.ReLU(inplace=True),
            *_conv_norm(width, width * self.expansion, 1),
        )
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.residual(x) + self.shortcut(x))


class ZeroPadShortcut(nn.Module):
    """Option A: every other pixel, then zero channels up to ``out_channels``.  No parameters."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.extra_channels = out_channels - in_channels

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, :, :: self.stride, :: self.stride]
        return F.pad(x, (0, 0, 0, 0, 0, self.extra_channels))


def projection_shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """Option B: a 1x1 convolution with batch norm."""
    return nn.Sequential(*_conv_norm(in_channels, out_channels, 1, stride))


def _conv_norm(
    in_channels: int, out_channels: int, kernel: int, stride: int = 1
) -> tuple[nn.Module, nn.Module]:
    conv = nn.Conv2d(
        in_channels, out_channels, kernel, stride=stride, padding=kernel // 2, bias=False
    )
    return conv, nn.BatchNorm2d(out_channels)


class ResNet(nn.Module):
    """Stem, stages of ``depths`` blocks whose width doubles, linear head.

    ``block`` is called with in_channels, width, stride and the shortcut module; ``shortcut`` with
    in_channels, out_channels and stride, wherever the two sides of a block differ in shape.
    """

    def __init__(
        self,
        stem: nn.Module,
        width: int,
        depths: tuple[int, ...],
        *,
        block: Callable[[int, int, int, nn.Module], nn.Module],
        expansion: int,
        shortcut: Callable[[int, int, int], nn.Module],
        classes: int,
    ) -> None:
        super().__init__()
        self.stem = stem
        in_channels = width
        stages = []
        for index, depth in enumerate(depths):
            blocks = []
            for position in range(depth):
                stride = 2 if index > 0 and position == 0 else 1
                out_channels = width * expansion
                same = stride == 1 and in_channels == out_channels
                path = nn.Identity() if same else shortcut(in_channels, out_channels, stride)
                blocks.append(block(in_channels, width, stride, path))
                in_channels = out_channels
            stages.append(nn.Sequential(*blocks))
            width *= 2
        self.stages = nn.Sequential(*stages)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(in_channels, classes)

    def forward(self, images: Tensor) -> Tensor:
        x = self.stem(images)  # N x 64 x 56 x 56     (CIFAR: N x 16 x 32 x 32)
        x = self.stages(x)  # N x 8c x 7 x 7     (CIFAR: N x 64 x 8 x 8)
        x = self.pool(x).flatten(1)  # N x 8c
        logits: Tensor = self.head(x)  # N x classes
        return logits


def resnet_imagenet(
    depths: tuple[int, ...], *, bottleneck: bool, stride_in_3x3: bool = False
) -> ResNet:
    """One column of Table 1."""
    stem = nn.Sequential(
        *_conv_norm(3, 64, 7, 2),  # N x 64 x 112 x 112
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=2, padding=1),  # N x 64 x 56 x 56
    )
    return ResNet(
        stem,
        64,
        depths,
        block=partial(Bottleneck, stride_in_3x3=stride_in_3x3) if bottleneck else BasicBlock,
        expansion=Bottleneck.expansion if bottleneck else BasicBlock.expansion,
        shortcut=projection_shortcut,
        classes=1000,
    )


def resnet_cifar(blocks_per_stage: int) -> ResNet:
    """6n + 2 layers, where n is ``blocks_per_stage``."""
    return ResNet(
        nn.Sequential(*_conv_norm(3, 16, 3), nn.ReLU(inplace=True)),
        16,
        (blocks_per_stage,) * 3,
        block=BasicBlock,
        expansion=BasicBlock.expansion,
        shortcut=ZeroPadShortcut,
        classes=10,
    )


_PAPER = Paper(
    authors="K. He, X. Zhang, S. Ren, J. Sun",
    title="Deep Residual Learning for Image Recognition",
    venue="CVPR 2016",
    year=2015,
    url="https://arxiv.org/abs/1512.03385",
)

# name: (depths, bottleneck, billions of multiply-adds printed in Table 1, why the count differs)
_IMAGENET: dict[str, tuple[tuple[int, ...], bool, float, str]] = {
    "resnet18": ((2, 2, 2, 2), False, 1.8, ""),
    "resnet34": (
        (3, 4, 6, 3),
        False,
        3.6,
        "3.6 is the network without projections (3,644,493,824, plain or with option A "
        "shortcuts); the three 1x1 projections of option B add 19,267,584 and make it 3.66",
    ),
    "resnet50": (
        (3, 4, 6, 3),
        True,
        3.8,
        "the layers of Table 1 sum to 3,857,973,248, which rounds to 3.9; the printed digit looks "
        "cut off rather than rounded, yet 7.6 and 11.3 beside it are met by the same rule",
    ),
    "resnet101": ((3, 4, 23, 3), True, 7.6, ""),
    "resnet152": ((3, 8, 36, 3), True, 11.3, ""),
}

# name: (n, millions of parameters printed in Table 6)
_CIFAR = {"resnet110_cifar": (18, 1.7), "resnet1202_cifar": (200, 19.4)}


def _imagenet_spec(name: str, *, stride_in_3x3: bool) -> ArchitectureSpec:
    depths, bottleneck, billions, disagreement = _IMAGENET[name]
    macs = StatedValue(
        quantity="macs",
        value=billions * 1e9,
        tolerance=0.05 / billions,
        place="Table 1",
        disagreement=disagreement,
    )
    return ArchitectureSpec(
        name=name + "_v1_5" * stride_in_3x3,
        label=name.replace("resnet", "ResNet-") + " v1.5" * stride_in_3x3,
        family="resnet",
        year=2016 if stride_in_3x3 else 2015,
        paper=_PAPER,
        build=partial(resnet_imagenet, depths, bottleneck=bottleneck, stride_in_3x3=stride_in_3x3),
        input_size=(3, 224, 224),
        dataset="imagenet",
        stated=() if stride_in_3x3 else (macs,),
        note="Stride in the 3x3 convolution, as in fb.resnet.torch of 2016 and torchvision."
        if stride_in_3x3
        else "",
    )


def _cifar_spec(name: str) -> ArchitectureSpec:
    blocks_per_stage, millions = _CIFAR[name]
    return ArchitectureSpec(
        name=name,
        label=name.replace("resnet", "ResNet-").removesuffix("_cifar"),
        family="resnet",
        year=2015,
        paper=_PAPER,
        build=partial(resnet_cifar, blocks_per_stage),
        input_size=(3, 32, 32),
        dataset="cifar10",
        stated=(
            StatedValue(
                quantity="params", value=millions * 1e6, tolerance=0.05 / millions, place="Table 6"
            ),
        ),
        note=f"{6 * blocks_per_stage + 2} layers for CIFAR-10.",
    )


ARCHITECTURES = (
    *(_imagenet_spec(name, stride_in_3x3=False) for name in _IMAGENET),
    *(_imagenet_spec(name, stride_in_3x3=True) for name in ("resnet50", "resnet101", "resnet152")),
    *(_cifar_spec(name) for name in _CIFAR),
)
