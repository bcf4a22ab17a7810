"""Inception-v4 and the Inception-ResNets against hand arithmetic over the figures.

``inception_resnet_v1`` has no published integer: its expected counts are the sums below, and the
parameters of a published relative, which differs in two known places, are met from them.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from opbench.architectures._blocks import Concat
from opbench.architectures.inception_v4 import ARCHITECTURES, Residual
from opbench.counting import build_and_count

SPECS = {spec.name: spec for spec in ARCHITECTURES}
EXPECTED = {
    "inception_v4": (42_679_816, 12_253_974_624),
    "inception_resnet_v1": (22_756_328, 6_206_361_696),
    "inception_resnet_v2": (55_843_464, 13_155_794_016),
}

# A convolution: kernel area, in_channels, out_channels, side of the output map; those of a
# fifth "linear" have a bias and no batch norm, all others batch norm and no bias.
Conv = tuple[int, int, int, int] | tuple[int, int, int, int, str]


def chain(cin: int, side: int, *layers: tuple[int, int]) -> list[Conv]:
    """Convolutions of (kernel area, width) in a row on a map of one size."""
    convs: list[Conv] = []
    for area, width in layers:
        convs.append((area, cin, width, side))
        cin = width
    return convs


def stem_of_v4() -> list[Conv]:
    return [
        *((9, 3, 32, 149), (9, 32, 32, 147), (9, 32, 64, 147)),
        (9, 64, 96, 73),
        *chain(160, 73, (1, 64)),
        (9, 64, 96, 71),
        *chain(160, 73, (1, 64), (7, 64), (7, 64)),
        (9, 64, 96, 71),
        (9, 192, 192, 35),
    ]


def stem_of_v3() -> list[Conv]:
    return [
        *((9, 3, 32, 149), (9, 32, 32, 147), (9, 32, 64, 147)),
        *((1, 64, 80, 73), (9, 80, 192, 71)),
    ]


def reduction_a(cin: int, k: int, l: int, m: int, n: int) -> list[Conv]:  # noqa: E741
    return [(9, cin, n, 17), *chain(cin, 35, (1, k), (9, l)), (9, l, m, 17)]


def v4() -> list[Conv]:
    a = [
        *chain(384, 35, (1, 96)),
        *chain(384, 35, (1, 96)),
        *chain(384, 35, (1, 64), (9, 96)),
        *chain(384, 35, (1, 64), (9, 96), (9, 96)),
    ]
    b = [
        *chain(1024, 17, (1, 128)),
        *chain(1024, 17, (1, 384)),
        *chain(1024, 17, (1, 192), (7, 224), (7, 256)),
        *chain(1024, 17, (1, 192), (7, 192), (7, 224), (7, 224), (7, 256)),
    ]
    reduce_b = [
        *chain(1024, 17, (1, 192)),
        (9, 192, 192, 8),
        *chain(1024, 17, (1, 256), (7, 256), (7, 320)),
        (9, 320, 320, 8),
    ]
    c = [
        *chain(1536, 8, (1, 256)),
        *chain(1536, 8, (1, 256)),
        *chain(1536, 8, (1, 384)),
        *([(3, 384, 256, 8)] * 2),
        *chain(1536, 8, (1, 384), (3, 448), (3, 512)),
        *([(3, 512, 256, 8)] * 2),
    ]
    return stem_of_v4() + 4 * a + reduction_a(384, 192, 224, 256, 384) + 7 * b + reduce_b + 3 * c


def residual_a(cin: int, w1: int, w2: int) -> list[Conv]:
    return [
        *chain(cin, 35, (1, 32)),
        *chain(cin, 35, (1, 32), (9, 32)),
        *chain(cin, 35, (1, 32), (9, w1), (9, w2)),
        (1, 64 + w2, cin, 35, "linear"),
    ]


def residual_b(cin: int, one: int, w1: int, w2: int) -> list[Conv]:
    return [
        *chain(cin, 17, (1, one)),
        *chain(cin, 17, (1, 128), (7, w1), (7, w2)),
        (1, one + w2, cin, 17, "linear"),
    ]


def residual_c(cin: int, w1: int, w2: int) -> list[Conv]:
    return [
        *chain(cin, 8, (1, 192)),
        *chain(cin, 8, (1, 192), (3, w1), (3, w2)),
        (1, 192 + w2, cin, 8, "linear"),
    ]


def reduction_b(cin: int, w1: int, w2: int, w3: int) -> list[Conv]:
    return [
        *((1, cin, 256, 17), (9, 256, 384, 8)),
        *((1, cin, 256, 17), (9, 256, w1, 8)),
        *((1, cin, 256, 17), (9, 256, w2, 17), (9, w2, w3, 8)),
    ]


def resnet_v1() -> list[Conv]:
    return [
        *stem_of_v3(),
        (9, 192, 256, 35),
        *5 * residual_a(256, 32, 32),
        *reduction_a(256, 192, 192, 256, 384),
        *10 * residual_b(896, 128, 128, 128),
        *reduction_b(896, 256, 256, 256),
        *5 * residual_c(1792, 192, 192),
    ]


def resnet_v2() -> list[Conv]:
    return [
        *stem_of_v3(),
        *chain(192, 35, (1, 96)),
        *chain(192, 35, (1, 48), (25, 64)),
        *chain(192, 35, (1, 64), (9, 96), (9, 96)),
        *chain(192, 35, (1, 64)),
        *10 * residual_a(320, 48, 64),
        *reduction_a(320, 256, 256, 384, 384),
        *20 * residual_b(1088, 192, 160, 192),
        *reduction_b(1088, 288, 288, 320),
        *10 * residual_c(2080, 224, 256),
        (1, 2080, 1536, 8),
    ]


TABLES = {
    "inception_v4": v4(),
    "inception_resnet_v1": resnet_v1(),
    "inception_resnet_v2": resnet_v2(),
}
FEATURES = {"inception_v4": 1536, "inception_resnet_v1": 1792, "inception_resnet_v2": 1536}
# Number of blocks, channels and side after the stem and after each of A, reduction, B, ...
STAGES = {
    "inception_v4": ((4, 384), 1024, (7, 1024), 1536, (3, 1536)),
    "inception_resnet_v1": ((5, 256), 896, (10, 896), 1792, (5, 1792)),
    "inception_resnet_v2": ((10, 320), 1088, (20, 1088), 2080, (10, 2080)),
}

every_network = pytest.mark.parametrize("name", EXPECTED)


def on_meta(name: str) -> Any:
    with torch.device("meta"):
        return SPECS[name].build()


def params_of(conv: Conv) -> int:
    area, cin, cout, *rest = conv
    return area * cin * cout + (cout if "linear" in rest else 2 * cout)


def macs_of(conv: Conv) -> int:
    area, cin, cout, side = conv[:4]
    return area * cin * cout * side * side


@every_network
def test_the_rows_of_the_figures_sum_to_the_counts(name: str) -> None:
    params = sum(map(params_of, TABLES[name])) + (FEATURES[name] + 1) * 1000
    macs = sum(map(macs_of, TABLES[name])) + FEATURES[name] * 1000
    counted = build_and_count(SPECS[name].build, SPECS[name].input_size)
    assert (params, macs) == (counted.params, counted.macs) == EXPECTED[name]


@every_network
def test_built_network_has_the_convolutions_of_the_figures(name: str) -> None:
    network = on_meta(name)
    built = [
        (
            m.kernel_size[0] * m.kernel_size[1],
            m.in_channels,
            m.out_channels,
            m.bias is not None,
        )
        for m in network.modules()
        if isinstance(m, nn.Conv2d)
    ]
    assert sorted(built) == sorted((*row[:3], "linear" in row) for row in TABLES[name])


@every_network
def test_stages_have_the_blocks_the_channels_and_the_sides_of_the_figures(name: str) -> None:
    (count_a, a), reduce_a, (count_b, b), reduce_b, (count_c, c) = STAGES[name]
    expected = [
        *[(a, 35, 35)] * count_a,
        (reduce_a, 17, 17),
        *[(b, 17, 17)] * count_b,
        (reduce_b, 8, 8),
        *[(c, 8, 8)] * count_c,
    ]
    if name == "inception_resnet_v2":
        expected.append((1536, 8, 8))
    network = on_meta(name)
    x = network.stem(torch.empty(1, *SPECS[name].input_size, device="meta"))
    assert x.shape[1:] == (a, 35, 35)
    shapes = []
    for block in network.blocks:
        x = block(x)
        shapes.append(tuple(x.shape[1:]))
    assert shapes == expected


def test_v4_stem_has_the_sizes_of_figure_3() -> None:
    x = torch.empty(1, 3, 299, 299, device="meta")
    shapes = []
    for layer in on_meta("inception_v4").stem:
        x = layer(x)
        shapes.append(tuple(x.shape[1:3]))
    assert shapes == [(32, 149), (32, 147), (64, 147), (160, 73), (192, 71), (384, 35)]


def test_the_variant_that_circulates_differs_by_a_block_and_a_layer() -> None:
    """Published: 23,995,624 parameters with a sixth C and 1792-512-1000, the 512 normalised."""
    block = sum(map(params_of, residual_c(1792, 192, 192)))
    head = 1792 * 512 + 2 * 512 + 513 * 1000 - 1793 * 1000
    assert (block, head) == (1_600_768, -361_472)
    assert EXPECTED["inception_resnet_v1"][0] + block + head == 23_995_624


def test_a_residual_is_scaled_before_it_is_added() -> None:
    block: Any = Residual(Concat(same=nn.Identity()), 2, 2, 0.1)
    nn.init.dirac_(block.linear.weight)
    nn.init.zeros_(block.linear.bias)
    x = torch.tensor([1.0, -1.0]).reshape(1, 2, 1, 1)
    assert block(x).flatten().tolist() == pytest.approx([1.1, 0.0])


def test_the_last_block_of_v2_neither_scales_nor_rectifies() -> None:
    blocks = [m for m in on_meta("inception_resnet_v2").modules() if isinstance(m, Residual)]
    assert [block.scale for block in blocks] == [0.17] * 10 + [0.10] * 20 + [0.20] * 9 + [1.0]
    assert isinstance(blocks[-1].relu, nn.Identity)
    assert all(isinstance(block.relu, nn.ReLU) for block in blocks[:-1])
