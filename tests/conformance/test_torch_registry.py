"""torch's own counter: each operator that it has a formula for has a rule, and the two agree.

Where they do not, arithmetic decides, and ``TORCH_DIFFERS`` says why.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import flop_registry

from opbench.counting.rules.products import RULES
from tests.conformance.kernel import Kernel, t
from tests.conformance.test_rules import ALL_KERNELS

# Those of ALL_KERNELS that other cases call are called here by name as well.
CALLED = (
    Kernel(("mm",), {"self": t(3, 8), "mat2": t(8, 5)}, t(3, 5), 3 * 8 * 5),
    Kernel(("bmm",), {"self": t(2, 3, 8), "mat2": t(2, 8, 5)}, t(2, 3, 5), 2 * (3 * 8 * 5)),
    Kernel(("addmm",), {"self": t(5), "mat1": t(3, 8), "mat2": t(8, 5)}, t(3, 5), 3 * 8 * 5),
    Kernel(
        ("baddbmm",),
        {"self": t(2, 3, 5), "batch1": t(2, 3, 8), "batch2": t(2, 8, 5)},
        t(2, 3, 5),
        2 * (3 * 8 * 5),
    ),
    Kernel(
        ("convolution",),
        {"input": t(2, 4, 6, 6), "weight": t(6, 2, 3, 3), "transposed": False},
        t(2, 6, 4, 4),
        (2 * 6 * 4 * 4) * (2 * 9),
    ),
    Kernel(
        ("convolution",),
        {"input": t(2, 4, 5, 5), "weight": t(4, 3, 2, 2), "transposed": True},
        t(2, 3, 6, 6),
        (2 * 4 * 5 * 5) * (3 * 2 * 2),
    ),
)
KERNELS = (*ALL_KERNELS, *CALLED)

Q, K, V = t(2, 3, 5, 8), t(2, 3, 7, 8), t(2, 3, 7, 4)
HIGHER_ORDER: dict[str, tuple[tuple[Any, ...], int]] = {
    "flex_attention": ((Q, K, V), (2 * 3 * 5 * 7) * (8 + 4)),
    "flex_attention_backward": (
        (Q, K, V, t(2, 3, 5, 4), t(2, 3, 5), t(2, 3, 5, 4)),
        (2 * 3 * 5 * 7) * (8 + 8 + 8 + 4 + 4),
    ),
}


def _grouped_weight_gradient(arguments: Any) -> bool:
    """torch multiplies every input channel with every output channel, whatever the groups."""
    grouped = arguments["weight"].shape[1] != arguments["input"].shape[1]
    return bool(grouped and not arguments["transposed"] and arguments["output_mask"][1])


def _no_such_argument(arguments: Any) -> bool:
    """torch takes the seventh argument for the flag of a transposed convolution; it has six."""
    return True


def _of_equal_lengths(arguments: Any) -> bool:
    """torch takes the axes (batch, tokens, heads, width) for (batch, heads, tokens, width)."""
    return "cum_seq_q" not in arguments


TORCH_DIFFERS: dict[str, Callable[[Any], bool]] = {
    "convolution_backward": _grouped_weight_gradient,
    "_slow_conv2d_forward": _no_such_argument,
    "_flash_attention_forward": _of_equal_lengths,
    "_efficient_attention_forward": _of_equal_lengths,
    "_flash_attention_backward": _of_equal_lengths,
    "_efficient_attention_backward": _of_equal_lengths,
}

ENTRIES = {str(each).removeprefix("aten."): each for each in flop_registry}


def _theirs(entry: str, call: Any, out: Any) -> int:
    return int(flop_registry[ENTRIES[entry]](*call, out_val=out))


@pytest.mark.parametrize("entry", sorted({*ENTRIES} - {*HIGHER_ORDER}))
def test_each_formula_of_torch_has_a_rule_that_agrees(entry: str) -> None:
    kernels = [each for each in KERNELS if entry in each.operators]
    assert entry in RULES
    assert kernels, f"no case calls {entry}"
    differs = TORCH_DIFFERS.get(entry, lambda arguments: False)
    compared = [each for each in kernels if not differs(each.arguments)]
    for kernel in compared:
        taken = ENTRIES[entry].default._schema.arguments
        call = [kernel.arguments.get(each.name) for each in taken if not each.kwarg_only]
        assert RULES[entry].macs(call, kernel.out) == kernel.macs
        assert _theirs(entry, call, kernel.out) == 2 * kernel.macs
    assert compared or entry == "_slow_conv2d_forward"


@pytest.mark.parametrize("entry", sorted({*ENTRIES} & {*HIGHER_ORDER}))
def test_each_formula_of_an_operator_with_a_body_agrees(entry: str) -> None:
    call, macs = HIGHER_ORDER[entry]
    assert RULES[entry].macs(call, (t(2, 3, 5, 4),)) == macs
    assert _theirs(entry, call, t(2, 3, 5, 4)) == 2 * macs


def test_torch_counts_the_weight_gradient_of_groups_too_often() -> None:
    """One filter per channel: 4 channels of 3 x 3 gradients, each weight a dot product of 9."""
    convolution = torch.nn.Conv2d(4, 4, 2, groups=4)
    macs = (4 * 2 * 2) * (3 * 3)
    call = (t(1, 4, 3, 3), t(1, 4, 4, 4), t(4, 1, 2, 2), None, *[[1, 1]] * 3, False, [0, 0], 4)
    out = (None, t(*convolution.weight.shape), None)
    mask = (False, True, False)
    assert RULES["convolution_backward"].macs((*call, mask), out) == macs
    assert _theirs("convolution_backward", (*call, mask), out) == 2 * macs * 4
