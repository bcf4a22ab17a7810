"""Training passes: which gradients are computed, what they need, and whose they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.checkpoint import checkpoint

import opbench
from opbench.counting import count
from opbench.counting.tracing.training import differentiable
from opbench.errors import CountError

SCALARS = 64  # bytes: the sum of the outputs and its gradient


# -- identities ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "size"),
    [("resnet18", (3, 64, 64)), ("squeezenet1_1", (3, 64, 64)), ("lenet5", (1, 32, 32))],
)
def test_three_times_the_forward_pass_less_the_gradient_of_the_image(
    name: str, size: tuple[int, ...]
) -> None:
    network = opbench.create(name)
    forward = count(network, size)
    first = next(each for each in forward.operators if each.macs)
    training = count(network, size, training=True, batch_size=2)
    assert training.macs == 2 * (3 * forward.macs - first.macs)


def test_a_gradient_of_the_input_is_one_more() -> None:
    x, layer = torch.zeros(2, 4), nn.Linear(4, 5)
    assert count(layer, (x,), training=True).macs == 2 * (2 * 4 * 5)
    assert count(layer, (x.requires_grad_(),), training=True).macs == 3 * (2 * 4 * 5)


def test_parts_that_are_frozen_have_no_gradients() -> None:
    network = nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 6), nn.Linear(6, 3))
    network[:2].requires_grad_(False)
    assert count(network, (4,), training=True).macs == 20 + 30 + 2 * 18


def test_detached_parts_have_no_gradients() -> None:
    class Detached(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other = nn.Linear(4, 5), nn.Linear(5, 6)

        def forward(self, x: Tensor) -> Tensor:
            found: Tensor = self.other(self.one(x).detach())
            return found

    assert count(Detached(), (4,), training=True).macs == 20 + 2 * 30


def test_only_outputs_have_gradients() -> None:
    """A branch whose result is thrown away runs forward and never backward."""

    class Drops(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kept, self.dropped = nn.Linear(4, 5), nn.Linear(4, 7)

        def forward(self, x: Tensor) -> Tensor:
            self.dropped(x)
            found: Tensor = self.kept(x)
            return found

    assert count(Drops(), (4,), training=True).macs == 2 * 20 + 28


def test_parts_that_run_in_training_only_count_in_training_only() -> None:
    class Auxiliary(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head, self.auxiliary = nn.Linear(4, 5), nn.Linear(4, 7)

        def forward(self, x: Tensor) -> Any:
            return (self.head(x), self.auxiliary(x)) if self.training else self.head(x)

    network = Auxiliary().eval()
    assert count(network, (4,)).macs == 20
    assert count(network, (4,), training=True).macs == 2 * (20 + 28)
    assert not network.training


class States(nn.Module):
    """A recurrent layer that is given its first state."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.GRU(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.layer(x, torch.zeros(1, x.shape[1], 4, device=x.device))[0]
        return found


def test_a_first_state_has_no_gradient_on_any_device() -> None:
    steps, images, into, again = 5, 2, 3 * 12, 4 * 12
    x = torch.randn(steps, images, 3)
    macs = images * (steps * 2 * into + (3 * steps - 1) * again)
    for device in ("meta", "cpu"):
        assert count(States(), (x,), training=True, device=device).macs == macs


def test_a_gradient_of_a_gradient_counts() -> None:
    """One step of descent, and the way back through it."""

    class Step(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.randn(4, 5))

        def forward(self, x: Tensor) -> Tensor:
            loss = torch.tanh(x @ self.weight).sum()
            (gradient,) = torch.autograd.grad(loss, self.weight, create_graph=True)
            return x @ (self.weight - gradient)

    one = 3 * 4 * 5
    # Forward: the loss, its gradient, the result.  Back: one factor of each is the input.
    assert count(Step(), (torch.randn(3, 4),), training=True).macs == (3 + 3) * one
    assert count(Step(), (torch.randn(3, 4),)).macs == 3 * one


def test_an_exported_program_is_trained_as_it_was_exported() -> None:
    network = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 6))
    program = torch.export.export(network, (torch.zeros(2, 4),))
    assert count(program, training=True).macs == 2 * (2 * 20 + 3 * 30)


# -- outputs -------------------------------------------------------------------------------------


class Pair(NamedTuple):
    left: Tensor
    right: Tensor


@dataclass
class Outputs:
    loss: Tensor
    extra: dict[str, Any]


class Slotted:
    __slots__ = ("made",)

    def __init__(self, made: Tensor) -> None:
        self.made = made


class Wraps(nn.Module):
    def __init__(self, wrap: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.layer, self.wrap = nn.Linear(4, 5), wrap

    def forward(self, x: Tensor) -> Any:
        return self.wrap(self.layer(x))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda y: y,
        lambda y: (y, None),
        lambda y: [[y], "text", 3],
        lambda y: {"a": {"b": y}},
        lambda y: Pair(y, y.argmax()),
        lambda y: Outputs(y, {"ids": y.argmax()}),
        Slotted,
        lambda y: torch.distributions.Normal(y, torch.ones(())),
        lambda y: torch.view_as_complex(y[:, :4].reshape(-1, 2, 2)),
        lambda y: y[0, 0],
    ],
    ids=[
        "tensor",
        "tuple",
        "list",
        "dict",
        "named",
        "dataclass",
        "slots",
        "object",
        "complex",
        "scalar",
    ],
)
def test_outputs_may_be_nested(wrap: Callable[[Tensor], Any]) -> None:
    assert count(Wraps(wrap), (4,), training=True).macs == 2 * 20


def test_an_output_that_holds_itself_is_looked_at_once() -> None:
    x = torch.ones(2, requires_grad=True)
    loop: list[Any] = [x, x, nn.Linear(2, 2), int]
    loop.append(loop)
    assert differentiable(loop) == [x] or [id(each) for each in differentiable(loop)] == [id(x)]


@pytest.mark.parametrize(
    ("network", "why"),
    [
        (nn.Linear(4, 5).requires_grad_(False), "none of its parameters requires a gradient"),
        (nn.ReLU(), "none of its parameters requires a gradient"),
        (Wraps(lambda y: y.argmax()), "none of its outputs"),
        (Wraps(lambda y: y.detach()), "none of its outputs"),
        (Wraps(lambda y: None), "none of its outputs"),
    ],
)
def test_nothing_to_train_is_one_sentence(network: nn.Module, why: str) -> None:
    with pytest.raises(CountError, match=f"{type(network).__name__} has no training pass: {why}"):
        count(network, (4,), training=True)


def test_one_value_per_channel_is_one_sentence() -> None:
    network = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5))
    with pytest.raises(CountError, match=r"Sequential .*\(in 1\).*: take a batch of 2 or more"):
        count(network, (4,), training=True)
    assert count(network, (4,), training=True, batch_size=2).macs == 2 * 2 * 20


# -- modules -------------------------------------------------------------------------------------


def by_module(network: nn.Module, size: tuple[int, ...], **how: Any) -> dict[str, int]:
    counted = count(network, size, training=True, **how)
    assert counted.macs == counted.modules[0].macs
    assert counted.macs == sum(row.macs for row in counted.operators)
    return {each.name: each.macs for each in counted.modules if each.name}


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_a_gradient_belongs_to_the_module_that_ran_forward(device: str) -> None:
    network = nn.Sequential(
        nn.Linear(4, 5), nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 3))
    )
    assert by_module(network, (4,), device=device) == {
        "0": 2 * 20,
        "1": 3 * (30 + 18),
        "1.0": 3 * 30,
        "1.1": 0,
        "1.2": 3 * 18,
    }


def test_products_of_a_module_itself_are_its_own() -> None:
    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.weight = nn.Linear(4, 5), nn.Parameter(torch.randn(5, 7))

        def forward(self, x: Tensor) -> Tensor:
            return torch.tanh(self.layer(x) @ self.weight)

    assert by_module(nn.Sequential(Outer()), (4,)) == {"0": 40 + 3 * 35, "0.layer": 40}


@pytest.mark.parametrize("reentrant", [True, False])
def test_what_a_checkpoint_runs_again_belongs_to_its_modules(reentrant: bool) -> None:
    class Recomputes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(4, 5)
            self.inner = nn.Sequential(nn.Linear(5, 6), nn.Linear(6, 3), nn.Tanh())

        def forward(self, x: Tensor) -> Any:
            return checkpoint(self.inner, self.first(x), use_reentrant=reentrant)

    assert by_module(Recomputes(), (4,)) == {
        "first": 2 * 20,
        "inner": 4 * (30 + 18),
        "inner.0": 4 * 30,
        "inner.1": 4 * 18,
        "inner.2": 0,
    }


# -- memory --------------------------------------------------------------------------------------


def test_saved_activations_and_gradients_are_alive_together() -> None:
    network = nn.Sequential(
        nn.Linear(100, 50, bias=False), nn.Tanh(), nn.Linear(50, 10, bias=False)
    )
    peak = count(network, (100,), training=True).peak_activation_bytes
    # The first weight's gradient is made last: beside input, output, gradient of its result and the
    # gradient of the last weight; what the last layer saved is gone.
    expected = 4 * (100 + 10 + 50 + 50 * 10 + 100 * 50)
    assert expected <= peak <= expected + SCALARS


def test_a_checkpoint_saves_memory() -> None:
    class Deep(nn.Module):
        def __init__(self, saves: bool) -> None:
            super().__init__()
            self.saves = saves
            self.blocks = nn.ModuleList(
                nn.Sequential(nn.Conv2d(4, 4, 1), nn.Tanh(), nn.Conv2d(4, 4, 1), nn.Tanh())
                for _ in range(8)
            )

        def forward(self, x: Tensor) -> Tensor:
            for block in self.blocks:
                x = checkpoint(block, x, use_reentrant=False) if self.saves else block(x)
            return x

    plain, saving = (count(Deep(saves), (4, 64, 64), training=True) for saves in (False, True))
    one = 4 * (4 * 64 * 64)
    # The input, the 16 results of tanh, and a gradient on its way through an operator.
    assert 19 * one <= plain.peak_activation_bytes <= 19 * one + 1024
    # The input, the 8 results of blocks, and at most the results and gradients of one block.
    assert saving.peak_activation_bytes <= (9 + 4 + 2) * one + 1024
    assert saving.macs > plain.macs


# -- do no harm ----------------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_a_network_is_left_as_it_was(device: str) -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout()).eval()
    before = {name: each.clone() for name, each in network.state_dict().items()}
    count(network, (3, 8, 8), training=True, device=device)
    assert all(torch.equal(before[name], each) for name, each in network.state_dict().items())
    assert all(each.grad is None for each in network.parameters())
    assert not any(each.training for each in network.modules())


def test_settings_are_left_as_they_were() -> None:
    before = torch._C._get_mkldnn_enabled(), torch.backends.cudnn.enabled
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        count(nn.Linear(4, 5), (4,), training=True)
        assert torch.backends.cuda.flash_sdp_enabled()
        assert not torch.backends.cuda.math_sdp_enabled()
    assert (torch._C._get_mkldnn_enabled(), torch.backends.cudnn.enabled) == before


def test_the_same_call_gives_the_same_count() -> None:
    network = nn.Sequential(nn.Linear(4, 5), nn.Dropout(), nn.Linear(5, 6))
    assert count(network, (4,), training=True) == count(network, (4,), training=True)


def test_scripted_functions_run_as_written_meanwhile() -> None:
    """Once TorchScript has optimised one, as it does on its own, no operator of it may be seen."""
    seen: list[bool] = []

    class Looks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(4, 5)

        def forward(self, x: Tensor) -> Tensor:
            seen.append(torch._C._get_graph_executor_optimize())
            out: Tensor = self.head(x)
            return out

    count(Looks(), (torch.ones(3, 4),), training=True)
    assert (seen, torch._C._get_graph_executor_optimize()) == ([False], True)
