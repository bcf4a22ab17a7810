"""Ciresan's multilayer perceptrons against the widths and weights of Table 1."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from opbench.architectures.ciresan import ARCHITECTURES, ScaledTanh
from opbench.counting import build_and_count

SPECS = {spec.name: spec for spec in ARCHITECTURES}

# Table 1: units a layer, and millions of weights as printed
TABLE_1 = {
    "ciresan_mlp": ((841, 2500, 2000, 1500, 1000, 500, 10), 12.11),
    "ciresan_mlp_9x1000": ((841, *[1000] * 9, 10), 8.86),
}


def weights(name: str) -> int:
    return sum(a * b for a, b in pairwise(TABLE_1[name][0]))


@pytest.mark.parametrize(
    ("name", "params", "macs"),
    [
        ("ciresan_mlp", 12_115_010, 12_107_500),
        ("ciresan_mlp_9x1000", 8_860_010, 8_851_000),
    ],
)
def test_weights_of_the_table(name: str, params: int, macs: int) -> None:
    widths, _ = TABLE_1[name]
    counted = build_and_count(SPECS[name].build, SPECS[name].input_size)
    assert weights(name) == macs == counted.macs
    assert weights(name) + sum(widths[1:]) == params == counted.params


@pytest.mark.parametrize("name", TABLE_1)
def test_layers_have_the_widths_of_the_table(name: str) -> None:
    with torch.device("meta"):
        layers = [m for m in SPECS[name].build().modules() if isinstance(m, nn.Linear)]
    assert (layers[0].in_features, *(layer.out_features for layer in layers)) == TABLE_1[name][0]


def test_only_the_input_of_29x29_gives_the_printed_weights() -> None:
    assert math.isqrt(TABLE_1["ciresan_mlp"][0][0]) == 29
    smaller = weights("ciresan_mlp") - (841 - 784) * 2500
    assert smaller == 11_965_000  # 28 x 28 would give 11.97 million


@pytest.mark.parametrize(
    ("widths", "printed"),
    [
        ((841, 1000, 500, 10), 1.34),
        ((841, 1500, 1000, 500, 10), 3.26),
        ((841, 2000, 1500, 1000, 500, 10), 6.69),
        *TABLE_1.values(),
    ],
)
def test_table_1_counts_biases_and_cuts_decimals_off(
    widths: tuple[int, ...], printed: float
) -> None:
    params = sum((a + 1) * b for a, b in pairwise(widths))
    assert math.floor(params / 1e4) / 100 == printed


def test_scaled_tanh_is_the_papers() -> None:
    assert ScaledTanh()(torch.tensor(2.0)).item() == pytest.approx(1.7159 * math.tanh(1.3332))
