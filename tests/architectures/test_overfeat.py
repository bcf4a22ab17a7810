"""OverFeat against Tables 1, 3 and 4 of its paper and fvcore."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from opbench.architectures.overfeat import ARCHITECTURES

SPECS = {spec.name: spec for spec in ARCHITECTURES}

# out_channels, in_channels, kernel, side of the map
CONVS = {
    "overfeat_fast": [
        (96, 3, 11, 56),
        (256, 96, 5, 24),
        (512, 256, 3, 12),
        (1024, 512, 3, 12),
        (1024, 1024, 3, 12),
    ],
    "overfeat_accurate": [
        (96, 3, 7, 108),
        (256, 96, 7, 30),
        (512, 256, 3, 15),
        (512, 512, 3, 15),
        (1024, 512, 3, 15),
        (1024, 1024, 3, 15),
    ],
}
DENSE = {
    "overfeat_fast": [(6 * 6 * 1024, 3072), (3072, 4096), (4096, 1000)],
    "overfeat_accurate": [(5 * 5 * 1024, 4096), (4096, 4096), (4096, 1000)],
}
COUNTS = {
    "overfeat_fast": (145_920_872, 2_801_403_904, 2_802_229_224),
    "overfeat_accurate": (144_656_488, 5_355_446_784, 5_357_497_320),
}
SIDES = {
    "overfeat_fast": [56, 28, 24, 12, 12, 12, 12, 6],
    "overfeat_accurate": [108, 36, 30, 15, 15, 15, 15, 15, 5],
}

both = pytest.mark.parametrize("name", CONVS)


def on_meta(name: str) -> nn.Module:
    with torch.device("meta"):
        return SPECS[name].build()


@both
def test_layer_table_sums_to_the_counts(name: str) -> None:
    convs, dense = CONVS[name], DENSE[name]
    params = sum(n * (c * k * k + 1) for n, c, k, _ in convs) + sum((a + 1) * b for a, b in dense)
    macs = sum(n * c * k * k * side**2 for n, c, k, side in convs) + sum(a * b for a, b in dense)
    biased = sum(n * side**2 for n, _, _, side in convs) + sum(b for _, b in dense)
    assert (params, macs, macs + biased) == COUNTS[name]
    assert sum(p.numel() for p in on_meta(name).parameters()) == params


@both
def test_fvcore_agrees_to_the_last_integer(name: str, fvcore_macs) -> None:
    with torch.device("meta"):
        network = SPECS[name].build()
    network.to_empty(device="cpu")  # a count needs no 145 million random numbers
    assert fvcore_macs(network, SPECS[name].input_size) == COUNTS[name][1]


@both
def test_maps_shrink_as_in_the_tables(name: str) -> None:
    x, sides = torch.empty(1, *SPECS[name].input_size, device="meta"), []
    for layer in on_meta(name).features:
        x = layer(x)
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
            sides.append(x.shape[-1])
    assert sides == SIDES[name]


@both
def test_pooling_windows_neither_overlap_nor_leave_a_rest(name: str) -> None:
    x = torch.empty(1, *SPECS[name].input_size, device="meta")
    for layer in on_meta(name).features:
        if isinstance(layer, nn.MaxPool2d):
            assert layer.kernel_size == layer.stride
            assert x.shape[-1] % layer.stride == 0
        x = layer(x)


@both
@pytest.mark.parametrize("training", [False, True])
def test_logits_in_both_modes_and_gradients_everywhere(name: str, training: bool) -> None:
    network = on_meta(name).train(training)
    logits = network(torch.empty(2, *SPECS[name].input_size, device="meta"))
    logits.sum().backward()
    assert logits.shape == (2, 1000)
    assert all(p.grad is not None for p in network.parameters())


@both
def test_claims_are_met_or_explained(name: str) -> None:
    params, _, connections = COUNTS[name]
    for claim in SPECS[name].claims:
        counted = {"params": params, "connections": connections}[claim.quantity]
        met = abs(counted - claim.value) <= claim.tolerance * claim.value
        assert met != bool(claim.disagreement)
        if not met:
            assert f"{counted:,}" in claim.disagreement
