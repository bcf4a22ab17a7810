"""OverFeat against Tables 1, 3 and 4 of its paper."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from opbench.architectures.overfeat import ARCHITECTURES
from opbench.counting import build_and_count

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


def on_meta(name: str) -> Any:
    with torch.device("meta"):
        return SPECS[name].build()


@both
def test_layer_table_sums_to_the_counts(name: str) -> None:
    convs, dense = CONVS[name], DENSE[name]
    params = sum(n * (c * k * k + 1) for n, c, k, _ in convs) + sum((a + 1) * b for a, b in dense)
    macs = sum(n * c * k * k * side**2 for n, c, k, side in convs) + sum(a * b for a, b in dense)
    biased = sum(n * side**2 for n, _, _, side in convs) + sum(b for _, b in dense)
    assert (params, macs, macs + biased) == COUNTS[name]
    counted = build_and_count(SPECS[name].build, SPECS[name].input_size)
    assert (counted.params, counted.macs) == (params, macs)


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
            assert layer.kernel_size == layer.stride and isinstance(layer.stride, int)
            assert x.shape[-1] % layer.stride == 0
        x = layer(x)


@both
def test_the_explanation_names_the_sum_with_biases(name: str) -> None:
    (stated,) = (stated for stated in SPECS[name].stated if stated.quantity == "connections")
    assert f"{COUNTS[name][2]:,}" in stated.disagreement
