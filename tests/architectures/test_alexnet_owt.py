"""The one-tower AlexNet against its layer table."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from opbench.architectures.alexnet_owt import ARCHITECTURES, AlexNetOWT
from opbench.counting import build_and_count

(SPEC,) = ARCHITECTURES

# out_channels, in_channels, kernel, side of the map
CONVS = [(64, 3, 11, 55), (192, 64, 5, 27), (384, 192, 3, 13), (256, 384, 3, 13), (256, 256, 3, 13)]
DENSE = [(256 * 6 * 6, 4096), (4096, 4096), (4096, 1000)]
PARAMS = 61_100_840
MACS = 714_188_480


@pytest.fixture
def network() -> AlexNetOWT:
    with torch.device("meta"):
        return AlexNetOWT()


def test_layer_table_sums_to_the_counts() -> None:
    params = sum(n * (c * k * k + 1) for n, c, k, _ in CONVS) + sum((a + 1) * b for a, b in DENSE)
    macs = sum(n * c * k * k * side**2 for n, c, k, side in CONVS) + sum(a * b for a, b in DENSE)
    counted = build_and_count(AlexNetOWT, SPEC.input_size)
    assert (params, macs) == (counted.params, counted.macs) == (PARAMS, MACS)


def test_convolutions_have_the_shares_that_the_paper_gives() -> None:
    params = sum(n * (c * k * k + 1) for n, c, k, _ in CONVS)
    macs = sum(n * c * k * k * side**2 for n, c, k, side in CONVS)
    assert 0.90 <= macs / MACS <= 0.95
    assert params / PARAMS == pytest.approx(0.05, abs=0.01)


def test_maps_shrink_as_in_the_table(network: AlexNetOWT) -> None:
    x, sides = torch.empty(1, 3, 224, 224, device="meta"), []
    for layer in network.features:
        x = layer(x)
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
            sides.append(x.shape[-1])
    assert sides == [55, 27, 27, 13, 13, 13, 13, 6]


def test_neither_groups_nor_response_normalisation(network: AlexNetOWT) -> None:
    assert all(m.groups == 1 for m in network.modules() if isinstance(m, nn.Conv2d))
    assert not any(isinstance(m, nn.LocalResponseNorm) for m in network.modules())
