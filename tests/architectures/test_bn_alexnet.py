"""The chart's BN-AlexNet against its layer table."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from opbench.architectures.bn_alexnet import ARCHITECTURES, BNAlexNet
from opbench.counting import build_and_count

(SPEC,) = ARCHITECTURES

# One of two towers: out_channels, in_channels, kernel, side of the map.
TOWER = [(48, 3, 11, 55), (128, 48, 5, 27), (192, 128, 3, 13), (192, 192, 3, 13), (128, 192, 3, 13)]
DENSE = [(2 * 128 * 6 * 6, 4096), (4096, 4096), (4096, 1000)]


@pytest.fixture
def network() -> BNAlexNet:
    with torch.device("meta"):
        return BNAlexNet()


def test_layer_table_sums_to_the_counts() -> None:
    weights = 2 * sum(n * (c * k * k + 1) for n, c, k, _ in TOWER)
    weights += sum((a + 1) * b for a, b in DENSE)
    normalised = 2 * sum(n for n, *_ in TOWER) + 4096 + 4096
    macs = 2 * sum(n * c * k * k * side**2 for n, c, k, side in TOWER)
    macs += sum(a * b for a, b in DENSE)
    assert weights == 60_522_856
    assert 2 * normalised == 19_136
    counted = build_and_count(BNAlexNet, SPEC.input_size)
    assert counted.params == weights + 2 * normalised == 60_541_992
    assert counted.macs == macs == 649_646_624


def test_towers_never_mix() -> None:
    towers = BNAlexNet().towers
    features = [tower(torch.rand(2, 3, 224, 224)) for tower in towers]
    features[0].sum().backward()
    assert all(p.grad is not None for p in towers[0].parameters())
    assert all(p.grad is None for p in towers[1].parameters())
    assert [tuple(feature.shape) for feature in features] == [(2, 128, 6, 6)] * 2


def test_every_layer_but_the_last_is_normalised(network: BNAlexNet) -> None:
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d | nn.BatchNorm1d)]
    weighted = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(weighted) == len(norms) + 1 == 13
    assert all(m.bias is not None for m in weighted)
