"""BN-NIN against its layer table and the chart."""

from __future__ import annotations

import torch
from torch import nn

from opbench.architectures.bn_nin import ARCHITECTURES, BNNiN
from opbench.counting import build_and_count

(SPEC,) = ARCHITECTURES

# Width of a block, in_channels and side of its first kernel, side of its map.
BLOCKS = [(96, 3, 11, 56), (256, 96, 5, 28), (384, 256, 3, 14), (1024, 384, 3, 7)]


def test_layer_table_sums_to_the_counts() -> None:
    params, macs, normalised = 1024 * 1000 + 1000, 1024 * 1000, 0
    for width, in_channels, kernel, side in BLOCKS:
        weights = in_channels * kernel**2 * width + 2 * width**2
        params += weights + 3 * width
        macs += weights * side**2
        normalised += 2 * 3 * width
    assert (params, normalised) == (8_644_776, 10_560)
    counted = build_and_count(BNNiN, SPEC.input_size)
    assert counted.params == params + normalised == 8_655_336
    assert counted.macs == macs == 1_259_939_840


def test_padding_halves_the_maps_exactly() -> None:
    x, sides = torch.empty(1, 3, 224, 224, device="meta"), []
    with torch.device("meta"):
        network = BNNiN()
    for layer in network.features:
        x = layer(x)
        if isinstance(layer, nn.MaxPool2d | nn.AdaptiveAvgPool2d):
            sides.append(x.shape[-1])
    assert sides == [28, 14, 7, 1]


def test_every_convolution_is_normalised() -> None:
    with torch.device("meta"):
        layers = list(BNNiN().features)
    convs = [i for i, layer in enumerate(layers) if isinstance(layer, nn.Conv2d)]
    assert len(convs) == 12
    assert all(isinstance(layers[i + 1], nn.BatchNorm2d) for i in convs)


def test_the_chart_counts_parameters_without_batch_norm() -> None:
    stated = next(stated for stated in SPEC.stated if stated.quantity == "params")
    assert abs(8_644_776 - stated.value) <= stated.tolerance * stated.value
