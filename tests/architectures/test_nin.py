"""NiN against its layer table, the size of its snapshot and fvcore."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from opbench.architectures.nin import ARCHITECTURES, NiN

(SPEC,) = ARCHITECTURES

# Widths of a block's three convolutions, in_channels and side of its kernel, side of its map.
BLOCKS = [
    ((96, 96, 96), 3, 11, 54),
    ((256, 256, 256), 96, 5, 27),
    ((384, 384, 384), 256, 3, 13),
    ((1024, 1024, 1000), 384, 3, 6),
]
PARAMS = 7_595_176
MACS = 1_100_188_800


def test_layer_table_sums_to_the_counts() -> None:
    params = macs = 0
    for (a, b, c), in_channels, kernel, side in BLOCKS:
        weights = in_channels * kernel**2 * a + a * b + b * c
        params += weights + a + b + c
        macs += weights * side**2
    assert (params, macs) == (PARAMS, MACS)
    assert sum(p.numel() for p in NiN().parameters()) == PARAMS


def test_fvcore_agrees_to_the_last_integer(fvcore_macs) -> None:
    assert fvcore_macs(NiN(), SPEC.input_size) == MACS


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


@pytest.mark.parametrize("training", [False, True])
def test_logits_in_both_modes_and_gradients_everywhere(training: bool) -> None:
    with torch.device("meta"):
        network = NiN().train(training)
        logits = network(torch.empty(2, 3, 224, 224))
    logits.sum().backward()
    assert logits.shape == (2, 1000)
    assert all(p.grad is not None for p in network.parameters())


def test_snapshot_has_the_size_that_the_zoo_states() -> None:
    (claim,) = SPEC.claims
    assert claim.quantity == "weight_bytes" and not claim.disagreement
    size = PARAMS * claim.bytes_per_param
    assert abs(size - claim.value) <= claim.tolerance * claim.value
