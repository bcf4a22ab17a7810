"""The second count: equal to the integer, or itemised with the reason."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from opbench.counting import build_and_count, build_and_witness, count, differences, witness
from opbench.counting.witness import Difference
from opbench.errors import CountError, MissingExtraError
from tests.counting.function_network import Runs


def everything() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, groups=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1, groups=8),
        nn.GroupNorm(2, 8),
        nn.Upsample(scale_factor=2),
        nn.ConvTranspose2d(8, 4, 2, stride=2),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.LayerNorm(16),
        nn.Linear(16, 5),
    )


def test_the_two_counts_are_the_same_integer() -> None:
    first = 8 * (7 * 7) * 27 + 8 * (7 * 7) * 9 + (8 * 14 * 14) * (4 * 4) + 5 * 16
    ours, theirs = build_and_count(everything, (3, 16, 16)), witness(everything(), (3, 16, 16))
    assert ours.macs == theirs.macs == first
    assert theirs.unsupported == ()
    assert differences(ours, theirs) == ()


def test_elementwise_estimates_are_off() -> None:
    theirs = witness(nn.Sequential(nn.BatchNorm2d(3), nn.AdaptiveAvgPool2d(1)), (3, 8, 8))
    assert (theirs.macs, theirs.by_operator) == (0, {})


def test_sums_by_module_agree() -> None:
    ours, theirs = build_and_count(everything, (3, 16, 16)), witness(everything(), (3, 16, 16))
    assert {row.name: row.macs for row in ours.modules} == theirs.by_module


def test_building_for_the_purpose_says_the_same() -> None:
    assert build_and_witness(everything, (3, 16, 16)) == witness(everything(), (3, 16, 16))


def test_a_batch_is_counted_as_a_batch() -> None:
    assert witness(nn.Linear(8, 5), (8,), batch_size=3).macs == 3 * 5 * 8


@pytest.mark.parametrize(
    ("network", "size", "expected"),
    [
        (
            nn.Conv2d(3, 4, 3, padding="same"),
            (3, 6, 6),
            Difference(
                kind="convolution",
                ours=4 * 36 * 27,
                theirs=0,
                reason="fvcore has no rule for _convolution_mode",
            ),
        ),
        (
            Runs(lambda x: F.scaled_dot_product_attention(x, x, x)),
            (5, 8),
            Difference(
                kind="attention",
                ours=2 * 5 * 5 * 8,
                theirs=0,
                reason="fvcore has no rule for scaled_dot_product_attention",
            ),
        ),
        (
            Runs(lambda x, layer: layer(x)[0], nn.LSTM(4, 5, batch_first=True)),
            (3, 4),
            Difference(
                kind="recurrent",
                ours=3 * 4 * (5 * 4 + 5 * 5),
                theirs=0,
                reason="fvcore has no rule for lstm",
            ),
        ),
        (
            Runs(lambda x: torch.baddbmm(x, x, x)),
            (4, 4),
            Difference(
                kind="product",
                ours=4 * 4 * 4,
                theirs=0,
                reason="fvcore has no rule for baddbmm",
            ),
        ),
        (
            Runs(lambda x, layer: layer(x, x), nn.Bilinear(3, 3, 2)),
            (3,),
            Difference(
                kind="bilinear", ours=2 * 9, theirs=0, reason="fvcore has no rule for bilinear"
            ),
        ),
        (
            Runs(lambda x, used, idle: (idle(x), used(x))[1], nn.Linear(8, 5), nn.Linear(8, 2)),
            (8,),
            Difference(
                kind="product",
                ours=8 * 5 + 8 * 2,
                theirs=8 * 5,
                reason="fvcore's graph leaves out branches whose result is unused: layers.1",
            ),
        ),
        (
            Runs(lambda x: torch.tensordot(x, x, ([1, 2], [1, 2]))),
            (3, 4),
            Difference(
                kind="product", ours=3 * 4, theirs=0, reason="fvcore has no rule for tensordot"
            ),
        ),
        (
            Runs(lambda x: torch.matmul(x[0], x.expand(5, 4, 4))),
            (4, 4),
            Difference(
                kind="product",
                ours=5 * 4 * 4 * 4,
                theirs=4 * 4 * 4,
                reason="fvcore's rule for matmul leaves out batches that only the right factor has",
            ),
        ),
        (
            Runs(lambda x: torch.einsum("bij,bij->bij", x, x)),
            (4, 4),
            Difference(
                kind="product",
                ours=0,
                theirs=4 * 4 // 2,  # half of the operations that NumPy plans
                reason="fvcore's rule for einsum takes the cheapest order of the factors, and "
                "products that are not summed",
            ),
        ),
    ],
    ids=[
        "padding='same'",
        "attention",
        "lstm",
        "baddbmm",
        "bilinear",
        "thrown away",
        "tensordot",
        "broadcast matmul",
        "einsum",
    ],
)
def test_what_fvcore_cannot_do_is_itemised(
    network: nn.Module, size: tuple[int, ...], expected: Difference
) -> None:
    assert differences(count(network, size), witness(network, size)) == (expected,)


def test_a_cell_is_the_products_that_fvcore_sees_in_it() -> None:
    network, inputs = nn.LSTMCell(3, 5), (torch.randn(2, 3),)
    ours, theirs = count(network, inputs), witness(network, inputs)
    assert ours.macs == theirs.macs == 2 * 4 * 5 * (3 + 5)
    assert differences(ours, theirs) == ()


def test_what_nobody_can_explain_is_called_so() -> None:
    ours, theirs = count(nn.Linear(8, 5), (8,)), witness(nn.Linear(8, 5), (8,))
    more = replace(theirs, by_operator={"linear": 41})
    assert [each.reason for each in differences(ours, more)] == ["unexplained"]


def test_a_network_that_fvcore_cannot_trace_is_an_error_that_says_so() -> None:
    scripted = torch.jit.script(nn.Sequential(nn.Linear(8, 8)))
    with pytest.raises(CountError, match="fvcore cannot trace"):
        witness(scripted, (8,))


def test_without_fvcore_one_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fvcore.nn", None)
    with pytest.raises(MissingExtraError, match="pip install fvcore"):
        witness(nn.Linear(8, 5), (8,))
