"""Xception against hand arithmetic over Figure 5 of its paper."""

from __future__ import annotations

import torch
from torch import nn

from opbench.architectures.xception import ARCHITECTURES, Residual, SeparableConv, Xception
from opbench.counting import build_and_count

(SPEC,) = ARCHITECTURES

# Figure 5: separable convolutions as in_channels, out_channels, side; plain ones as kernel, ...
SEPARABLE = [
    *((64, 128, 147), (128, 128, 147)),
    *((128, 256, 74), (256, 256, 74)),
    *((256, 728, 37), (728, 728, 37)),
    *[(728, 728, 19)] * 24,
    *((728, 728, 19), (728, 1024, 19)),
    *((1024, 1536, 10), (1536, 2048, 10)),
]
PLAIN = [(3, 3, 32, 149), (3, 32, 64, 147)]
SHORTCUTS = [(1, 64, 128, 74), (1, 128, 256, 37), (1, 256, 728, 19), (1, 728, 1024, 10)]


def on_meta() -> Xception:
    with torch.device("meta"):
        return Xception()


def test_the_rows_of_the_figure_sum_to_the_counts() -> None:
    params = sum(9 * cin + cin * cout + 2 * cout for cin, cout, _ in SEPARABLE)
    params += sum(k * k * cin * cout + 2 * cout for k, cin, cout, _ in PLAIN + SHORTCUTS)
    macs = sum((9 * cin + cin * cout) * side**2 for cin, cout, side in SEPARABLE)
    macs += sum(k * k * cin * cout * side**2 for k, cin, cout, side in PLAIN + SHORTCUTS)
    counted = build_and_count(Xception, SPEC.input_size)
    assert counted.params == params + 2049 * 1000 == 22_855_952
    assert counted.macs == macs + 2048 * 1000 == 8_357_403_496


def test_built_network_has_the_convolutions_of_the_figure() -> None:
    network = on_meta()
    separable = [m for m in network.modules() if isinstance(m, SeparableConv)]
    assert [(m.depthwise.groups, m.pointwise.out_channels) for m in separable] == [
        row[:2] for row in SEPARABLE
    ]
    built = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert len(built) == 2 * len(SEPARABLE) + len(PLAIN) + len(SHORTCUTS)
    assert all(m.bias is None for m in built)


def test_36_convolutions_in_14_modules_of_which_12_have_a_shortcut() -> None:
    """Section 3: a separable convolution is one, shortcuts are none, first and last stand alone."""
    assert len(SEPARABLE) + len(PLAIN) == 36
    network = on_meta()
    shortcuts = [m for m in network.modules() if isinstance(m, Residual)]
    assert len(shortcuts) == 12 == 14 - 2


def test_maps_have_the_sizes_of_the_figure() -> None:
    network = on_meta()
    x = network.stem(torch.empty(1, *SPEC.input_size, device="meta"))
    assert x.shape[1:] == (64, 147, 147)
    shapes = []
    for module in (*network.entry, *network.middle, *network.exit):
        x = module(x)
        shapes.append(tuple(x.shape[1:3]))
    assert shapes == [
        *((128, 74), (256, 37), (728, 19)),
        *[(728, 19)] * 8,
        (1024, 10),
        *[(1536, 10)] * 2,
        *[(2048, 10)] * 2,
    ]


def test_nothing_stands_between_the_two_halves_of_a_separable_convolution() -> None:
    assert [type(m) for m in SeparableConv(4, 8)] == [nn.Conv2d, nn.Conv2d, nn.BatchNorm2d]


def test_the_shortcut_reads_the_input_before_the_first_relu() -> None:
    block = Residual(4, (4, 4, 4)).eval()
    for parameter in block.parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(1, 4, 3, 3)
    assert torch.equal(block(x.clone()), x)


def test_only_the_first_module_starts_without_a_relu() -> None:
    network = on_meta()
    first = [type(m.body[0]) for m in (*network.entry, *network.middle, network.exit[0])]
    assert first == [SeparableConv] + [nn.ReLU] * 11
