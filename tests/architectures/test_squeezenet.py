"""SqueezeNet against Table 1 and the authors' operation counts."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from opbench.architectures.squeezenet import ARCHITECTURES, Fire
from opbench.counting import build_and_count

SPECS = {spec.name: spec for spec in ARCHITECTURES}

# squeeze, expand of fire2 to fire9, the same in both versions
EXPANSIONS = [
    (16, 64),
    (16, 64),
    (32, 128),
    (32, 128),
    (48, 192),
    (48, 192),
    (64, 256),
    (64, 256),
]
STEM = {"squeezenet1_0": (96, 7), "squeezenet1_1": (64, 3)}

# Side of conv1's map, then of the maps of fire2 to fire9, by input side.
SIDES = {
    ("squeezenet1_0", 224): (109, [54] * 3 + [27] * 4 + [13]),
    ("squeezenet1_0", 227): (111, [55] * 3 + [27] * 4 + [13]),
    ("squeezenet1_1", 224): (111, [55] * 2 + [27] * 2 + [13] * 4),
    ("squeezenet1_1", 227): (113, [56] * 2 + [28] * 2 + [14] * 4),
}
PARAMS = {"squeezenet1_0": 1_248_424, "squeezenet1_1": 1_235_496}
MACS = {
    ("squeezenet1_0", 224): 818_924_576,
    ("squeezenet1_0", 227): 832_667_936,
    ("squeezenet1_1", 224): 349_151_936,
    ("squeezenet1_1", 227): 387_747_520,
}

every_version = pytest.mark.parametrize("name", STEM)


def fires(name: str) -> list[tuple[int, int, int]]:
    in_channels = [STEM[name][0], *(2 * expand for _, expand in EXPANSIONS)]
    return [(c, s, e) for c, (s, e) in zip(in_channels, EXPANSIONS, strict=False)]


@every_version
def test_table_1_sums_to_the_parameters(name: str) -> None:
    filters, kernel = STEM[name]
    params = filters * (3 * kernel**2 + 1) + 1000 * (512 + 1)
    params += sum(s * (c + 1) + e * (s + 1) + e * (9 * s + 1) for c, s, e in fires(name))
    assert params == PARAMS[name]
    assert sum(p.numel() for p in SPECS[name].build().parameters()) == params


@pytest.mark.parametrize(("name", "side"), SIDES)
def test_layers_sum_to_the_macs(name: str, side: int) -> None:
    (filters, kernel), (stem_side, sides) = STEM[name], SIDES[name, side]
    macs = stem_side**2 * filters * 3 * kernel**2 + sides[-1] ** 2 * 512 * 1000
    for (c, s, e), fire_side in zip(fires(name), sides, strict=True):
        macs += fire_side**2 * (c * s + s * e + 9 * s * e)
    counted = build_and_count(SPECS[name].build, (3, side, side))
    assert macs == counted.macs == MACS[name, side]


@pytest.mark.parametrize(("name", "side"), SIDES)
def test_maps_shrink_as_in_the_table(name: str, side: int) -> None:
    with torch.device("meta"):
        network = SPECS[name].build()
        x, sides = network.stem(torch.empty(1, 3, side, side)), []
    stem_side = x.shape[-1]
    for layer in network.features:
        x = layer(x)
        if isinstance(layer, Fire):
            sides.append(x.shape[-1])
    assert (stem_side, sides) == SIDES[name, side]


def test_the_printed_111_needs_an_input_of_227() -> None:
    assert SIDES["squeezenet1_0", 227][0] == 111 == (227 - 7) // 2 + 1
    assert SIDES["squeezenet1_0", 224][0] == 109 == (224 - 7) // 2 + 1


def test_the_authors_1_72_comes_from_padding_conv10() -> None:
    padded = MACS["squeezenet1_0", 227] + (15**2 - 13**2) * 512 * 1000
    assert padded == 861_339_936
    assert round(2 * padded / 1e9, 2) == 1.72


def test_fire_concatenates_both_expansions_of_one_squeezed_map() -> None:
    fire = Fire(8, 2, 3)
    x = torch.rand(1, 8, 5, 5)
    squeezed = fire.squeeze(x).relu()
    expected = torch.cat([fire.expand1x1(squeezed), fire.expand3x3(squeezed)], dim=1).relu()
    torch.testing.assert_close(fire(x), expected)


def test_dropout_stands_before_the_last_convolution() -> None:
    head = SPECS["squeezenet1_0"].build().classifier
    assert isinstance(head[0], nn.Dropout) and isinstance(head[1], nn.Conv2d)
