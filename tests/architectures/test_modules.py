"""The article's modules against its arithmetic and what they see."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from opbench.architectures.modules import ARCHITECTURES
from opbench.counting import build_and_count

SPECS = {spec.name: spec for spec in ARCHITECTURES}

# The multiplications behind one position, as products to be read beside the article.
WEIGHTS = {
    "conv3x3_256": 256 * 256 * 3 * 3,
    "bottleneck_256_64": 256 * 64 + 64 * 64 * 3 * 3 + 64 * 256,
    "conv5x5_64": 64 * 64 * 5 * 5,
    "two_conv3x3_64": 2 * 64 * 64 * 3 * 3,
    "conv7x7_64": 64 * 64 * 7 * 7,
    "three_conv3x3_64": 3 * 64 * 64 * 3 * 3,
    "conv1x7_7x1_64": 2 * 64 * 64 * 7,
    "fire_96_16_128": 96 * 16 + 16 * 64 + 16 * 64 * 3 * 3,
    "conv3x3_96_128": 96 * 128 * 3 * 3,
    "separable3x3_256": 256 * 3 * 3 + 256 * 256,
    "residual_basic_64": 2 * 64 * 64 * 3 * 3,
    "residual_bottleneck_256": 256 * 64 + 64 * 64 * 3 * 3 + 64 * 256,
}

every_module = pytest.mark.parametrize("name", WEIGHTS)


def test_every_module_is_tested() -> None:
    assert set(SPECS) == set(WEIGHTS)


@every_module
def test_parameters_and_macs_are_the_products(name: str) -> None:
    counted = build_and_count(SPECS[name].build, SPECS[name].input_size)
    assert counted.params == counted.macs == WEIGHTS[name]


@every_module
def test_one_position_stays_one_position(name: str) -> None:
    spec = SPECS[name]
    assert spec.input_size[1:] == (1, 1)
    assert spec.build()(torch.rand(2, *spec.input_size)).shape[2:] == (1, 1)


@every_module
def test_note_says_which_modules_it_is_compared_with(name: str) -> None:
    others = [other for other in WEIGHTS if other != name and other in SPECS[name].note]
    assert SPECS[name].note.startswith("Against ") and others


def test_article_adds_up_to_about_70_000_against_almost_600_000() -> None:
    module = SPECS["bottleneck_256_64"].build()
    lines = {name: conv.weight.numel() for name, conv in module.named_children()}
    assert lines == {"reduce": 16_384, "conv3x3": 36_864, "expand": 16_384}
    assert sum(lines.values()) == 69_632
    assert WEIGHTS["conv3x3_256"] == 589_824
    assert round(589_824 / 69_632, 1) == 8.5


def view(module: nn.Module, channels: int) -> Tensor:
    """Which input positions the middle output position depends on: 11 x 11 of booleans."""
    for parameter in module.parameters():
        nn.init.constant_(parameter, 0.1)  # positive: no ReLU shuts a path
    x = torch.ones(1, channels, 11, 11, requires_grad=True)
    module(x)[0, 0, 5, 5].backward()
    assert x.grad is not None
    return x.grad[0].ne(0).any(dim=0)


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("conv5x5_64", 5),
        ("two_conv3x3_64", 5),
        ("conv7x7_64", 7),
        ("three_conv3x3_64", 7),
        ("conv1x7_7x1_64", 7),
        ("bottleneck_256_64", 3),
        ("conv3x3_256", 3),
        ("separable3x3_256", 3),
        ("fire_96_16_128", 3),
    ],
)
def test_modules_that_are_compared_see_a_square_of_the_same_side(name: str, side: int) -> None:
    expected = torch.zeros(11, 11, dtype=torch.bool)
    reach = side // 2
    expected[5 - reach : 6 + reach, 5 - reach : 6 + reach] = True
    spec = SPECS[name]
    channel = view(spec.build(), spec.input_size[0])
    if name == "fire_96_16_128":  # its first channels come from 1x1 expansions
        assert channel.sum() == 1
        return
    assert torch.equal(channel, expected)


def test_depthwise_convolution_keeps_channels_apart() -> None:
    depthwise = SPECS["separable3x3_256"].build().depthwise
    x = torch.rand(1, 256, 4, 4)
    changed = x.clone()
    changed[:, 7] += 1
    differs = (depthwise(x) != depthwise(changed)).flatten(2).any(dim=2)[0]
    assert differs.nonzero().flatten().tolist() == [7]


@pytest.mark.parametrize("name", ["residual_basic_64", "residual_bottleneck_256"])
def test_a_block_whose_residual_is_zero_passes_its_input_on(name: str) -> None:
    module = SPECS[name].build()
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    x = torch.rand(1, SPECS[name].input_size[0], 3, 3)
    assert torch.equal(module(x), x)
