"""A training step: its passes, its update, and that a module is left as it was found."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook

import opbench
from opbench.errors import CountError
from opbench.timing.device import CpuDevice
from opbench.timing.training import load_training, training_step

Gradients = list[list[Tensor]]


@pytest.fixture
def updates() -> Iterator[Gradients]:
    """The gradients that each step of an optimiser has used."""
    seen: Gradients = []

    def look(optimiser: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        assert type(optimiser) is torch.optim.SGD
        (group,) = optimiser.param_groups
        seen.append([each.grad.clone() for each in group["params"]])

    hook = register_optimizer_step_post_hook(look)
    yield seen
    hook.remove()


class Layers(nn.Module):
    """A normalised linear layer, whose frozen scale is not trained; notes its mode."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.fc = nn.BatchNorm1d(3), nn.Linear(3, 2, bias=False)
        self.scale = nn.Parameter(torch.ones(2), requires_grad=False)
        self.drop = nn.Dropout(0.5)
        self.modes: list[bool] = []

    def forward(self, rows: Tensor) -> dict[str, Tensor]:
        self.modes.append(self.norm.training and self.drop.training)
        return {"out": self.fc(rows) * self.scale, "other": self.drop(self.norm(rows))}


def test_a_step_uses_the_gradients_of_the_sum_of_the_outputs_and_forgets_them(
    updates: Gradients,
) -> None:
    layer = nn.Linear(3, 2)
    before = [each.clone() for each in layer.parameters()]
    step = training_step(layer, lambda: layer(torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])))
    step()
    step()
    # The sum of two rows for each output, and one of each bias for each row.
    for weight, bias in updates:
        assert weight.tolist() == [[5.0, 7.0, 9.0]] * 2
        assert bias.tolist() == [2.0, 2.0]
    assert len(updates) == 2
    assert all(each.grad is None for each in layer.parameters())
    assert all(map(torch.equal, before, layer.parameters()))


def frozen() -> nn.Module:
    return nn.Linear(3, 2).requires_grad_(False)


class Detached(nn.Linear):
    def forward(self, rows: Tensor) -> Tensor:
        return super().forward(rows).detach()


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (frozen(), "Linear has no training pass: none of its parameters requires a gradient"),
        (nn.ReLU(), "ReLU has no training pass: none of its parameters requires a gradient"),
        (
            Detached(3, 2),
            "Detached has no training pass: none of its outputs is a floating-point tensor that "
            "requires a gradient",
        ),
    ],
)
def test_a_network_that_cannot_be_trained_says_why(network: nn.Module, reason: str) -> None:
    with pytest.raises(CountError) as refused:
        opbench.measure(network, (3,), training=True, max_seconds=0.01)
    assert str(refused.value) == reason
    with pytest.raises(CountError) as counted:
        opbench.count(network, (3,), training=True)
    assert str(counted.value) == reason


def test_every_call_is_a_step_in_training_mode(updates: Gradients) -> None:
    network = Layers()
    load_training(CpuDevice())
    others = len(updates)
    rows = torch.ones(2, 3)
    measured = opbench.measure(network, (rows,), training=True, max_seconds=0.05, precision=0.5)
    calls = measured.warmup + len(measured.samples_s) * measured.calls_per_sample
    assert network.modes == [True] * calls
    # Beside them the optimiser is loaded as it was before.
    assert len(updates) - others == calls + others
    # The layer, and scale and shift of the normalisation: not what is frozen.
    assert {len(each) for each in updates[-calls:]} == {3}


def test_a_module_is_left_as_it_was_found() -> None:
    network = Layers()
    network.eval()
    network.drop.train()
    network.fc.weight.grad = torch.full((2, 3), 7.0)
    state = {name: each.clone() for name, each in network.state_dict().items()}
    rows = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]])
    torch.manual_seed(5)
    before = torch.get_rng_state()
    opbench.measure(network, (rows,), training=True, max_seconds=0.01)
    assert torch.equal(torch.get_rng_state(), before)
    after = network.state_dict()
    assert all(torch.equal(state[name], after[name]) for name in state)
    assert [network.training, network.norm.training, network.drop.training] == [False, False, True]
    assert network.fc.weight.grad.tolist() == [[7.0] * 3] * 2
    assert network.norm.weight.grad is None


def test_a_module_is_left_as_it_was_found_after_an_error() -> None:
    network = Layers()
    network.eval()
    mean = network.norm.running_mean
    with pytest.raises(TypeError):
        opbench.measure(network, (torch.ones(2, 3), 1), training=True)
    assert not any(each.training for each in network.modules())
    assert isinstance(mean, Tensor)
    assert mean.tolist() == [0.0] * 3


def test_inputs_of_a_graph_are_taken_without_it() -> None:
    made = torch.ones(2, 3, requires_grad=True)
    rows = made.exp() * 2
    opbench.measure(nn.Linear(3, 2), (rows,), training=True, max_seconds=0.01)
    assert made.grad is None


class _Slow(torch.autograd.Function):
    """The identity, whose gradient takes a while."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        return rows.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        time.sleep(0.02)
        return gradients[0]


class SlowBackward(nn.Linear):
    def forward(self, rows: Tensor) -> Any:
        return _Slow.apply(super().forward(rows))


def test_the_backward_pass_is_in_the_samples() -> None:
    network = SlowBackward(3, 2)
    step = opbench.measure(network, (3,), training=True, max_seconds=0.1)
    forward = opbench.measure(network, (3,), max_seconds=0.1)
    assert min(step.samples_s) >= 0.02 > forward.median_s
