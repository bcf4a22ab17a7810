"""Inception-v3 against hand arithmetic over its layer table and Table 1 of the paper."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from opbench.architectures.inception_v3 import ARCHITECTURES, InceptionV3
from opbench.counting import build_and_count

(SPEC,) = ARCHITECTURES

# A convolution with batch norm: kernel area, in_channels, out_channels, side of the output map.
Conv = tuple[int, int, int, int]

STEM: list[Conv] = [
    (9, 3, 32, 149),
    (9, 32, 32, 147),
    (9, 32, 64, 147),
    (1, 64, 80, 73),
    (9, 80, 192, 71),
]


def module_a(cin: int, project: int) -> list[Conv]:
    return [
        *((1, cin, width, 35) for width in (64, 48, 64, project)),
        (25, 48, 64, 35),
        (9, 64, 96, 35),
        (9, 96, 96, 35),
    ]


def reduction_a(cin: int) -> list[Conv]:
    return [(9, cin, 384, 17), (1, cin, 64, 35), (9, 64, 96, 35), (9, 96, 96, 17)]


def module_b(cin: int, n: int) -> list[Conv]:
    """A 7x7 as 1x7 and 7x1, once in one branch and twice in the other."""
    reductions = [(1, cin, width, 17) for width in (192, n, n, 192)]
    single = [(7, n, n, 17), (7, n, 192, 17)]
    double = [(7, n, n, 17), (7, n, n, 17), (7, n, n, 17), (7, n, 192, 17)]
    return reductions + single + double


def reduction_b(cin: int) -> list[Conv]:
    return [
        (1, cin, 192, 17),
        (9, 192, 320, 8),
        (1, cin, 192, 17),
        (7, 192, 192, 17),
        (7, 192, 192, 17),
        (9, 192, 192, 8),
    ]


def module_c(cin: int) -> list[Conv]:
    reductions = [(1, cin, width, 8) for width in (320, 384, 448, 192)]
    return [*reductions, (9, 448, 384, 8), *([(3, 384, 384, 8)] * 4)]


# name: convolutions, channels and side of the output.
TABLE: dict[str, tuple[list[Conv], int, int]] = {
    "a1": (module_a(192, 32), 64 + 64 + 96 + 32, 35),
    "a2": (module_a(256, 64), 64 + 64 + 96 + 64, 35),
    "a3": (module_a(288, 64), 288, 35),
    "reduce_a": (reduction_a(288), 384 + 96 + 288, 17),
    "b1": (module_b(768, 128), 4 * 192, 17),
    "b2": (module_b(768, 160), 768, 17),
    "b3": (module_b(768, 160), 768, 17),
    "b4": (module_b(768, 192), 768, 17),
    "reduce_b": (reduction_b(768), 320 + 192 + 768, 8),
    "c1": (module_c(1280), 320 + 2 * 384 + 2 * 384 + 192, 8),
    "c2": (module_c(2048), 2048, 8),
}


def all_convs() -> list[Conv]:
    return STEM + [conv for convs, _, _ in TABLE.values() for conv in convs]


def on_meta() -> InceptionV3:
    with torch.device("meta"):
        return InceptionV3()


def test_the_rows_of_the_table_sum_to_the_counts() -> None:
    params = sum(area * cin * cout + 2 * cout for area, cin, cout, _ in all_convs())
    macs = sum(area * cin * cout * side * side for area, cin, cout, side in all_convs())
    counted = build_and_count(InceptionV3, SPEC.input_size)
    assert counted.params == params + 2049 * 1000 == 23_834_568
    assert counted.macs == macs + 2048 * 1000 == 5_713_216_096


def test_built_network_has_the_convolutions_of_the_table_without_biases() -> None:
    network = on_meta()
    built = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert sorted(
        (m.kernel_size[0] * m.kernel_size[1], m.in_channels, m.out_channels) for m in built
    ) == sorted(row[:3] for row in all_convs())
    assert all(m.bias is None for m in built)


def test_rows_and_columns_are_equally_many() -> None:
    kernels = [m.kernel_size for m in on_meta().modules() if isinstance(m, nn.Conv2d)]
    assert kernels.count((1, 7)) == kernels.count((7, 1)) == 4 * 3 + 1
    assert kernels.count((1, 3)) == kernels.count((3, 1)) == 2 * 2


def test_each_module_makes_the_channels_and_the_side_of_the_table() -> None:
    x = torch.empty(1, *SPEC.input_size, device="meta")
    network = on_meta()
    x = network.stem(x)
    assert x.shape == (1, 192, 35, 35)
    for name, module in network.blocks.named_children():
        x = module(x)
        _, channels, side = TABLE[name]
        assert x.shape == (1, channels, side, side), name


def test_sizes_of_the_stem_are_those_of_the_paper() -> None:
    """Table 1 prints the input size of every row: 149, 147, 147, 73, 71, then 35."""
    x = torch.empty(1, *SPEC.input_size, device="meta")
    sides = []
    for layer in on_meta().stem:
        x = layer(x)
        sides.append(x.shape[-1])
    assert sides == [149, 147, 147, 73, 73, 71, 35]


def test_an_average_does_not_count_the_padding() -> None:
    network: Any = InceptionV3()
    pool = network.blocks.a1.branch_pool[0]
    ones = torch.ones(1, 1, 4, 4)
    assert torch.equal(pool(ones), ones)
