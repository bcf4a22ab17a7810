"""Network in Network: 1x1 convolutions after each convolution, and no fully connected layer.

Reference:
    M. Lin, Q. Chen, S. Yan.  "Network In Network."  ICLR 2014.  arXiv:1312.4400.  The paper has
    no ImageNet network; its author put one into the Caffe model zoo ("NIN ImageNet").

One image, shapes after each row; ReLU after every convolution:

    input                                  3 x 224 x 224
    block 1  11x11 / 4, two 1x1           96 x  54 x  54
    pool 1    3x3  / 2                    96 x  27 x  27
    block 2   5x5, padding 2, two 1x1    256 x  27 x  27
    pool 2    3x3  / 2                   256 x  13 x  13
    block 3   3x3, padding 1, two 1x1    384 x  13 x  13
    pool 3    3x3  / 2, dropout          384 x   6 x   6
    block 4   3x3, padding 1, 1x1       1024 x   6 x   6
              1x1                       1000 x   6 x   6
    average                             1000

Departures:
    * Pooling rounds its output size up, as Caffe does: 54 becomes 27.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from opbench.spec import ArchitectureSpec, Paper, StatedValue


class NiN(nn.Module):
    """Four blocks of one spatial and two 1x1 convolutions; the last one votes for the classes."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_block(3, (96, 96, 96), 11, stride=4),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
            *_block(96, (256, 256, 256), 5, padding=2),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
            *_block(256, (384, 384, 384), 3, padding=1),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
            nn.Dropout(0.5),
            *_block(384, (1024, 1024, classes), 3, padding=1),
        )
        self.average = nn.AdaptiveAvgPool2d(1)

    def forward(self, images: Tensor) -> Tensor:
        x = self.features(images)  # N x classes x 6 x 6
        logits: Tensor = self.average(x).flatten(1)  # N x classes
        return logits


def _block(
    in_channels: int,
    widths: tuple[int, int, int],
    kernel: int,
    *,
    stride: int = 1,
    padding: int = 0,
) -> Iterator[nn.Module]:
    first, second, third = widths
    yield nn.Conv2d(in_channels, first, kernel, stride=stride, padding=padding)
    yield nn.ReLU(inplace=True)
    yield nn.Conv2d(first, second, 1)
    yield nn.ReLU(inplace=True)
    yield nn.Conv2d(second, third, 1)
    yield nn.ReLU(inplace=True)


ARCHITECTURES = (
    ArchitectureSpec(
        name="nin",
        label="NiN",
        family="nin",
        year=2013,
        paper=Paper(
            authors="M. Lin, Q. Chen, S. Yan",
            title="Network In Network",
            venue="ICLR 2014",
            year=2013,
            url="https://arxiv.org/abs/1312.4400",
        ),
        build=NiN,
        input_size=(3, 224, 224),
        dataset="imagenet",
        stated=(
            StatedValue(
                quantity="weight_bytes",
                value=29 * 2**20,
                tolerance=0.5 / 29,
                place="Caffe model zoo, 'NIN ImageNet': a snapshot of 29 MB",
            ),
        ),
    ),
)
