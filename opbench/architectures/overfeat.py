"""OverFeat: the fast and the accurate network of the ILSVRC-2013 localisation winner.

Reference:
    P. Sermanet, D. Eigen, X. Zhang, M. Mathieu, R. Fergus, Y. LeCun.  "OverFeat: Integrated
    Recognition, Localization and Detection using Convolutional Networks."  ICLR 2014.
    arXiv:1312.6229, Tables 1 (fast), 3 (accurate) and 4 (sizes).

One image, shapes after each row; ReLU after every layer but the last:

    overfeat_fast                  3 x 231^2      overfeat_accurate           3 x 221^2
    conv1  11x11 / 4              96 x  56^2      conv1  7x7 / 2             96 x 108^2
    pool   2x2 / 2                96 x  28^2      pool   3x3 / 3             96 x  36^2
    conv2  5x5                   256 x  24^2      conv2  7x7                256 x  30^2
    pool   2x2 / 2               256 x  12^2      pool   2x2 / 2            256 x  15^2
    conv3  3x3, padding 1        512 x  12^2      conv3  3x3, padding 1     512 x  15^2
    conv4  3x3, padding 1       1024 x  12^2      conv4  3x3, padding 1     512 x  15^2
    conv5  3x3, padding 1       1024 x  12^2      conv5  3x3, padding 1    1024 x  15^2
                                                  conv6  3x3, padding 1    1024 x  15^2
    pool   2x2 / 2              1024 x   6^2      pool   3x3 / 3           1024 x   5^2
    fc6    dropout              3072              fc7    dropout           4096
    fc7    dropout              4096              fc8    dropout           4096
    fc8                         1000              fc9                      1000

Departures:
    * One view of the printed input size.  The paper slides the network over larger images at up
      to six scales and pools at shifted offsets; its accuracies are of that procedure.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from torch import Tensor, nn

from opbench.spec import ArchitectureSpec, Paper, StatedValue

# (out_channels, kernel, stride, padding) is a convolution, one number a pooling window.
_Layer = tuple[int, int, int, int] | int
_FAST: tuple[_Layer, ...] = (
    (96, 11, 4, 0),
    2,
    (256, 5, 1, 0),
    2,
    (512, 3, 1, 1),
    (1024, 3, 1, 1),
    (1024, 3, 1, 1),
    2,
)
_ACCURATE: tuple[_Layer, ...] = (
    (96, 7, 2, 0),
    3,
    (256, 7, 1, 0),
    2,
    (512, 3, 1, 1),
    (512, 3, 1, 1),
    (1024, 3, 1, 1),
    (1024, 3, 1, 1),
    3,
)


class OverFeat(nn.Module):
    """``layers`` of convolution and pooling, then fully connected layers of ``widths``."""

    def __init__(self, layers: tuple[_Layer, ...], widths: tuple[int, int, int]) -> None:
        super().__init__()
        self.features = nn.Sequential(*_features(layers))
        first, second, third = widths
        self.classifier = nn.Sequential(
            nn.Linear(first, second),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(second, third),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(third, 1000),
        )

    def forward(self, images: Tensor) -> Tensor:
        x = self.features(images)  # N x 1024 x 6 x 6, or 5 x 5
        logits: Tensor = self.classifier(x.flatten(1))  # N x 1000
        return logits


def _features(layers: tuple[_Layer, ...]) -> Iterator[nn.Module]:
    in_channels = 3
    for layer in layers:
        if isinstance(layer, int):
            yield nn.MaxPool2d(layer)  # windows do not overlap
            continue
        out_channels, kernel, stride, padding = layer
        yield nn.Conv2d(in_channels, out_channels, kernel, stride=stride, padding=padding)
        yield nn.ReLU(inplace=True)
        in_channels = out_channels


_PAPER = Paper(
    authors="P. Sermanet, D. Eigen, X. Zhang, M. Mathieu, R. Fergus, Y. LeCun",
    title=(
        "OverFeat: Integrated Recognition, Localization and Detection using Convolutional Networks"
    ),
    venue="ICLR 2014",
    year=2013,
    url="https://arxiv.org/abs/1312.6229",
)


def _stated_values(params: int, connections: int, counted: str) -> tuple[StatedValue, ...]:
    """Table 4 prints millions and cuts decimals off."""
    return (
        StatedValue(
            quantity="params",
            value=params * 1e6,
            tolerance=1 / params,
            place="Table 4",
        ),
        StatedValue(
            quantity="connections",
            value=connections * 1e6,
            tolerance=1 / connections,
            place="Table 4",
            disagreement=(
                f"the layer table gives {counted} with biases; the paper does not say how it "
                "arrives at more"
            ),
        ),
    )


ARCHITECTURES = (
    ArchitectureSpec(
        name="overfeat_fast",
        label="OverFeat fast",
        family="overfeat",
        year=2013,
        paper=_PAPER,
        build=partial(OverFeat, _FAST, (1024 * 6 * 6, 3072, 4096)),
        input_size=(3, 231, 231),
        dataset="imagenet",
        stated=_stated_values(145, 2810, "2,802,229,224"),
    ),
    ArchitectureSpec(
        name="overfeat_accurate",
        label="OverFeat accurate",
        family="overfeat",
        year=2013,
        paper=_PAPER,
        build=partial(OverFeat, _ACCURATE, (1024 * 5 * 5, 4096, 4096)),
        input_size=(3, 221, 221),
        dataset="imagenet",
        stated=_stated_values(144, 5369, "5,357,497,320"),
    ),
)
