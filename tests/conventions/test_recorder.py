"""What a trace holds, and that nothing stays behind."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from opbench.conventions import get, tally, trace
from opbench.conventions.recorder import WATCHED
from opbench.counting import build_and_count
from opbench.errors import BadValueError, CountError
from opbench.registry import entries
from tests.conventions.layers import Does


@pytest.mark.parametrize("name", ["alexnet", "enet", "googlenet", "lenet5", "resnet18", "xception"])
def test_mac_is_the_count_itself(name: str) -> None:
    spec = entries.get(name)
    recorded = tally(get("mac"), trace(spec.build, spec.input_size))
    assert recorded.total == build_and_count(spec.build, spec.input_size).macs


def test_a_composite_operator_holds_what_it_was_carried_out_with() -> None:
    (call,) = trace(lambda: nn.Linear(4, 3), (4,)).operators
    assert call.name == "linear"
    assert [part.name for part in call.parts] == ["t", "addmm"]
    assert [tuple(each.shape) for each in call.args] == [(1, 4), (3, 4), (3,)]


def test_shapes_are_those_at_the_time_of_the_call() -> None:
    def grows(_: nn.Module, x: Tensor) -> Tensor:
        y = F.relu(x)
        return y.unsqueeze_(0).unsqueeze_(0)

    recorded = trace(lambda: Does(grows), (4,))
    assert tuple(recorded.operators[0].out.shape) == (1, 4)
    assert [tuple(call.args[0].shape) for call in recorded.functions] == [(1, 4)]


def test_results_that_are_thrown_away_are_told_from_those_that_are_used() -> None:
    def forward(self: nn.Module, x: Tensor) -> Tensor:
        torch.sin(x)
        kept = torch.cos(x)
        kept.view(-1).mul_(2)  # through a view, in place
        return kept

    recorded = trace(lambda: Does(forward), (4,))
    assert {call.name for call in recorded.operators} == {"sin", "cos", "view", "mul"}
    assert {call.name for call in recorded.used()} == {"cos", "view", "mul"}


def test_a_module_is_seen_each_time_with_what_went_in_and_came_out() -> None:
    network = trace(
        lambda: Does(lambda self, x: self.pool(self.pool(x)), pool=nn.MaxPool2d(2)), (1, 8, 8)
    )
    sizes = [call.inputs[0].shape[-1] for call in network.modules if type(call.module) is not Does]
    assert sizes == [8, 4]


def test_torch_is_the_same_afterwards_also_after_an_error() -> None:
    def state() -> list[object]:
        places = [(nn.Module, "__call__"), (torch.autograd.Function, "apply"), *WATCHED.values()]
        below = torch.autograd.function._SingleLevelFunction
        owned = [name in vars(owner) for owner, name in (*places, (below, "apply"))]
        return [*owned, *(vars(owner).get(name) for owner, name in places), torch.get_rng_state()]

    before = state()
    trace(lambda: nn.Conv2d(3, 4, 3), (3, 6, 6))
    with pytest.raises(CountError):
        trace(lambda: Does(lambda _, x: F.relu(x) @ "nothing"), (3, 6, 6))
    after = state()
    assert after[:-1] == before[:-1]
    assert torch.equal(after[-1], before[-1])  # type: ignore[arg-type]


def test_a_network_that_exists_is_left_as_it_was() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).train()
    attributes = [dict(vars(module)) for module in network.modules()]
    running_mean = network[1].running_mean.clone()
    trace(lambda: network, (3, 6, 6))
    assert [dict(vars(module)) for module in network.modules()] == attributes
    assert torch.equal(network[1].running_mean, running_mean)
    assert network.training and not network[0].weight.is_meta


def test_example_inputs_that_come_with_the_network_are_used() -> None:
    recorded = trace(lambda: (nn.Linear(4, 3), (torch.zeros(5, 4),)))
    assert recorded.images == 5
    assert tally(get("mac"), recorded).total == 5 * 12


def test_a_network_of_lazy_layers_is_recorded_once_its_shapes_are_known() -> None:
    recorded = trace(lambda: nn.LazyLinear(3), (4,))
    assert tally(get("mac"), recorded).total == 12


def test_an_impossible_size_is_refused_before_anything_is_built() -> None:
    with pytest.raises(BadValueError):
        trace(lambda: nn.Linear(4, 3), (0,))
