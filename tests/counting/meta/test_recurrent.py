"""Recurrent layers on the meta device: what the shortcut says is what torch says."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map_only

from opbench.counting import count
from opbench.counting.meta.shapes import SHORTCUTS, result_of

STEPS, IMAGES, WIDTH, HIDDEN = 5, 3, 4, 6
KINDS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn_tanh": nn.RNN}


def arguments(kind: str, **options: Any) -> list[Any]:
    layer = KINDS[kind](WIDTH, HIDDEN, **options).eval()
    directions = 2 if layer.bidirectional else 1
    state = torch.zeros(layer.num_layers * directions, IMAGES, layer.proj_size or HIDDEN)
    cell = torch.zeros(layer.num_layers * directions, IMAGES, HIDDEN)
    shape = (IMAGES, STEPS, WIDTH) if layer.batch_first else (STEPS, IMAGES, WIDTH)
    return [
        torch.rand(shape),
        [state, cell] if kind == "lstm" else state,
        layer._flat_weights,
        layer.bias,
        layer.num_layers,
        0.0,
        False,
        layer.bidirectional,
        layer.batch_first,
    ]


def shortcut(kind: str, args: list[Any]) -> Any:
    args = tree_map_only(Tensor, lambda each: each.detach().to("meta"), args)
    return result_of(SHORTCUTS[f"{kind}.input"], args, {})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("layers", "both", "first", "bias"), list(itertools.product((1, 2), *3 * [(False, True)]))
)
def test_results_are_the_operator_s_own(
    kind: str, layers: int, both: bool, first: bool, bias: bool
) -> None:
    for width in (0, 2) if kind == "lstm" else (0,):
        args = arguments(
            kind,
            num_layers=layers,
            bidirectional=both,
            batch_first=first,
            bias=bias,
            **({"proj_size": width} if width else {}),
        )
        answer = shortcut(kind, args)
        with torch.inference_mode():
            expected = getattr(torch.ops.aten, kind).input(*args)
        for one, other in zip(tree_leaves(answer), tree_leaves(expected), strict=True):
            assert one.is_meta
            assert (one.shape, one.dtype) == (other.shape, other.dtype)
            assert one.stride() == other.stride()


def test_what_does_not_fit_is_left_to_torch() -> None:
    good = arguments("gru", num_layers=2)
    assert shortcut("gru", good) is not None
    for position, wrong in (
        (0, torch.rand(STEPS, IMAGES, WIDTH + 1)),
        (0, torch.rand(STEPS, IMAGES, WIDTH).double()),
        (0, torch.rand(STEPS, WIDTH)),
        (1, torch.zeros(1, IMAGES, HIDDEN)),
        (1, torch.zeros(2, IMAGES + 1, HIDDEN)),
        (2, good[2][:-1]),
        (4, 3),
        (7, True),
    ):
        assert shortcut("gru", [*good[:position], wrong, *good[position + 1 :]]) is None


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_the_count_is_weights_for_each_step_and_the_same_on_both_devices(device: str) -> None:
    layer = nn.LSTM(WIDTH, HIDDEN, num_layers=2, bidirectional=True, proj_size=2, batch_first=True)
    counted = count(layer, (STEPS, WIDTH), batch_size=IMAGES, device=device)
    of_one_step = sum(each.numel() for each in layer.parameters() if each.dim() == 2)
    assert counted.macs == IMAGES * STEPS * of_one_step
    assert counted.modules[0].output == (IMAGES, STEPS, 4)
