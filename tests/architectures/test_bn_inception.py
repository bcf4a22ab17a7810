"""BN-Inception against hand arithmetic over Figure 5 of its paper."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from opbench.architectures.bn_inception import ARCHITECTURES, BNInception
from opbench.counting import build_and_count

(SPEC,) = ARCHITECTURES
PARAMS, MACS = 11_194_984, 2_018_851_840

# Figure 5: in, 1x1, 3x3 reduction, 3x3, double 3x3 reduction, double 3x3, projection, printed
# channels of the output.  A projection of 0 is a pooled input that passes through, stride 2.
TABLE = {
    "3a": (192, 64, 64, 64, 64, 96, 32, 256),
    "3b": (256, 64, 64, 96, 64, 96, 64, 320),
    "3c": (320, 0, 128, 160, 64, 96, 0, 576),
    "4a": (576, 224, 64, 96, 96, 128, 128, 576),
    "4b": (576, 192, 96, 128, 96, 128, 128, 576),
    "4c": (576, 160, 128, 160, 128, 160, 96, 576),
    "4d": (576, 96, 128, 192, 160, 192, 96, 576),
    "4e": (576, 0, 128, 192, 192, 256, 0, 1024),
    "5a": (1024, 352, 192, 320, 160, 224, 128, 1024),
    "5b": (1024, 352, 192, 320, 192, 224, 128, 1024),
}
SIDES = {"3": 28, "4": 14, "5": 7}
STEM = [(7, 3, 64, 112), (1, 64, 64, 56), (3, 64, 192, 56)]

# A convolution: kernel, in_channels, out_channels, side of the output map.
Conv = tuple[int, int, int, int]


def module_convs(name: str) -> list[Conv]:
    in_channels, one, reduce3, three, reduce33, double, project, _ = TABLE[name]
    side = SIDES[name[0]]
    last = side if project else side // 2
    convs = [
        (1, in_channels, reduce3, side),
        (3, reduce3, three, last),
        (1, in_channels, reduce33, side),
        (3, reduce33, double, side),
        (3, double, double, last),
    ]
    if project:
        convs += [(1, in_channels, one, side), (1, in_channels, project, side)]
    return convs


def all_convs() -> list[Conv]:
    return STEM + [conv for name in TABLE for conv in module_convs(name)]


def on_meta() -> BNInception:
    with torch.device("meta"):
        return BNInception()


def test_the_rows_of_the_table_sum_to_the_counts() -> None:
    params = sum(k * k * cin * cout + 2 * cout for k, cin, cout, _ in all_convs())
    macs = sum(k * k * cin * cout * side * side for k, cin, cout, side in all_convs())
    assert (params + 1025 * 1000, macs + 1024 * 1000) == (PARAMS, MACS)
    counted = build_and_count(BNInception, SPEC.input_size)
    assert (counted.params, counted.macs) == (PARAMS, MACS)


def test_built_network_has_the_convolutions_of_the_table_without_biases() -> None:
    network = on_meta()
    built = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert sorted((m.kernel_size[0], m.in_channels, m.out_channels) for m in built) == sorted(
        row[:3] for row in all_convs()
    )
    assert all(m.bias is None for m in built)


@pytest.mark.parametrize("name", TABLE)
def test_widths_of_a_module_add_up_to_the_printed_output(name: str) -> None:
    in_channels, one, _, three, _, double, project, printed = TABLE[name]
    assert one + three + double + (project or in_channels) == printed


def test_each_module_makes_the_channels_and_the_side_of_the_table() -> None:
    seen = {}
    network = on_meta()
    for name in TABLE:
        module = getattr(network, f"inception_{name}")
        module.register_forward_hook(lambda m, x, y, n=name: seen.update({n: y.shape[1:]}))
    network(torch.empty(1, *SPEC.input_size, device="meta"))
    expected = {}
    for name, row in TABLE.items():
        side = SIDES[name[0]] // (1 if row[6] else 2)
        expected[name] = (row[7], side, side)
    assert seen == expected


def test_the_quoted_caffe_port_differs_by_two_projections_and_the_biases() -> None:
    """128 in 4c and 4d makes 608 channels for 4d and 4e to read; 11,295,240 is published."""
    wider = 32 * 576 + 2 * 32  # 4c's projection
    wider += 32 * (96 + 128 + 160)  # 4d's reductions and 1x1 read 32 channels more
    wider += (576 + 32) * 128 - 576 * 96 + 2 * 32  # 4d's projection
    wider += 32 * (128 + 192)  # 4e's reductions
    wider += 32 * (352 + 192 + 160 + 128)  # 5a reads 4e's 1056
    biases = sum(cout for _, _, cout, _ in all_convs()) + 2 * 32
    assert PARAMS + wider + biases == 11_295_240


def test_only_the_last_module_pools_the_maximum() -> None:
    network = on_meta()
    pools = {name: type(getattr(network, f"inception_{name}").branch_pool[0]) for name in TABLE
             if TABLE[name][6]}  # fmt: skip
    assert pools.pop("5b") is nn.MaxPool2d
    assert set(pools.values()) == {nn.AvgPool2d}
