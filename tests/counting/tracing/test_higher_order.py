"""Operators that carry a body: it counts for each time that it runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from opbench.counting import count
from opbench.counting.rules.parts import parts_of
from opbench.errors import CountError
from opbench.record import Count

pytestmark = [
    pytest.mark.skipif(
        not hasattr(TorchDispatchMode, "supports_higher_order_operators"),
        reason="this torch shows no mode the operators that carry a body",
    ),
    pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad"),
]


class Square(nn.Module):
    """A matrix of 4 x 4, and a function that uses it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4, bias=False)
        self.function = function

    def forward(self, *inputs: Any) -> Any:
        return self.function(self.layer, *inputs)


ONE = 2 * 4 * 4  # two rows through the layer


def _counted(function: Callable[..., Any], *shape: int) -> Count:
    counted = count(Square(function), (torch.rand(shape),))
    assert counted.uncounted == ()
    return counted


def test_a_scan_counts_its_body_for_each_step() -> None:
    scan = import_module("torch._higher_order_ops.scan").scan

    def steps(layer: nn.Module, x: Tensor) -> Tensor:
        def step(state: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
            state = torch.tanh(layer(state) + x)
            return state, state.clone()

        return scan(step, torch.zeros(2, 4), x)[1]

    counted = _counted(steps, 6, 2, 4)  # the first to import torch's compiler, or not
    assert (counted.macs, counted.device) == (6 * ONE, "meta")


def test_a_scan_of_one_step_counts_one() -> None:
    scan = import_module("torch._higher_order_ops.scan").scan

    def step(state: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        return state @ x, x.clone()

    counted = _counted(lambda _, x: scan(step, torch.eye(4), x)[0], 1, 4, 4)
    assert counted.macs == 4 * 4 * 4


def test_a_map_counts_its_body_for_each_row() -> None:
    each = import_module("torch._higher_order_ops.map").map
    counted = _counted(lambda layer, x: each(lambda row: layer(row), x), 5, 2, 4)
    assert (counted.macs, counted.device) == (5 * ONE, "meta")


def test_a_map_within_a_map_counts_both_times() -> None:
    each = import_module("torch._higher_order_ops.map").map

    def nested(layer: nn.Module, x: Tensor) -> Tensor:
        return each(lambda rows: each(lambda row: layer(row), rows), x)

    assert _counted(nested, 3, 5, 2, 4).macs == 3 * 5 * ONE


def _combined(length: int) -> int:
    """The products of n elements: pairs first, then their own scan, then one for each even
    element but the first."""
    if length < 2:
        return 0
    return length // 2 + _combined(length // 2) + (length - 1) // 2


@pytest.mark.parametrize("length", [1, 2, 3, 6, 8])
def test_an_associative_scan_counts_what_its_algorithm_combines(length: int) -> None:
    scan = import_module("torch._higher_order_ops.associative_scan").associative_scan
    counted = _counted(
        lambda _, x: scan(lambda a, b: a @ b, x, 0, combine_mode="generic"), length, 4, 4
    )
    assert counted.macs == _combined(length) * 4 * 4 * 4


def test_a_loop_within_a_branch_counts_its_rounds() -> None:
    loop = import_module("torch._higher_order_ops").while_loop

    def rounds(layer: nn.Module, x: Tensor) -> Tensor:
        def body(i: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
            return i + 1, layer(x)

        def three(x: Tensor) -> Tensor:
            return loop(lambda i, x: i < 3, body, (torch.tensor(0), x))[1]

        return torch.cond(x.sum() > -1, three, lambda x: x.clone(), (x,))

    assert _counted(rounds, 2, 4).macs == 3 * ONE


def test_a_training_pass_that_would_lose_the_gradients_of_a_body_is_refused() -> None:
    each = import_module("torch._higher_order_ops.map").map

    def beside(layer: nn.Module, x: Tensor) -> Tensor:
        return layer(x) + each(lambda row: layer(row), x)

    with pytest.raises(CountError, match="map_impl has no training pass"):
        count(Square(beside), (torch.rand(5, 2, 4),), training=True)


def test_a_loop_that_never_runs_counts_nothing() -> None:
    loop = import_module("torch._higher_order_ops").while_loop

    def none(layer: nn.Module, x: Tensor) -> Tensor:
        return loop(lambda i, x: i < 0, lambda i, x: (i + 1, layer(x)), (torch.tensor(0), x))[1]

    assert _counted(none, 2, 4).macs == 0


@pytest.mark.parametrize("reentrant", [False, True])
def test_a_checkpoint_counts_one_forward_pass(reentrant: bool) -> None:
    checkpoint = import_module("torch.utils.checkpoint").checkpoint
    counted = _counted(lambda layer, x: checkpoint(layer, x, use_reentrant=reentrant), 2, 4)
    assert counted.macs == ONE


def test_a_function_over_a_batch_counts_each_of_the_batch() -> None:
    counted = _counted(lambda layer, x: torch.func.vmap(layer)(x), 6, 2, 4)
    assert counted.macs == 6 * ONE
    products = _counted(lambda _, x: torch.func.vmap(lambda a: a @ a.t())(x), 6, 2, 4)
    assert products.macs == 6 * (2 * 2 * 4)


def test_a_product_of_the_transposed_jacobian_counts_forward_and_back() -> None:
    counted = _counted(lambda layer, x: torch.func.vjp(layer, x)[1](torch.ones(2, 4)), 2, 4)
    assert counted.macs == 2 * ONE


def test_a_product_of_the_jacobian_counts_the_derivative_of_both_factors() -> None:
    """x @ x.T is carried along with dx @ x.T and x @ dx.T."""
    counted = _counted(lambda _, x: torch.func.jvp(lambda a: a @ a.t(), (x,), (x,)), 3, 4)
    assert counted.macs == 3 * (3 * 3 * 4)


def test_a_product_with_a_wider_result_counts() -> None:
    wider = import_module("torch._higher_order_ops.out_dtype").out_dtype

    def product(_: nn.Module, x: Tensor) -> Tensor:
        left = x.to(torch.int8)
        return wider(torch.ops.aten.mm.default, torch.int32, left, left.t())

    assert _counted(product, 3, 4).macs == 3 * 3 * 4


def test_a_body_belongs_to_the_module_that_runs_in_it() -> None:
    each = import_module("torch._higher_order_ops.map").map
    counted = _counted(lambda layer, x: each(lambda row: layer(row), x), 5, 2, 4)
    assert {row.name: row.macs for row in counted.modules}["layer"] == 5 * ONE


def test_compiled_code_has_no_parts() -> None:
    import_module("torch._higher_order_ops.triton_kernel_wrap")
    higher = torch.ops.higher_order
    assert parts_of(higher.triton_kernel_wrapper_mutation) is None
    assert parts_of(higher.triton_kernel_wrapper_functional) is None
    assert parts_of(higher.scan) is not None


_COUNT_AND_RUN = """
import torch, opbench
layer = torch.nn.Linear(4, 5)
class Decides(torch.nn.Module):
    def forward(self, x):
        return torch.cond(x.sum() > 0, lambda x: layer(x), lambda x: layer(x) + 1, (x,))
x = torch.ones(3, 4)
print(opbench.count(Decides(), (x,)).macs, torch.equal(Decides()(x), layer(x)))
"""


@pytest.mark.slow
def test_a_count_that_imports_the_compiler_leaves_it_as_it_found_it() -> None:
    run = subprocess.run(
        [sys.executable, "-c", _COUNT_AND_RUN], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == [str(3 * 4 * 5), "True"]
