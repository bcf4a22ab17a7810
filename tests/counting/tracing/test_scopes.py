"""Every operator belongs to the innermost running module, and sums run along names."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor, nn

from opbench.counting import build_and_count, count
from opbench.record import Count, ModuleCount, OperatorSum


def modules(counted: Count) -> dict[str, ModuleCount]:
    return {each.name: each for each in counted.modules}


def macs(counted: Count) -> dict[str, int]:
    return {each.name: each.macs for each in counted.modules}


def test_a_module_counts_what_is_below_it() -> None:
    network = nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 1)),
        nn.Flatten(),
        nn.Linear(180, 2),
    )
    found = macs(count(network, (3, 8, 8)))
    conv, pointwise, linear = 4 * 6 * 6 * 27, 5 * 6 * 6 * 4, 2 * 180
    assert found == {
        "": conv + pointwise + linear,
        "0": conv + pointwise,
        "0.0": conv,
        "0.1": 0,
        "0.2": pointwise,
        "1": 0,
        "2": linear,
    }


def test_modules_come_in_the_order_of_the_network_with_kind_depth_and_output() -> None:
    network = nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 3)), nn.LSTM(6, 5))
    network[1].forward = lambda x: (x, None)
    rows = count(network, (3, 8, 8), batch_size=2).modules
    assert [(row.name, row.kind, row.depth, row.output) for row in rows] == [
        ("", "Sequential", 0, (2, 4, 6, 6)),
        ("0", "Sequential", 1, (2, 4, 6, 6)),
        ("0.0", "Conv2d", 2, (2, 4, 6, 6)),
        ("1", "LSTM", 1, (2, 4, 6, 6)),
    ]


def test_operators_are_grouped_by_name_and_by_the_module_they_ran_in() -> None:
    pair = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.ReLU())
    counted = count(nn.Sequential(pair, nn.Flatten(), nn.Linear(64, 500)), (3, 8, 8))
    first, second, linear = 4 * 36 * 27, 4 * 16 * 36, 64 * 500
    assert counted.by_operator() == {
        "linear": OperatorSum(calls=1, macs=linear, activations=500),
        "conv2d": OperatorSum(calls=2, macs=first + second, activations=4 * 36 + 4 * 16),
    }
    assert list(counted.by_operator()) == ["linear", "conv2d"]  # the costliest first
    assert {name: [each.macs for each in ran] for name, ran in counted.by_module().items()} == {
        "0.0": [first],
        "0.1": [second],
        "2": [linear],
    }


def test_the_parts_add_up_to_the_whole() -> None:
    network = nn.Transformer(8, 2, 2, 2, 16, batch_first=True)
    counted = count(network, (torch.zeros(1, 5, 8), torch.zeros(1, 3, 8)))
    assert sum(row.macs for row in counted.operators) == counted.macs
    assert sum(row.activations for row in counted.operators) == counted.activations
    children = [row for row in counted.modules if row.depth == 1]
    assert sum(row.macs for row in children) == counted.macs


def test_a_forward_that_is_called_directly_counts_for_the_caller() -> None:
    class Direct(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(8, 8)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer.forward(x)

    assert macs(count(Direct(), (8,))) == {"": 64, "layer": 0}


def test_a_function_counts_for_the_module_that_calls_it() -> None:
    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(5, 8))

        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.linear(x, self.weight)

    assert macs(count(nn.Sequential(Functional(), nn.Linear(5, 2)), (8,))) == {
        "": 40 + 10,
        "0": 40,
        "1": 10,
    }


def test_a_shared_module_counts_each_call_under_its_first_name() -> None:
    layer = nn.Linear(8, 8)
    counted = count(nn.Sequential(layer, nn.ReLU(), layer), (8,))
    assert counted.params == 8 * 8 + 8
    assert macs(counted) == {"": 128, "0": 128, "1": 0}


def test_a_shared_parameter_counts_once_in_the_network_and_once_in_each_holder() -> None:
    first, second = nn.Linear(8, 8, bias=False), nn.Linear(8, 8, bias=False)
    second.weight = first.weight
    counted = count(nn.Sequential(first, second), (8,))
    assert counted.params == 64
    assert counted.weight_bytes == 64 * 4
    assert [row.params for row in counted.modules] == [64, 64, 64]


def test_a_module_with_two_parents_has_its_parameters_in_both() -> None:
    layer = nn.Linear(8, 8)
    counted = count(
        nn.Sequential(nn.Sequential(layer), nn.Sequential(layer, nn.Linear(8, 2))), (8,)
    )
    params = {row.name: row.params for row in counted.modules}
    assert params == {"": 72 + 18, "0": 72, "0.0": 72, "1": 72 + 18, "1.1": 18}


def test_a_lazy_layer_that_never_runs_has_no_parameters_yet() -> None:
    network = nn.Sequential(nn.Linear(8, 8))
    network[0].idle = nn.LazyLinear(5)
    counted = count(network, (8,))
    assert (counted.params, counted.weight_bytes) == (72, 4 * 72)


def test_a_module_that_never_runs_is_listed_without_output() -> None:
    class Idle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.idle = nn.Linear(8, 8), nn.Linear(8, 8)

        def forward(self, x: Tensor) -> Tensor:
            return self.used(x)

    idle = modules(count(Idle(), (8,)))["idle"]
    assert (idle.macs, idle.params, idle.output) == (0, 72, None)


def test_a_module_outside_the_network_counts_for_whoever_calls_it() -> None:
    outside = nn.Linear(8, 8)

    class Calls(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return outside(x)

    assert macs(count(nn.Sequential(Calls(), nn.ReLU()), (8,))) == {"": 64, "0": 64, "1": 0}


def test_what_a_hook_computes_counts_for_the_hooked_module() -> None:
    network = nn.Sequential(nn.Linear(8, 8), nn.ReLU())
    network[0].register_forward_pre_hook(lambda module, args: (args[0] @ torch.zeros(8, 8),))
    network[0].register_forward_hook(lambda module, args, out: out @ torch.zeros(8, 8))
    assert macs(count(network, (8,))) == {"": 3 * 64, "0": 3 * 64, "1": 0}


def test_names_do_not_depend_on_torch_compile() -> None:
    def network() -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sequential(nn.ReLU(), nn.Conv2d(4, 4, 1)))

    plain = count(network(), (3, 8, 8))
    whole: nn.Module = torch.compile(network())  # type: ignore[assignment]
    part = network()
    part[1] = torch.compile(part[1])  # type: ignore[assignment]
    in_place = network()
    in_place.compile()
    for other in (whole, part, in_place):
        assert count(other, (3, 8, 8)) == plain


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_macs_and_activations_grow_with_the_batch_and_parameters_do_not(batch: int) -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 5))
    counted = count(network, (3, 8, 8), batch_size=batch)
    assert counted.macs == batch * (4 * 6 * 6 * 27 + 5 * 144)
    assert counted.activations == batch * (4 * 6 * 6 + 5)
    assert counted.params == 4 * 27 + 4 + 5 * 144 + 5
    assert (counted.batch_size, counted.input_size) == (batch, (3, 8, 8))


def test_operators_say_where_what_and_how_often() -> None:
    block = nn.Conv2d(3, 3, 3, padding=1)
    counted = count(nn.Sequential(block, block), (3, 8, 8))
    (row,) = counted.operators
    assert (row.module, row.operator, row.calls) == ("0", "conv2d", 2)
    assert row.shape == "1x3x8x8 * 3x3x3x3 -> 1x3x8x8"
    assert (row.macs, row.activations) == (2 * 3 * 64 * 27, 2 * 3 * 64)


def test_weight_bytes_are_parameters_and_buffers_as_stored() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    values = 4 * 27 + 4 + 4 * 4  # weights, biases, scale, shift, mean, variance
    assert count(network, (3, 8, 8)).weight_bytes == 4 * values + 8  # and a 64-bit counter
    assert count(network, (3, 8, 8), dtype=torch.float16).weight_bytes == 2 * values + 8


def test_activations_are_the_outputs_of_convolutions_and_linear_layers() -> None:
    class Attends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.project = nn.Linear(8, 6)

        def forward(self, x: Tensor) -> Tensor:
            x = self.project(x)  # N x 5 x 6
            return torch.softmax(x @ x.transpose(1, 2), -1) @ x

    counted = count(Attends(), (5, 8), batch_size=2)
    assert counted.activations == 2 * 5 * 6
    assert counted.macs == 2 * (5 * 6 * 8 + 5 * 5 * 6 + 5 * 6 * 5)


def test_a_partial_of_a_class_names_the_class() -> None:
    build = partial(nn.Linear, 8, 4)
    assert modules(count(build(), (8,)))[""].kind == "Linear"


def test_modules_that_say_that_they_are_equal_are_told_apart() -> None:
    class Equal(nn.Sequential):
        def __eq__(self, other: object) -> bool:
            return isinstance(other, Equal)

        __hash__ = nn.Module.__hash__

    found = count(Equal(Equal(nn.Linear(4, 5)), nn.Linear(5, 6)), (4,))
    assert {each.name: each.macs for each in found.modules} == {
        "": 20 + 30,
        "0": 20,
        "0.0": 20,
        "1": 30,
    }


def test_a_constructor_may_freeze_a_network() -> None:
    def build() -> nn.Module:
        network = nn.Sequential(nn.Linear(4, 5), nn.ReLU()).eval()
        script, freeze = torch.jit.script, torch.jit.freeze
        frozen: nn.Module = freeze(script(network))
        return frozen

    assert build_and_count(build, (4,)).macs == 20
