"""NiN against its layer table."""

from __future__ import annotations

import torch
from torch import nn

from opbench.architectures.nin import ARCHITECTURES, NiN
from opbench.counting import build_and_count

(SPEC,) = ARCHITECTURES

# Widths of a block's three convolutions, in_channels and side of its kernel, side of its map.
BLOCKS = [
    ((96, 96, 96), 3, 11, 54),
    ((256, 256, 256), 96, 5, 27),
    ((384, 384, 384), 256, 3, 13),
    ((1024, 1024, 1000), 384, 3, 6),
]


def test_layer_table_sums_to_the_counts() -> None:
    params = macs = 0
    for (a, b, c), in_channels, kernel, side in BLOCKS:
        weights = in_channels * kernel**2 * a + a * b + b * c
        params += weights + a + b + c
        macs += weights * side**2
    counted = build_and_count(NiN, SPEC.input_size)
    assert (params, macs) == (counted.params, counted.macs) == (7_595_176, 1_100_188_800)


def test_pooling_rounds_up() -> None:
    x, sides = torch.empty(1, 3, 224, 224, device="meta"), []
    with torch.device("meta"):
        network = NiN()
    for layer in network.features:
        x = layer(x)
        if isinstance(layer, nn.MaxPool2d):
            sides.append(x.shape[-1])
    assert sides == [27, 13, 6]
    assert (54 - 3) // 2 + 1 == 26  # what rounding down would have given


def test_logits_are_averages_of_rectified_votes() -> None:
    network = NiN().eval()
    images = torch.rand(1, 3, 224, 224)
    votes = network.features(images)
    assert votes.shape == (1, 1000, 6, 6)
    assert votes.ge(0).all()
    torch.testing.assert_close(network(images), votes.mean(dim=(2, 3)))
