"""GoogLeNet: Inception v1, which won ILSVRC-2014.

Reference:
    C. Szegedy, W. Liu, Y. Jia, P. Sermanet, S. Reed, D. Anguelov, D. Erhan, V. Vanhoucke,
    A. Rabinovich.  "Going Deeper with Convolutions."  CVPR 2015.  arXiv:1409.4842, Table 1.

One image, shapes after each row; every convolution has a bias and a ReLU:

    conv1    7x7 / 2           64 x 112^2
    pool1    3x3 / 2           64 x  56^2   then response normalisation
    conv2    1x1, 3x3         192 x  56^2   then response normalisation
    pool2    3x3 / 2          192 x  28^2
                   1x1   3x3 after 1x1   5x5 after 1x1   pool, 1x1
    3a              64     96  128         16   32          32       256 x 28^2
    3b             128    128  192         32   96          64       480 x 28^2
    pool3    3x3 / 2                                                 480 x 14^2
    4a             192     96  208         16   48          64       512 x 14^2
    4b             160    112  224         24   64          64       512 x 14^2
    4c             128    128  256         24   64          64       512 x 14^2
    4d             112    144  288         32   64          64       528 x 14^2
    4e             256    160  320         32  128         128       832 x 14^2
    pool4    3x3 / 2                                                 832 x  7^2
    5a             256    160  320         32  128         128       832 x  7^2
    5b             384    192  384         48  128         128      1024 x  7^2
    average  7x7             1024, dropout 0.4, fc 1000

Departures:
    * The two auxiliary classifiers after 4a and 4d are left out: they only serve training.
    * The paper gives neither the rounding of the pooling nor the constants of the response
      normalisation.  Both are those of the Caffe release: sizes are rounded up, which is what
      makes the printed 56, 28, 14 and 7; 5 channels, alpha 0.0001, beta 0.75.
    * conv1 is a plain convolution of 9,408 weights, as in the Caffe release.  Table 1 prints
      2.7K and 34M for it, the cost of a separable one with 8 channels for each of the 3 inputs
      (147 x 8 + 24 x 64 = 2,712 weights), which BN-Inception's paper describes.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from opbench.architectures._blocks import Concat
from opbench.spec import ArchitectureSpec, Paper, StatedValue

# Table 1: 1x1, 3x3 reduction, 3x3, 5x5 reduction, 5x5, projection after the pooling.
_WIDTHS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


class GoogLeNet(nn.Module):
    """A plain stem, nine Inception modules in three stages, and one linear layer."""

    def __init__(self, *, classes: int = 1000) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            OrderedDict(
                conv1=_conv(3, 64, 7, stride=2),  # 64 x 112^2
                pool1=_pool(),  # 64 x 56^2
                norm1=nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75),
                conv2_reduce=_conv(64, 64, 1),
                conv2=_conv(64, 192, 3),  # 192 x 56^2
                norm2=nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75),
                pool2=_pool(),  # 192 x 28^2
            )
        )
        self.stage3 = _stage(192, "3a", "3b")  # 480 x 28^2
        self.pool3 = _pool()  # 480 x 14^2
        self.stage4 = _stage(480, "4a", "4b", "4c", "4d", "4e")  # 832 x 14^2
        self.pool4 = _pool()  # 832 x 7^2
        self.stage5 = _stage(832, "5a", "5b")  # 1024 x 7^2
        self.average = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.4)
        self.fc = nn.Linear(1024, classes)

    def forward(self, images: Tensor) -> Tensor:
        x = self.stage3(self.stem(images))  # N x 480 x 28 x 28
        x = self.stage4(self.pool3(x))  # N x 832 x 14 x 14
        x = self.stage5(self.pool4(x))  # N x 1024 x 7 x 7
        logits: Tensor = self.fc(self.dropout(self.average(x).flatten(1)))  # N x classes
        return logits


def _stage(in_channels: int, *names: str) -> nn.Sequential:
    stage = nn.Sequential()
    for name in names:
        one, reduce3, three, reduce5, five, pool = _WIDTHS[name]
        branches = Concat(
            branch_1x1=_conv(in_channels, one, 1),
            branch_3x3=nn.Sequential(_conv(in_channels, reduce3, 1), _conv(reduce3, three, 3)),
            branch_5x5=nn.Sequential(_conv(in_channels, reduce5, 1), _conv(reduce5, five, 5)),
            branch_pool=nn.Sequential(
                nn.MaxPool2d(3, stride=1, padding=1), _conv(in_channels, pool, 1)
            ),
        )
        stage.add_module(f"inception_{name}", branches)
        in_channels = one + three + five + pool
    return stage


def _conv(in_channels: int, out_channels: int, kernel: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2),
        nn.ReLU(inplace=True),
    )


def _pool() -> nn.MaxPool2d:
    return nn.MaxPool2d(3, stride=2, ceil_mode=True)


_PAPER = Paper(
    authors="C. Szegedy, W. Liu, Y. Jia, P. Sermanet, S. Reed, D. Anguelov, D. Erhan, "
    "V. Vanhoucke, A. Rabinovich",
    title="Going Deeper with Convolutions",
    venue="CVPR 2015",
    year=2014,
    url="https://arxiv.org/abs/1409.4842",
)

ARCHITECTURES = (
    ArchitectureSpec(
        name="googlenet",
        label="GoogLeNet",
        family="inception",
        year=2014,
        paper=_PAPER,
        build=GoogLeNet,
        input_size=(3, 224, 224),
        dataset="imagenet",
        stated=(
            StatedValue(
                quantity="macs",
                value=1.5e9,
                tolerance=0.05 / 1.5,
                place="Section 1, the budget of most experiments; Table 1, sum of the column ops",
                disagreement="Table 1 counts 34 million for conv1, which is what a separable "
                "convolution costs; the plain one of every public release needs 118 million. "
                "With the paper's figure the sum is 1.50 billion.",
            ),
            StatedValue(
                quantity="params",
                value=6.8e6,
                tolerance=0.05 / 6.8,
                place="Table 1, sum of the column params with K = 1,000",
                disagreement="The column's K is 1,024 (module 3a has 163,328 weights and prints "
                "159K), which makes it 6.96 million; the rest are biases, the separable conv1, "
                "and rows 4a to 5b, which print up to 7 % less or 5 % more than their widths make.",
            ),
            StatedValue(
                quantity="params",
                value=60e6 / 12,
                printed=False,
                tolerance=0.5 / 12,
                place="Section 1, 12 times fewer than AlexNet, which has 60 million",
                disagreement="Table 1 itself adds up to 6.8 million, 9 times fewer than AlexNet.",
            ),
        ),
    ),
)
