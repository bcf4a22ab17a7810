"""ENet: segmentation of road scenes in real time, with 0.36 million parameters.

Reference:
    A. Paszke, A. Chaurasia, S. Kim, E. Culurciello.  "ENet: A Deep Neural Network Architecture
    for Real-Time Semantic Segmentation."  arXiv:1606.02147, Table 1 and Figure 2.

One image of 3 x 360 x 640, shapes after each row:

    initial             3x3 / 2 to 13 channels, beside max 2x2 / 2     16 x 180 x 320
    bottleneck1.0       downsampling                                   64 x  90 x 160
    bottleneck1.1-1.4   regular, four times                            64 x  90 x 160
    bottleneck2.0       downsampling                                  128 x  45 x  80
    bottleneck2.1-2.8   regular, dilated 2, asymmetric 5, dilated 4,
                        regular, dilated 8, asymmetric 5, dilated 16  128 x  45 x  80
    bottleneck3.1-3.8   the same eight again                          128 x  45 x  80
    bottleneck4.0       upsampling, unpools where 2.0 pooled           64 x  90 x 160
    bottleneck4.1-4.2   regular                                        64 x  90 x 160
    bottleneck5.0       upsampling, unpools where 1.0 pooled           16 x 180 x 320
    bottleneck5.1       regular                                        16 x 180 x 320
    fullconv            transposed 2x2 / 2                             19 x 360 x 640

A bottleneck adds to its input a branch of 1x1 to a quarter of the width, 3x3 (or its kind), 1x1,
each with batch norm and, but for the last, PReLU; then dropout of whole channels; the sum goes
through PReLU.  Downsampling: the first 1x1 is a 2x2 / 2 and the input is max-pooled and padded with
zero channels.  Upsampling: the 3x3 is transposed, / 2, and the input is reduced by a 1x1 and
unpooled to where the maxima were.

Departures:
    * What the paper leaves open is taken from the authors' released code: all convolutions have
      biases but for the projections and the first of an asymmetric pair; the 1x1 beside an
      upsampling branch has batch norm; eps is 1e-3.
    * That code has ReLU and no dropout in the decoder; the paper has PReLU throughout and dropout
      of 0.1 from bottleneck2.0 on, and is followed.  With ReLU there would be 364,311 parameters.
    * ``enet_classifier`` is our own construction: the encoder, its mean over positions and a
      linear layer.  It is not the ENet of the 2016 chart, whose 5.86 M parameters were never
      published as a definition, and it has no accuracy.
"""

from __future__ import annotations

from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from opbench.spec import ArchitectureSpec, Paper, StatedValue

Kind = Literal["regular", "asymmetric"]
_EPS = 1e-3


class InitialBlock(nn.Module):
    """13 channels of a strided convolution and the 3 of the image, pooled."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 13, 3, stride=2, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.norm = nn.BatchNorm2d(16, eps=_EPS)
        self.activation = nn.PReLU(16)

    def forward(self, images: Tensor) -> Tensor:
        x = torch.cat((self.conv(images), self.pool(images)), dim=1)  # N x 16 x H/2 x W/2
        out: Tensor = self.activation(self.norm(x))
        return out


class Bottleneck(nn.Module):
    """Regular, dilated or asymmetric: the shape stays as it is."""

    def __init__(
        self, channels: int, *, kind: Kind = "regular", dilation: int = 1, dropout: float
    ) -> None:
        super().__init__()
        width = channels // 4
        middle: nn.Module = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation)
        if kind == "asymmetric":
            middle = nn.Sequential(
                nn.Conv2d(width, width, (5, 1), padding=(2, 0), bias=False),
                nn.Conv2d(width, width, (1, 5), padding=(0, 2)),
            )
        reduce = nn.Conv2d(channels, width, 1, bias=False)
        self.branch = _branch(reduce, middle, width, channels, dropout)
        self.activation = nn.PReLU(channels)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.activation(x + self.branch(x))
        return out


class Downsampling(nn.Module):
    """Halves the map; also returns where in it the maxima of the shortcut were."""

    def __init__(self, in_channels: int, out_channels: int, *, dropout: float) -> None:
        super().__init__()
        width = out_channels // 4
        reduce = nn.Conv2d(in_channels, width, 2, stride=2, bias=False)
        middle = nn.Conv2d(width, width, 3, padding=1)
        self.branch = _branch(reduce, middle, width, out_channels, dropout)
        self.pool = nn.MaxPool2d(2, return_indices=True)
        self.extra_channels = out_channels - in_channels
        self.activation = nn.PReLU(out_channels)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        pooled, indices = self.pool(x)
        padded = F.pad(pooled, (0, 0, 0, 0, 0, self.extra_channels))
        return self.activation(padded + self.branch(x)), indices


class Upsampling(nn.Module):
    """Doubles the map; the shortcut's values go back to ``indices``, zeros elsewhere."""

    def __init__(self, in_channels: int, out_channels: int, *, dropout: float) -> None:
        super().__init__()
        width = out_channels // 4
        reduce = nn.Conv2d(in_channels, width, 1, bias=False)
        middle = nn.ConvTranspose2d(width, width, 3, stride=2, padding=1, output_padding=1)
        self.branch = _branch(reduce, middle, width, out_channels, dropout)
        self.shortcut = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels, eps=_EPS),
        )
        self.activation = nn.PReLU(out_channels)

    def forward(self, x: Tensor, indices: Tensor) -> Tensor:
        unpooled = unpool(self.shortcut(x), indices)
        out: Tensor = self.activation(unpooled + self.branch(x))
        return out


def unpool(values: Tensor, indices: Tensor) -> Tensor:
    """Undo a 2x2 / 2 max pooling: N x C x H x W to N x C x 2H x 2W, zeros but at ``indices``.

    ``indices`` count along each map of 2H x 2W, as ``MaxPool2d`` returns them.  Written as a
    scatter because torch's own unpooling cannot be traced.
    """
    n, c, h, w = values.shape
    flat = values.new_zeros(n, c, 4 * h * w)
    flat = flat.scatter(2, indices.flatten(2), values.flatten(2))
    return flat.view(n, c, 2 * h, 2 * w)


def _branch(
    reduce: nn.Module, middle: nn.Module, width: int, out_channels: int, dropout: float
) -> nn.Sequential:
    return nn.Sequential(
        reduce,
        nn.BatchNorm2d(width, eps=_EPS),
        nn.PReLU(width),
        middle,
        nn.BatchNorm2d(width, eps=_EPS),
        nn.PReLU(width),
        nn.Conv2d(width, out_channels, 1, bias=False),
        nn.BatchNorm2d(out_channels, eps=_EPS),
        nn.Dropout2d(dropout),
    )


class Encoder(nn.Module):
    """Down to an eighth; also returns the pooling indices of bottleneck1.0 and 2.0."""

    def __init__(self) -> None:
        super().__init__()
        self.initial = InitialBlock()
        self.down1 = Downsampling(16, 64, dropout=0.01)
        self.stage1 = nn.Sequential(*(Bottleneck(64, dropout=0.01) for _ in range(4)))
        self.down2 = Downsampling(64, 128, dropout=0.1)
        self.stage2 = _context_stage()
        self.stage3 = _context_stage()

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = self.initial(images)  # N x 16 x H/2 x W/2
        x, indices1 = self.down1(x)  # N x 64 x H/4 x W/4
        x, indices2 = self.down2(self.stage1(x))  # N x 128 x H/8 x W/8
        return self.stage3(self.stage2(x)), indices1, indices2


def _context_stage() -> nn.Sequential:
    """Bottlenecks 2.1 to 2.8."""
    blocks = []
    for dilations in ((2, 4), (8, 16)):
        blocks += [
            Bottleneck(128, dropout=0.1),
            Bottleneck(128, dilation=dilations[0], dropout=0.1),
            Bottleneck(128, kind="asymmetric", dropout=0.1),
            Bottleneck(128, dilation=dilations[1], dropout=0.1),
        ]
    return nn.Sequential(*blocks)


class ENet(nn.Module):
    """Logits for every pixel; the sides of the image must be divisible by 8."""

    def __init__(self, classes: int = 19) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.up4 = Upsampling(128, 64, dropout=0.1)
        self.stage4 = nn.Sequential(*(Bottleneck(64, dropout=0.1) for _ in range(2)))
        self.up5 = Upsampling(64, 16, dropout=0.1)
        self.stage5 = Bottleneck(16, dropout=0.1)
        self.fullconv = nn.ConvTranspose2d(16, classes, 2, stride=2)

    def forward(self, images: Tensor) -> Tensor:
        x, indices1, indices2 = self.encoder(images)  # N x 128 x H/8 x W/8
        x = self.stage4(self.up4(x, indices2))  # N x 64 x H/4 x W/4
        x = self.stage5(self.up5(x, indices1))  # N x 16 x H/2 x W/2
        logits: Tensor = self.fullconv(x)  # N x classes x H x W
        return logits


class ENetClassifier(nn.Module):
    """The encoder as a classifier of whole images: not in the paper."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(128, classes)

    def forward(self, images: Tensor) -> Tensor:
        x, _, _ = self.encoder(images)  # N x 128 x 28 x 28
        logits: Tensor = self.head(self.pool(x).flatten(1))  # N x classes
        return logits


_PAPER = Paper(
    authors="A. Paszke, A. Chaurasia, S. Kim, E. Culurciello",
    title="ENet: A Deep Neural Network Architecture for Real-Time Semantic Segmentation",
    venue="arXiv:1606.02147",
    year=2016,
    url="https://arxiv.org/abs/1606.02147",
)

ARCHITECTURES = (
    ArchitectureSpec(
        name="enet",
        label="ENet",
        family="enet",
        year=2016,
        paper=_PAPER,
        build=partial(ENet, classes=19),
        input_size=(3, 360, 640),
        dataset="cityscapes",
        stated=(
            StatedValue(
                quantity="params",
                value=0.37e6,
                tolerance=0.005 / 0.37,
                place="Table 3",
                disagreement="the layers of Table 1 have 364,647, which rounds to 0.36, and those "
                "of the authors' released code 364,311; counting the 8,352 running statistics of "
                "batch norm (373 k), or the 1x1 classifier that trains the encoder (367 k), would "
                "give 0.37, but the paper does not say what it counts",
            ),
            StatedValue(
                quantity="weight_bytes",
                value=0.7e6,
                tolerance=0.05 / 0.7,
                place="Table 3",
                bytes_per_param=2,
            ),
            StatedValue(
                quantity="flops",
                value=3.83e9,
                tolerance=0.005 / 3.83,
                place="Table 3",
                disagreement="2 x 1,723,564,800 multiply-accumulates are 3.45e9; if every output "
                "of a transposed convolution is charged its whole kernel, zeros included, it is "
                "3.93e9; the paper does not print the rule that gives 3.83",
            ),
        ),
        note="Logits for each pixel, 19 classes.",
    ),
    ArchitectureSpec(
        name="enet_classifier",
        label="ENet encoder + linear",
        family="enet",
        year=2016,
        paper=_PAPER,
        build=partial(ENetClassifier, classes=1000),
        input_size=(3, 224, 224),
        dataset="imagenet",
        note="Our own construction, without an accuracy; not the ENet of the 2016 chart.",
    ),
)
