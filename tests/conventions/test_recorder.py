"""What a trace holds, and that nothing stays behind."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from opbench.conventions import COMPUTED, tally, trace
from opbench.counting import build_and_count
from opbench.errors import BadValueError, CountError
from opbench.registry import entries

QUICK = ("alexnet", "enet", "googlenet", "lenet5", "resnet18", "xception")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
        for name in entries.names()
    ],
)
def test_mac_is_the_count_itself(name: str) -> None:
    spec = entries.get(name)
    recorded = tally(COMPUTED["mac"], trace(spec.build, spec.input_size))
    assert recorded.total == build_and_count(spec.build, spec.input_size).macs


def test_a_composite_operator_holds_what_it_was_carried_out_with() -> None:
    (call,) = trace(lambda: nn.Linear(4, 3), (4,))
    assert call.name == "linear"
    assert [part.name for part in call.parts] == ["t", "addmm"]
    assert [tuple(each.shape) for each in call.args] == [(1, 4), (3, 4), (3,)]


def test_shapes_are_those_at_the_time_of_the_call() -> None:
    class Grows(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.relu(x).unsqueeze_(0).unsqueeze_(0)

    first, *_ = trace(Grows, (4,))
    assert tuple(first.out.shape) == (1, 4)


class Fails(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(x, training=True) @ "nothing"  # type: ignore[operator]


def test_random_numbers_are_the_same_afterwards_also_after_an_error() -> None:
    before = torch.get_rng_state()
    trace(lambda: nn.Conv2d(3, 4, 3), (3, 6, 6))
    with pytest.raises(CountError, match="Fails runs and cannot be recorded"):
        trace(Fails, (3, 6, 6))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_network_that_exists_is_left_as_it_was() -> None:
    network: Any = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).train()
    attributes = [dict(vars(module)) for module in network.modules()]
    running_mean = network[1].running_mean.clone()
    trace(lambda: network, (3, 6, 6))
    assert [dict(vars(module)) for module in network.modules()] == attributes
    assert torch.equal(network[1].running_mean, running_mean)
    assert network.training and not network[0].weight.is_meta


def test_example_inputs_that_come_with_the_network_are_used() -> None:
    recorded = trace(lambda: (nn.Linear(4, 3), (torch.zeros(5, 4),)))
    assert tally(COMPUTED["mac"], recorded).total == 5 * 12


def test_a_network_of_lazy_layers_is_recorded_once_its_shapes_are_known() -> None:
    recorded = trace(lambda: nn.LazyLinear(3), (4,))
    assert tally(COMPUTED["mac"], recorded).total == 12


def test_an_impossible_size_is_refused_before_anything_is_built() -> None:
    with pytest.raises(BadValueError):
        trace(lambda: nn.Linear(4, 3), (0,))
