"""LeNet-5 against Section II.B of its paper, layer by layer, and against dense convolution."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from opbench.architectures.lenet import (
    ARCHITECTURES,
    C3_TABLE,
    LeNet5,
    RadialBasis,
    Squash,
    Subsample,
    digit_codes,
)
from opbench.counting import build_and_count

(SPEC,) = ARCHITECTURES

# Section II.B: layer, trainable parameters, connections, output elements, inputs of one unit.
PAPER = {
    "c1": (156, 122_304, 6 * 28 * 28),
    "s2": (12, 5_880, 6 * 14 * 14),
    "c3": (1_516, 151_600, 16 * 10 * 10),
    "s4": (32, 2_000, 16 * 5 * 5),
    "c5": (48_120, 48_120, 120),
    "f6": (10_164, 10_164, 84),
    "output": (0, 840, 10),
}
MACS = {"c1": 117_600, "c3": 150_000, "c5": 48_000, "f6": 10_080}


@pytest.mark.parametrize("layer", PAPER)
def test_trainable_parameters_of_a_layer_are_the_papers(layer: str) -> None:
    module = LeNet5().get_submodule(layer)
    assert sum(p.numel() for p in module.parameters()) == PAPER[layer][0]


def test_layers_sum_to_the_papers_totals() -> None:
    assert sum(params for params, _, _ in PAPER.values()) == 60_000
    assert sum(connections for _, connections, _ in PAPER.values()) == 340_908


@pytest.mark.parametrize("layer", MACS)
def test_macs_are_the_papers_connections_without_biases(layer: str) -> None:
    _, connections, elements = PAPER[layer]
    assert MACS[layer] == connections - elements


def test_the_count_is_the_sum_over_the_layers() -> None:
    counted = build_and_count(LeNet5, SPEC.input_size)
    assert (counted.params, counted.macs) == (60_000, sum(MACS.values())) == (60_000, 325_680)


def test_layers_put_out_as_many_elements_as_the_paper_says() -> None:
    network, sizes = LeNet5(), {}
    for layer in PAPER:
        network.get_submodule(layer).register_forward_hook(
            lambda module, inputs, output, layer=layer: sizes.update({layer: output[0].numel()})
        )
    network(torch.zeros(1, 1, 32, 32))
    assert sizes == {layer: elements for layer, (_, _, elements) in PAPER.items()}


def test_table_has_sixty_pairs_and_sees_every_map_alike() -> None:
    pairs = [source for row in C3_TABLE for source in row]
    assert len(pairs) == 60
    assert [pairs.count(source) for source in range(6)] == [10] * 6
    contiguous = [tuple(sorted((start + i) % 6 for i in range(3))) for start in range(6)]
    assert sorted(C3_TABLE[:6]) == sorted(contiguous)
    contiguous = [tuple(sorted((start + i) % 6 for i in range(4))) for start in range(6)]
    assert sorted(C3_TABLE[6:12]) == sorted(contiguous)
    assert len(set(C3_TABLE)) == 16


def test_c3_is_a_dense_convolution_with_zeros_where_the_table_has_no_cross() -> None:
    c3: Any = LeNet5().c3
    dense = torch.zeros(16, 6, 5, 5)
    kernels = [k for part in (c3.threes, c3.fours, c3.sixes) for k in part.conv.weight]
    for column, kernel in enumerate(kernels):
        dense[column, list(C3_TABLE[column])] = kernel.detach()
    biases = torch.cat([part.conv.bias for part in (c3.threes, c3.fours, c3.sixes)])
    x = torch.rand(2, 6, 14, 14)
    torch.testing.assert_close(c3(x), F.conv2d(x, dense, biases))


@pytest.mark.parametrize("source", range(6))
def test_a_map_of_s2_reaches_only_the_columns_that_name_it(source: int) -> None:
    c3, x = LeNet5().c3, torch.rand(1, 6, 14, 14)
    changed = x.clone()
    changed[:, source] += 1
    differs = (c3(x) != c3(changed)).flatten(2).any(dim=2)[0]
    assert differs.tolist() == [source in row for row in C3_TABLE]


def test_subsampling_adds_four_inputs_then_scales_and_shifts() -> None:
    layer = Subsample(1)
    with torch.no_grad():
        layer.coefficient.fill_(3)
        layer.bias.fill_(0.5)
    x = torch.tensor([[1.0, 2, 5, 6], [3, 4, 7, 8]]).reshape(1, 1, 2, 4)
    assert layer(x).flatten().tolist() == [3 * 10 + 0.5, 3 * 26 + 0.5]


def test_squashing_maps_one_to_one() -> None:
    assert Squash()(torch.tensor([1.0, -1.0])).tolist() == pytest.approx([1, -1], abs=1e-4)
    assert Squash()(torch.tensor(3.0)).item() == pytest.approx(1.7159 * math.tanh(2.0))


def test_codes_are_ten_distinct_bitmaps_of_plus_and_minus_one() -> None:
    codes = digit_codes()
    assert codes.shape == (10, 7 * 12)
    assert codes.abs().eq(1).all()
    assert all((codes[a] != codes[b]).sum() >= 8 for a, b in combinations(range(10), 2))


def test_logit_is_minus_the_squared_distance_to_the_code() -> None:
    codes = digit_codes()
    logits = RadialBasis()(codes)
    for a in range(10):
        for b in range(10):
            differing = int((codes[a] != codes[b]).sum())
            assert logits[a, b].item() == -4 * differing


def test_codes_do_not_train_and_everything_else_does() -> None:
    network = LeNet5()
    network(torch.rand(2, 1, 32, 32)).sum().backward()
    assert "output.codes" in network.state_dict()
    assert all(p.grad is not None and p.grad.any() for p in network.parameters())


def test_a_logit_is_never_positive() -> None:
    assert LeNet5()(torch.rand(3, 1, 32, 32)).le(0).all()


def test_the_paper_also_counts_connections_without_a_dot_product() -> None:
    (stated,) = (stated for stated in SPEC.stated if stated.quantity == "connections")
    biased = sum(PAPER[layer][2] for layer in MACS)
    assert stated.value - (325_680 + biased) == 5_880 + 2_000 + 840
