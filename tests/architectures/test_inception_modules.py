"""Inception's modules against their arithmetic and their shapes."""

from __future__ import annotations

import pytest
import torch

from opbench.architectures.inception_modules import ARCHITECTURES
from opbench.counting import build_and_count

SPECS = {spec.name: spec for spec in ARCHITECTURES}

# weights, positions they are applied at, output
EXPECTED = {
    "inception_3a": (
        192 * 64 + 192 * 96 + 96 * 128 * 9 + 192 * 16 + 16 * 32 * 25 + 192 * 32,
        28 * 28,
        (256, 28, 28),
    ),
    "inception_3a_naive": (
        192 * 64 + 192 * 128 * 9 + 192 * 32 * 25,
        28 * 28,
        (64 + 128 + 32 + 192, 28, 28),
    ),
    "grid_conv_then_pool": (320 * 640 * 9, 35 * 35, (640, 17, 17)),
    "grid_pool_then_conv": (320 * 640 * 9, 17 * 17, (640, 17, 17)),
    "grid_parallel": (320 * 320 * 9, 17 * 17, (640, 17, 17)),
}

every_module = pytest.mark.parametrize("name", EXPECTED)


def test_every_module_is_tested() -> None:
    assert set(SPECS) == set(EXPECTED)


@every_module
def test_parameters_macs_and_output_are_as_computed(name: str) -> None:
    weights, positions, output = EXPECTED[name]
    spec = SPECS[name]
    counted = build_and_count(spec.build, spec.input_size)
    assert (counted.params, counted.macs) == (weights, weights * positions)
    with torch.device("meta"):
        assert spec.build()(torch.empty(2, *spec.input_size)).shape == (2, *output)


@every_module
def test_numbers_in_the_notes_follow_from_the_counts(name: str) -> None:
    macs = {key: weights * positions for key, (weights, positions, _) in EXPECTED.items()}
    ratios = {
        "inception_3a_naive": (macs["inception_3a_naive"] / macs["inception_3a"], "2.4 times"),
        "grid_conv_then_pool": (macs["grid_conv_then_pool"] / macs["grid_parallel"], "8.5 times"),
        "grid_pool_then_conv": (macs["grid_pool_then_conv"] / macs["grid_parallel"], "twice"),
    }
    if name in ratios:
        ratio, words = ratios[name]
        assert words in SPECS[name].note
        assert round(ratio, 1) == {"2.4 times": 2.4, "8.5 times": 8.5, "twice": 2.0}[words]


@every_module
def test_note_says_which_module_it_is_compared_with(name: str) -> None:
    assert any(other in SPECS[name].note for other in EXPECTED if other != name)


def test_pooled_half_of_the_parallel_reduction_is_the_pooled_input() -> None:
    x = torch.rand(1, 320, 35, 35)
    halves = SPECS["grid_parallel"].build()(x)
    assert torch.equal(halves[:, 320:], torch.nn.functional.max_pool2d(x, 3, 2))


def test_naive_module_passes_its_pooled_input_on() -> None:
    x = torch.rand(1, 192, 28, 28)
    maps = SPECS["inception_3a_naive"].build()(x)
    assert torch.equal(maps[:, 224:], torch.nn.functional.max_pool2d(x, 3, 1, 1))
