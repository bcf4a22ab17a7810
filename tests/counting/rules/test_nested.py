"""Nested tensors count like a loop over their parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from opbench.counting import count
from opbench.record import Count

LENGTHS, WIDTH = (3, 5), 16
ROWS = sum(LENGTHS)
PAIRS = sum(n * n for n in LENGTHS)

pytestmark = pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")


class Runs(nn.Module):
    """A function of a nested tensor that is made of the inputs."""

    def __init__(self, layout: torch.layout, function: Callable[..., Any], **parts: Any) -> None:
        super().__init__()
        self.layout, self.function = layout, function
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, *inputs: Tensor) -> Any:
        nested = torch.nested.as_nested_tensor(list(inputs), layout=self.layout)
        return self.function(self, nested)


def counted(network: nn.Module, lengths: tuple[int, ...] = LENGTHS) -> Count:
    found = count(network.eval(), tuple(torch.randn(n, WIDTH) for n in lengths))
    assert found.uncounted == ()
    return found


LAYOUTS = pytest.mark.parametrize("layout", [torch.strided, torch.jagged], ids=str)


@LAYOUTS
def test_a_linear_layer_meets_the_vectors_of_all_parts(layout: torch.layout) -> None:
    found = counted(Runs(layout, lambda net, x: net.layer(x), layer=nn.Linear(WIDTH, 24)))
    assert found.macs == ROWS * WIDTH * 24
    assert found.activations == ROWS * 24


def test_products_of_parts_have_the_extents_of_each() -> None:
    def by_hand(net: nn.Module, x: Tensor) -> Tensor:
        weights = torch.softmax(x @ x.transpose(1, 2), -1)
        return torch.bmm(weights, x)

    found = counted(Runs(torch.strided, by_hand))
    assert found.macs == 2 * PAIRS * WIDTH
    largest = max(LENGTHS)
    row = next(each for each in found.operators if each.operator == "bmm")
    assert row.shape == f"2x{largest}x{largest} * 2x{largest}x16 -> 2x{largest}x16"


def test_attention_of_strided_parts() -> None:
    def attention(net: nn.Module, x: Tensor) -> Tensor:
        one_head = torch.nested.nested_tensor([part[None] for part in x.unbind()])
        return F.scaled_dot_product_attention(one_head, one_head, one_head)

    assert counted(Runs(torch.strided, attention)).macs == 2 * PAIRS * WIDTH


def test_attention_of_parts_to_parts_of_other_lengths() -> None:
    def attention(net: nn.Module, x: Tensor) -> Tensor:
        queries, keys = (
            torch.nested.nested_tensor([part[None, cut:] for part in x.unbind()]) for cut in (2, 0)
        )
        return F.scaled_dot_product_attention(queries, keys, keys)

    assert counted(Runs(torch.strided, attention)).macs == 2 * WIDTH * (1 * 3 + 3 * 5)


def test_attention_of_jagged_parts_with_heads() -> None:
    def attention(net: Any, x: Tensor) -> Tensor:
        query, key, value = (
            layer(x).unflatten(-1, [2, WIDTH // 2]).transpose(1, 2)
            for layer in (net.query, net.key, net.value)
        )
        return F.scaled_dot_product_attention(query, key, value).transpose(1, 2)

    layers = {name: nn.Linear(WIDTH, WIDTH) for name in ("query", "key", "value")}
    found = counted(Runs(torch.jagged, attention, **layers))
    assert found.macs == 3 * ROWS * WIDTH**2 + 2 * PAIRS * WIDTH


def test_layers_that_take_nested_tensors_on_the_fast_path_only() -> None:
    layer = nn.MultiheadAttention(WIDTH, 2, batch_first=True)
    found = counted(
        Runs(torch.strided, lambda net, x: net.layer(x, x, x, need_weights=False)[0], layer=layer)
    )
    assert found.macs == 4 * ROWS * WIDTH**2 + 2 * PAIRS * WIDTH
    encoder = nn.TransformerEncoderLayer(WIDTH, 2, 32, batch_first=True)
    found = counted(Runs(torch.strided, lambda net, x: net.layer(x), layer=encoder))
    assert found.macs == ROWS * (4 * WIDTH**2 + 2 * WIDTH * 32) + 2 * PAIRS * WIDTH


@LAYOUTS
def test_a_nested_input_has_the_size_that_its_parts_are_padded_to(layout: torch.layout) -> None:
    rows = [torch.randn(n, WIDTH) for n in LENGTHS]
    nested = torch.nested.nested_tensor(rows, layout=layout)
    found = count(nn.Sequential(nn.Linear(WIDTH, 4)), (nested,))
    assert found.macs == ROWS * WIDTH * 4
    assert (found.batch_size, str(found.input_size)) == (2, f"{max(LENGTHS)}x{WIDTH}")
