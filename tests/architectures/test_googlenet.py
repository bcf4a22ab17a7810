"""GoogLeNet against hand arithmetic over Table 1 of its paper and the table's own ops."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from opbench.architectures.googlenet import ARCHITECTURES, GoogLeNet
from opbench.counting import build_and_count

(SPEC,) = ARCHITECTURES
PARAMS, MACS = 6_998_552, 1_582_671_872

# Table 1: in, 1x1, 3x3 reduction, 3x3, 5x5 reduction, 5x5, projection; side; printed million ops.
TABLE = {
    "3a": ((192, 64, 96, 128, 16, 32, 32), 28, 128),
    "3b": ((256, 128, 128, 192, 32, 96, 64), 28, 304),
    "4a": ((480, 192, 96, 208, 16, 48, 64), 14, 73),
    "4b": ((512, 160, 112, 224, 24, 64, 64), 14, 88),
    "4c": ((512, 128, 128, 256, 24, 64, 64), 14, 100),
    "4d": ((512, 112, 144, 288, 32, 64, 64), 14, 119),
    "4e": ((528, 256, 160, 320, 32, 128, 128), 14, 170),
    "5a": ((832, 256, 160, 320, 32, 128, 128), 7, 54),
    "5b": ((832, 384, 192, 384, 48, 128, 128), 7, 71),
}
CHANNELS = {
    "3a": 256, "3b": 480, "4a": 512, "4b": 512, "4c": 512, "4d": 528, "4e": 832, "5a": 832,
    "5b": 1024,
}  # fmt: skip
STEM = [(7, 3, 64, 112), (1, 64, 64, 56), (3, 64, 192, 56)]

# A convolution: kernel, in_channels, out_channels, side of the output map.
Conv = tuple[int, int, int, int]


def module_convs(name: str) -> list[Conv]:
    (in_channels, one, reduce3, three, reduce5, five, project), side, _ = TABLE[name]
    return [
        (1, in_channels, one, side),
        (1, in_channels, reduce3, side),
        (3, reduce3, three, side),
        (1, in_channels, reduce5, side),
        (5, reduce5, five, side),
        (1, in_channels, project, side),
    ]


def all_convs() -> list[Conv]:
    return STEM + [conv for name in TABLE for conv in module_convs(name)]


def weights(convs: list[Conv]) -> int:
    return sum(k * k * cin * cout for k, cin, cout, _ in convs)


def macs(convs: list[Conv]) -> int:
    return sum(k * k * cin * cout * side * side for k, cin, cout, side in convs)


def on_meta() -> GoogLeNet:
    with torch.device("meta"):
        return GoogLeNet()


def test_the_rows_of_the_table_sum_to_the_counts() -> None:
    biases = sum(cout for _, _, cout, _ in all_convs())
    assert weights(all_convs()) + biases + 1025 * 1000 == PARAMS
    assert macs(all_convs()) + 1024 * 1000 == MACS
    counted = build_and_count(GoogLeNet, SPEC.input_size)
    assert (counted.params, counted.macs) == (PARAMS, MACS)


def test_built_network_has_the_convolutions_of_the_table() -> None:
    network = on_meta()
    built = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert sorted((m.kernel_size[0], m.in_channels, m.out_channels) for m in built) == sorted(
        row[:3] for row in all_convs()
    )


def test_each_module_makes_the_channels_and_the_side_of_the_table() -> None:
    seen = {}
    network = on_meta()
    for path, module in network.named_modules():
        name = path.rpartition("inception_")[2]
        if name in TABLE:
            module.register_forward_hook(lambda m, x, y, n=name: seen.update({n: y.shape[1:]}))
    network(torch.empty(1, *SPEC.input_size, device="meta"))
    assert seen == {name: (CHANNELS[name], side, side) for name, (_, side, _) in TABLE.items()}


@pytest.mark.parametrize("name", sorted(set(TABLE) - {"5a"}))
def test_operations_of_a_module_are_those_that_the_paper_prints(name: str) -> None:
    printed = TABLE[name][2]
    assert macs(module_convs(name)) == pytest.approx(printed * 1e6, abs=0.7e6)


def test_the_paper_counts_its_first_convolution_as_a_separable_one() -> None:
    """8 channels per input channel, then 1x1: the 2.7K weights and 34M ops of its first row."""
    separable = 7 * 7 * 3 * 8 + 3 * 8 * 64
    assert separable == 2712
    assert round(separable / 1000, 1) == 2.7
    assert round(separable * 112**2 / 1e6) == 34
    as_printed = MACS - macs(STEM[:1]) + separable * 112**2
    assert round(as_printed / 1e9, 2) == 1.50


def test_a_thousand_parameters_are_1024_in_the_paper() -> None:
    assert round(weights(module_convs("3a")) / 1024, 1) == 159.5
    assert weights(STEM[1:]) == 112 * 1024


def test_branches_are_stacked_in_the_order_of_the_table() -> None:
    network: Any = GoogLeNet()
    module = network.stage3.inception_3a.eval()
    x = torch.rand(1, 192, 5, 5)
    y = module(x)
    assert torch.equal(y[:, :64], module.branch_1x1(x))
    assert torch.equal(y[:, 64:192], module.branch_3x3(x))
    assert torch.equal(y[:, 192:224], module.branch_5x5(x))
    assert torch.equal(y[:, 224:], module.branch_pool(x))
