"""VGG: very deep networks of 3x3 convolutions.

Reference:
    K. Simonyan, A. Zisserman.  "Very Deep Convolutional Networks for Large-Scale Image
    Recognition."  ICLR 2015.  arXiv:1409.1556, Table 1, columns A, B, D and E.

One image, shapes after each row; every convolution is 3x3, stride 1, padding 1, with ReLU:

    stage   output        vgg11 (A)   vgg13 (B)   vgg16 (D)   vgg19 (E)
    1        64 x 224^2   1           2           2           2
            pool 2x2 / 2 after each stage
    2       128 x 112^2   1           2           2           2
    3       256 x  56^2   2           2           3           4
    4       512 x  28^2   2           2           3           4
    5       512 x  14^2   2           2           3           4
            512 x   7^2
    fc6     4096, fc7 4096, fc8 1000

Departures:
    * The ``_bn`` variants, with batch normalisation after every convolution, are not in the
      paper, which is older than batch normalisation; they are the ones whose weights torchvision
      has distributed since 2017 (pytorch/vision, pull request 178).  The convolutions keep their
      biases.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from torch import Tensor, nn

from opbench.spec import ArchitectureSpec, Paper, StatedValue

_WIDTHS = (64, 128, 256, 512, 512)
_DEPTHS = {
    "vgg11": (1, 1, 2, 2, 2),
    "vgg13": (2, 2, 2, 2, 2),
    "vgg16": (2, 2, 3, 3, 3),
    "vgg19": (2, 2, 4, 4, 4),
}


class VGG(nn.Module):
    """``depths`` convolutions in each of five stages, then three fully connected layers."""

    def __init__(self, depths: tuple[int, ...], *, batch_norm: bool, classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential(*_features(depths, batch_norm))
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(4096, classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        x = self.features(images)  # N x 512 x 7 x 7
        logits: Tensor = self.classifier(x.flatten(1))  # N x classes
        return logits


def _features(depths: tuple[int, ...], batch_norm: bool) -> Iterator[nn.Module]:
    in_channels = 3
    for depth, width in zip(depths, _WIDTHS, strict=True):
        for _ in range(depth):
            yield nn.Conv2d(in_channels, width, 3, padding=1)
            if batch_norm:
                yield nn.BatchNorm2d(width)
            yield nn.ReLU(inplace=True)
            in_channels = width
        yield nn.MaxPool2d(2, stride=2)


_PAPER = Paper(
    authors="K. Simonyan, A. Zisserman",
    title="Very Deep Convolutional Networks for Large-Scale Image Recognition",
    venue="ICLR 2015",
    year=2014,
    url="https://arxiv.org/abs/1409.1556",
)

# Table 2 of the paper prints millions of parameters without decimals.
_MILLIONS = {"vgg11": 133, "vgg13": 133, "vgg16": 138, "vgg19": 144}

ARCHITECTURES = tuple(
    ArchitectureSpec(
        name=name + suffix,
        label=name.upper().replace("VGG", "VGG-") + suffix.upper().replace("_", "-"),
        family="vgg",
        year=2017 if suffix else 2014,
        paper=_PAPER,
        build=partial(VGG, depths, batch_norm=bool(suffix)),
        input_size=(3, 224, 224),
        dataset="imagenet",
        stated=()
        if suffix
        else (
            StatedValue(
                quantity="params",
                value=_MILLIONS[name] * 1e6,
                tolerance=0.5 / _MILLIONS[name],
                place="Table 2",
            ),
        ),
    )
    for name, depths in _DEPTHS.items()
    for suffix in ("", "_bn")
)
