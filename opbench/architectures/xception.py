"""Xception: Inception taken to its end, depthwise separable convolutions with shortcuts.

Reference:
    F. Chollet.  "Xception: Deep Learning with Depthwise Separable Convolutions."  CVPR 2017.
    arXiv:1610.02357, Figure 5.

One image, shapes after each row; "sep" is a 3x3 convolution of each channel alone, then a 1x1
across channels, without anything between the two; batch normalisation after every convolution
and every sep:

    entry    conv 3x3 / 2, valid, ReLU                        32 x 149^2
             conv 3x3, valid, ReLU                            64 x 147^2
             sep 128, ReLU, sep 128, max 3x3 / 2             128 x  74^2   + 1x1 / 2 of the input
             ReLU, sep 256, ReLU, sep 256, max 3x3 / 2       256 x  37^2   + 1x1 / 2
             ReLU, sep 728, ReLU, sep 728, max 3x3 / 2       728 x  19^2   + 1x1 / 2
    middle   8 times: three of ReLU, sep 728                 728 x  19^2   + the input
    exit     ReLU, sep 728, ReLU, sep 1024, max 3x3 / 2     1024 x  10^2   + 1x1 / 2
             sep 1536, ReLU, sep 2048, ReLU                 2048 x  10^2
             global average, dropout 0.5, fc 1000

Departures:
    * Figure 5 does not print the padding of the first two convolutions: none, as in the
      author's release.  The normalisation's epsilon, 0.001, is the release's too.
    * Poolings pad one pixel on every side; the release pads an even map on one side only.
      Sizes and costs are the same.
    * The optional fully connected layers before the classifier are left out, as in the network
      whose size the paper prints.
"""

from __future__ import annotations

from torch import Tensor, nn

from opbench.spec import ArchitectureSpec, Paper, StatedValue


class Xception(nn.Module):
    """Entry, middle and exit flow, then one linear layer."""

    def __init__(self, *, classes: int = 1000) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            *_conv(3, 32, stride=2),  # 32 x 149^2
            *_conv(32, 64),  # 64 x 147^2
        )
        self.entry = nn.Sequential(
            Residual(64, (128, 128), halve=True, relu_first=False),  # 128 x 74^2
            Residual(128, (256, 256), halve=True),  # 256 x 37^2
            Residual(256, (728, 728), halve=True),  # 728 x 19^2
        )
        self.middle = nn.Sequential(*(Residual(728, (728, 728, 728)) for _ in range(8)))
        self.exit = nn.Sequential(
            Residual(728, (728, 1024), halve=True),  # 1024 x 10^2
            SeparableConv(1024, 1536),
            nn.ReLU(inplace=True),
            SeparableConv(1536, 2048),
            nn.ReLU(inplace=True),
        )
        self.average = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(2048, classes)

    def forward(self, images: Tensor) -> Tensor:
        x = self.entry(self.stem(images))  # N x 728 x 19 x 19
        x = self.exit(self.middle(x))  # N x 2048 x 10 x 10
        logits: Tensor = self.fc(self.dropout(self.average(x).flatten(1)))  # N x classes
        return logits


class SeparableConv(nn.Sequential):
    """3x3 on each channel alone, 1x1 across channels, batch normalisation."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(
            in_channels, in_channels, 3, padding=1, groups=in_channels, bias=False
        )
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(out_channels, eps=0.001)


class Residual(nn.Module):
    """Separable convolutions, each after a ReLU, beside a shortcut.

    With ``halve`` the body ends in a pooling of stride 2 and the shortcut is a 1x1 of stride 2.
    """

    def __init__(
        self,
        in_channels: int,
        widths: tuple[int, ...],
        *,
        halve: bool = False,
        relu_first: bool = True,
    ) -> None:
        super().__init__()
        self.body = nn.Sequential()
        channels = in_channels
        for index, width in enumerate(widths):
            if index or relu_first:
                # The first one must not overwrite what the shortcut reads.
                self.body.append(nn.ReLU(inplace=index > 0))
            self.body.append(SeparableConv(channels, width))
            channels = width
        self.shortcut: nn.Module = nn.Identity()
        if halve:
            self.body.append(nn.MaxPool2d(3, stride=2, padding=1))
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride=2, bias=False),
                nn.BatchNorm2d(channels, eps=0.001),
            )

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor = self.body(x) + self.shortcut(x)
        return total


def _conv(in_channels: int, out_channels: int, *, stride: int = 1) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(in_channels, out_channels, 3, stride, bias=False),
        nn.BatchNorm2d(out_channels, eps=0.001),
        nn.ReLU(inplace=True),
    )


_PAPER = Paper(
    authors="F. Chollet",
    title="Xception: Deep Learning with Depthwise Separable Convolutions",
    venue="CVPR 2017",
    year=2016,
    url="https://arxiv.org/abs/1610.02357",
)

ARCHITECTURES = (
    ArchitectureSpec(
        name="xception",
        label="Xception",
        family="xception",
        year=2016,
        paper=_PAPER,
        build=Xception,
        input_size=(3, 299, 299),
        dataset="imagenet",
        stated=(
            StatedValue(
                quantity="params",
                value=22_855_952,
                tolerance=0.0,
                place="Table 3",
            ),
        ),
    ),
)
