"""VGG against Tables 1 and 2 of its paper and hand arithmetic."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import nn

from opbench.architectures.vgg import ARCHITECTURES
from opbench.counting import build_and_count

SPECS = {spec.name: spec for spec in ARCHITECTURES}

# Columns A, B, D and E of Table 1: the width of each 3x3 convolution, "M" for max pooling.
COLUMNS = {
    "vgg11": "64 M 128 M 256 256 M 512 512 M 512 512 M",
    "vgg13": "64 64 M 128 128 M 256 256 M 512 512 M 512 512 M",
    "vgg16": "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M",
    "vgg19": "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M",
}
LINEAR = (512 * 7 * 7, 4096, 4096, 1000)
# Table 2, millions of parameters.
MILLIONS = {"vgg11": 133, "vgg13": 133, "vgg16": 138, "vgg19": 144}

every_depth = pytest.mark.parametrize("name", COLUMNS)
every_entry = pytest.mark.parametrize("name", SPECS)


def by_hand(name: str) -> tuple[int, int]:
    """Parameters and multiply-accumulates of a column, layer by layer."""
    column = COLUMNS[name.removesuffix("_bn")]
    params = macs = 0
    channels, side = 3, 224
    for entry in column.split():
        if entry == "M":
            side //= 2
            continue
        width = int(entry)
        params += (9 * channels + 1) * width + (2 * width if name.endswith("_bn") else 0)
        macs += 9 * channels * width * side**2
        channels = width
    for inputs, outputs in pairwise(LINEAR):
        params += (inputs + 1) * outputs
        macs += inputs * outputs
    return params, macs


def on_meta(name: str) -> Any:
    with torch.device("meta"):
        return SPECS[name].build()


def test_the_registry_has_each_column_with_and_without_batch_norm() -> None:
    assert set(SPECS) == {name + suffix for name in COLUMNS for suffix in ("", "_bn")}


@every_depth
def test_a_name_counts_the_layers_with_weights(name: str) -> None:
    convolutions = [entry for entry in COLUMNS[name].split() if entry != "M"]
    assert len(convolutions) + 3 == int(name.removeprefix("vgg"))


@every_depth
def test_layers_are_those_of_the_papers_table(name: str) -> None:
    layers = [m for m in on_meta(name).features if not isinstance(m, nn.ReLU)]
    widths = ["M" if isinstance(m, nn.MaxPool2d) else str(m.out_channels) for m in layers]
    assert " ".join(widths) == COLUMNS[name]
    for layer in layers:
        expected = (2, 2, 0) if isinstance(layer, nn.MaxPool2d) else ((3, 3), (1, 1), (1, 1))
        assert (layer.kernel_size, layer.stride, layer.padding) == expected


@every_entry
def test_stages_end_in_maps_of_half_the_side(name: str) -> None:
    x, shapes = torch.empty(1, 3, 224, 224, device="meta"), []
    for layer in on_meta(name).features:
        x = layer(x)
        if isinstance(layer, nn.MaxPool2d):
            shapes.append(tuple(x.shape[1:]))
    assert shapes == [(64, 112, 112), (128, 56, 56), (256, 28, 28), (512, 14, 14), (512, 7, 7)]


@every_entry
def test_counts_are_the_sum_over_the_table(name: str) -> None:
    counted = build_and_count(SPECS[name].build, SPECS[name].input_size)
    assert (counted.params, counted.macs) == by_hand(name)


@every_depth
def test_the_sum_over_the_table_is_what_the_paper_prints(name: str) -> None:
    assert round(by_hand(name)[0] / 1e6) == MILLIONS[name]
    (stated,) = SPECS[name].stated
    assert stated.value == MILLIONS[name] * 1e6
    assert not SPECS[name + "_bn"].stated


@every_depth
def test_batch_norm_stands_between_each_convolution_and_its_rectifier(name: str) -> None:
    layers = list(on_meta(name + "_bn").features)
    followers = [layers[i + 1 : i + 3] for i, m in enumerate(layers) if isinstance(m, nn.Conv2d)]
    assert all(isinstance(norm, nn.BatchNorm2d) for norm, _ in followers)
    assert all(isinstance(rectifier, nn.ReLU) for _, rectifier in followers)
    plain = [type(m) for m in layers if not isinstance(m, nn.BatchNorm2d)]
    assert plain == [type(m) for m in on_meta(name).features]


def test_no_network_with_batch_norm_is_older_than_batch_norm() -> None:
    years = {spec.year for name, spec in SPECS.items() if not name.endswith("_bn")}
    assert years == {2014}
    assert min(spec.year for name, spec in SPECS.items() if name.endswith("_bn")) >= 2015
