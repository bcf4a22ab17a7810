"""The chart's BN-AlexNet against its layer table, the chart and fvcore."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from opbench.architectures.bn_alexnet import ARCHITECTURES, BNAlexNet

(SPEC,) = ARCHITECTURES

# One of two towers: out_channels, in_channels, kernel, side of the map.
TOWER = [(48, 3, 11, 55), (128, 48, 5, 27), (192, 128, 3, 13), (192, 192, 3, 13), (128, 192, 3, 13)]
DENSE = [(2 * 128 * 6 * 6, 4096), (4096, 4096), (4096, 1000)]
PARAMS = 60_541_992
MACS = 649_646_624


@pytest.fixture
def network() -> BNAlexNet:
    with torch.device("meta"):
        return BNAlexNet()


def test_layer_table_sums_to_the_counts(network: BNAlexNet) -> None:
    weights = 2 * sum(n * (c * k * k + 1) for n, c, k, _ in TOWER)
    weights += sum((a + 1) * b for a, b in DENSE)
    normalised = 2 * sum(n for n, *_ in TOWER) + 4096 + 4096
    macs = 2 * sum(n * c * k * k * side**2 for n, c, k, side in TOWER)
    macs += sum(a * b for a, b in DENSE)
    assert weights == 60_522_856
    assert 2 * normalised == 19_136
    assert (weights + 2 * normalised, macs) == (PARAMS, MACS)
    assert sum(p.numel() for p in network.parameters()) == PARAMS


def test_fvcore_agrees_to_the_last_integer(fvcore_macs) -> None:
    assert fvcore_macs(BNAlexNet(), SPEC.input_size) == MACS


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


@pytest.mark.parametrize("training", [False, True])
def test_logits_in_both_modes_and_gradients_everywhere(network: BNAlexNet, training: bool) -> None:
    logits = network.train(training)(torch.empty(2, 3, 224, 224, device="meta"))
    logits.sum().backward()
    assert logits.shape == (2, 1000)
    assert all(p.grad is not None for p in network.parameters())


def test_claims_of_the_chart_are_met() -> None:
    for claim in SPEC.claims:
        counted = {"params": PARAMS, "flops": 2 * MACS}[claim.quantity]
        assert not claim.disagreement
        assert abs(counted - claim.value) <= claim.tolerance * claim.value
