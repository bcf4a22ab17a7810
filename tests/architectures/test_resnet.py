"""ResNet against sums over the rows of the paper's tables and the printed figures."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from opbench.architectures.resnet import ARCHITECTURES, ZeroPadShortcut
from opbench.counting import build_and_count

SPECS = {spec.name: spec for spec in ARCHITECTURES}

# params (with batch norm's affine pair), MACs for one image
EXPECTED = {
    "resnet18": (11_689_512, 1_814_073_344),
    "resnet34": (21_797_672, 3_663_761_408),
    "resnet50": (25_557_032, 3_857_973_248),
    "resnet50_v1_5": (25_557_032, 4_089_184_256),
    "resnet101": (44_549_160, 7_570_194_432),
    "resnet101_v1_5": (44_549_160, 7_801_405_440),
    "resnet152": (60_192_808, 11_282_415_616),
    "resnet152_v1_5": (60_192_808, 11_513_626_624),
    "resnet110_cifar": (1_727_962, 252_887_680),
    "resnet1202_cifar": (19_421_274, 2_829_238_912),
}
DEPTHS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}

# A convolution with batch norm: kernel, in_channels, out_channels, side of the output map.
Conv = tuple[int, int, int, int]


def basic_block(in_channels: int, out_channels: int, side: int) -> list[Conv]:
    return [(3, in_channels, out_channels, side), (3, out_channels, out_channels, side)]


def bottleneck_block(
    in_channels: int, width: int, side: int, reduced_side: int | None = None
) -> list[Conv]:
    return [
        (1, in_channels, width, reduced_side or side),
        (3, width, width, side),
        (1, width, 4 * width, side),
    ]


def imagenet_convs(name: str) -> list[Conv]:
    """Table 1, column by column."""
    layers = int(name.removeprefix("resnet").removesuffix("_v1_5"))
    convs: list[Conv] = [(7, 3, 64, 112)]
    in_channels, side = 64, 56
    for stage, depth in enumerate(DEPTHS[layers]):
        width = 64 * 2**stage
        previous_side = side
        side = 56 // 2**stage
        for _ in range(depth):
            out_channels = width if layers < 50 else 4 * width
            if layers < 50:
                convs += basic_block(in_channels, width, side)
            else:
                reduced_side = previous_side if name.endswith("_v1_5") else side
                convs += bottleneck_block(in_channels, width, side, reduced_side)
            if in_channels != out_channels:
                convs.append((1, in_channels, out_channels, side))
            in_channels, previous_side = out_channels, side
    return convs


def cifar_convs(name: str) -> list[Conv]:
    """Section 4.2: 1 + 6n convolutions of 3x3, no projections."""
    n = (int(name.removeprefix("resnet").removesuffix("_cifar")) - 2) // 6
    convs: list[Conv] = [(3, 3, 16, 32)]
    in_channels = 16
    for width, side in ((16, 32), (32, 16), (64, 8)):
        for _ in range(n):
            convs += basic_block(in_channels, width, side)
            in_channels = width
    return convs


@pytest.mark.parametrize("name", EXPECTED)
def test_the_rows_of_the_tables_sum_to_the_counts(name: str) -> None:
    cifar = name.endswith("_cifar")
    convs = cifar_convs(name) if cifar else imagenet_convs(name)
    features, classes = convs[-1][2], 10 if cifar else 1000
    params = sum(k * k * cin * cout + 2 * cout for k, cin, cout, _ in convs)
    macs = sum(k * k * cin * cout * side * side for k, cin, cout, side in convs)
    assert (params + (features + 1) * classes, macs + features * classes) == EXPECTED[name]
    counted = build_and_count(SPECS[name].build, SPECS[name].input_size)
    assert (counted.params, counted.macs) == EXPECTED[name]


@pytest.mark.parametrize("name", EXPECTED)
def test_built_network_has_the_convolutions_of_the_table(name: str) -> None:
    with torch.device("meta"):
        network = SPECS[name].build()
    table = cifar_convs(name) if name.endswith("_cifar") else imagenet_convs(name)
    built = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert sorted((m.kernel_size[0], m.in_channels, m.out_channels) for m in built) == sorted(
        row[:3] for row in table
    )
    assert all(m.bias is None for m in built)


@pytest.mark.parametrize(
    ("name", "kernel"), [("resnet50", 1), ("resnet50_v1_5", 3), ("resnet18", 3)]
)
def test_stride_sits_in_the_named_convolution(name: str, kernel: int) -> None:
    with torch.device("meta"):
        network = SPECS[name].build()
    for stage in network.stages[1:]:
        strided = [
            m.kernel_size
            for m in stage[0].residual
            if isinstance(m, nn.Conv2d) and m.stride == (2, 2)
        ]
        assert strided == [(kernel, kernel)]
        assert all(m.stride == (1, 1) for m in stage[1:].modules() if isinstance(m, nn.Conv2d))


def test_moving_the_stride_changes_three_convolutions_only() -> None:
    """The first 1x1 of stages 3 to 5 then runs on a map four times as large."""
    extra = 3 * (56**2 * 256 * 128 - 28**2 * 256 * 128)  # the same product in each stage
    assert EXPECTED["resnet50_v1_5"][1] - EXPECTED["resnet50"][1] == extra


def test_option_a_shortcut_copies_every_other_pixel_and_pads_zero_channels() -> None:
    shortcut = ZeroPadShortcut(2, 4, 2)
    x = torch.arange(2 * 4 * 4, dtype=torch.float32).reshape(1, 2, 4, 4)
    y = shortcut(x)
    assert list(shortcut.parameters()) == []
    assert y[0, 0].tolist() == [[0, 2], [8, 10]]
    assert y[0, 1].tolist() == [[16, 18], [24, 26]]
    assert not y[0, 2:].any()


@pytest.mark.parametrize("name", ["resnet110_cifar", "resnet1202_cifar"])
def test_depth_of_the_cifar_networks_is_in_their_name(name: str) -> None:
    with torch.device("meta"):
        network = SPECS[name].build()
    weighted = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert f"resnet{len(weighted)}_cifar" == name


def test_a_block_whose_residual_is_zero_passes_its_input_on() -> None:
    block = SPECS["resnet110_cifar"].build().stages[0][0].eval()
    for parameter in block.parameters():
        nn.init.zeros_(parameter)
    x = torch.rand(1, 16, 8, 8)
    assert torch.equal(block(x), x)


def test_table_1_prints_34_layers_without_projections() -> None:
    projections = 28**2 * 64 * 128 + 14**2 * 128 * 256 + 7**2 * 256 * 512
    assert projections == 19_267_584
    without = EXPECTED["resnet34"][1] - projections
    assert without == 3_644_493_824
    assert round(without / 1e8) == 36
