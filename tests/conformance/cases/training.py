"""Training passes: tiny networks, with their multiply-accumulates and how to carry them out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from torch.utils.checkpoint import checkpoint

from tests.conformance.cases.loops import Array, array
from tests.conformance.gradient_loops import GradientLoops, Layer, flat, relu, tanh


@dataclass(frozen=True, kw_only=True)
class Training:
    """``perform`` carries out forward and backward pass of the sum of the output."""

    idea: str
    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    macs: int
    perform: Callable[[GradientLoops, Any, Array], None]

    def __str__(self) -> str:
        return self.idea

    def network(self) -> nn.Module:
        """The same weights every time."""
        torch.manual_seed(1)
        return self.build()

    def example(self) -> Tensor:
        """The same input every time."""
        return torch.randn(self.shape, generator=torch.Generator().manual_seed(2))


def through(*layers: Callable[..., Layer]) -> Callable[[GradientLoops, Any, Array], None]:
    """Return the forward pass through layers, and the way back for a gradient of ones."""

    def perform(do: GradientLoops, net: Any, x: Array) -> None:
        ways_back = []
        for layer in layers:
            x, back = layer(do, net, x)
            ways_back.append(back)
        grad: Any = np.ones_like(x)
        while ways_back and grad is not None:
            grad = ways_back.pop()(grad)

    return perform


def linear(name: str, **how: bool) -> Any:
    return lambda do, net, x: do.linear_layer(x, net.get_submodule(name), name, **how)


def convolution(name: str, **how: bool) -> Any:
    return lambda do, net, x: do.convolution(x, net.get_submodule(name), name, **how)


def transposed(name: str, **how: bool) -> Any:
    return lambda do, net, x: do.transposed_convolution(x, net.get_submodule(name), name, **how)


class Recomputed(nn.Module):
    """The inner layers run again in the backward pass."""

    def __init__(self, reentrant: bool) -> None:
        super().__init__()
        self.first = nn.Linear(4, 5)
        self.inner = nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 3))
        self.reentrant = reentrant

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = checkpoint(self.inner, self.first(x), use_reentrant=self.reentrant)
        return found


def recomputed(again: int) -> Callable[[GradientLoops, Any, Array], None]:
    """Run so many of the inner layers again before the way back."""
    inner = (linear("inner.0"), tanh, linear("inner.2"))

    def perform(do: GradientLoops, net: Any, x: Array) -> None:
        x, first = do.linear_layer(x, net.first, "first", inner=False)
        start, ways_back = x, []
        for layer in inner:
            x, back = layer(do, net, x)
            ways_back.append(back)
        grad, x = np.ones_like(x), start
        for number in range(again):
            x, ways_back[number] = inner[number](do, net, x)
        for back in reversed(ways_back):
            grad = back(grad)
        first(grad)

    return perform


class Twice(nn.Module):
    """One weight, used two times."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.layer(torch.tanh(self.layer(x)))
        return found


class Attends(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(6, n) for n in (4, 4, 5))

    def forward(self, x: Tensor) -> Tensor:
        heads = (each(x)[None, None] for each in (self.q, self.k, self.v))
        return scaled_dot_product_attention(*heads)[0, 0]


def attends(do: GradientLoops, net: Any, x: Array) -> None:
    made = {name: do.linear_layer(x, getattr(net, name), name, inner=False) for name in "qkv"}
    out, back = do.attention_head(*(made[name][0] for name in "qkv"))
    for name, grad in zip("qkv", back(np.ones_like(out)), strict=True):
        made[name][1](grad)


class Steps(nn.Module):
    """A recurrent layer that starts from nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.RNN(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.layer(x)[0]
        return found


def steps(do: GradientLoops, net: Any, x: Array) -> None:
    """The first state is given, so that no gradient reaches it."""
    layer = net.layer
    into, again = array(layer.weight_ih_l0), array(layer.weight_hh_l0)
    bias = array(layer.bias_ih_l0) + array(layer.bias_hh_l0)
    states = [np.zeros((x.shape[1], 4))]
    for step in x:
        made = do.linear(step, into) + do.linear(states[-1], again) + bias
        states.append(np.tanh(made))
    coming: Any = np.zeros_like(states[0])
    for number in reversed(range(len(x))):
        grad = (1 + coming) * (1 - states[number + 1] ** 2)
        do.gradients["layer.weight_ih_l0"] += do.matmul(grad.T, x[number])
        do.gradients["layer.weight_hh_l0"] += do.matmul(grad.T, states[number])
        for name in ("layer.bias_ih_l0", "layer.bias_hh_l0"):
            do.gradients[name] += grad.sum(0)
        coming = do.matmul(grad, again) if number else None


def frozen_first() -> nn.Module:
    network = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 6), nn.Linear(6, 3))
    network[0].requires_grad_(False)
    return network


def frozen_middle() -> nn.Module:
    network = nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 6), nn.Linear(6, 3))
    network[1].requires_grad_(False)
    return network


TRAINING: tuple[Training, ...] = (
    Training(
        idea="a linear layer: as much again for its weight",
        build=lambda: nn.Sequential(nn.Linear(4, 5)),
        shape=(2, 4),
        macs=2 * (2 * 4 * 5),
        perform=through(linear("0", inner=False)),
    ),
    Training(
        idea="layers after the first: three times the forward pass",
        build=lambda: nn.Sequential(
            nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 6, bias=False), nn.Tanh(), nn.Linear(6, 3)
        ),
        shape=(2, 4),
        macs=2 * (2 * 4 * 5) + 3 * 2 * (5 * 6 + 6 * 3),
        perform=through(linear("0", inner=False), relu, linear("2"), tanh, linear("4")),
    ),
    Training(
        idea="a frozen first layer: no gradient passes the second",
        build=frozen_first,
        shape=(2, 4),
        macs=2 * (4 * 5) + 2 * 2 * (5 * 6) + 3 * 2 * (6 * 3),
        perform=through(
            linear("0", inner=False, trained=False), relu, linear("2", inner=False), linear("3")
        ),
    ),
    Training(
        idea="a frozen layer in between: only its input's gradient",
        build=frozen_middle,
        shape=(2, 4),
        macs=2 * 2 * (4 * 5) + 2 * 2 * (5 * 6) + 3 * 2 * (6 * 3),
        perform=through(linear("0", inner=False), linear("1", trained=False), linear("2")),
    ),
    Training(
        idea="a weight used twice: each use has its gradients",
        build=Twice,
        shape=(3, 4),
        macs=2 * (3 * 16) + 3 * (3 * 16),
        perform=through(linear("layer", inner=False), tanh, linear("layer")),
    ),
    Training(
        idea="convolutions with stride, padding and groups",
        build=lambda: nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(4, 6, 2, stride=2, groups=2),
            nn.Flatten(),
            nn.Linear(6 * 4, 3),
        ),
        shape=(2, 2, 4, 4),
        macs=2 * (2 * 4 * 16) * (2 * 9) + 3 * (2 * 6 * 4) * (2 * 4) + 3 * 2 * (24 * 3),
        perform=through(convolution("0", inner=False), relu, convolution("2"), flat, linear("4")),
    ),
    Training(
        idea="transposed convolutions",
        build=lambda: nn.Sequential(
            nn.ConvTranspose2d(2, 3, 2, stride=2), nn.Tanh(), nn.ConvTranspose2d(3, 2, 3)
        ),
        shape=(1, 2, 3, 3),
        macs=2 * (2 * 9) * (3 * 4) + 3 * (3 * 36) * (2 * 9),
        perform=through(transposed("0", inner=False), tanh, transposed("2")),
    ),
    Training(
        idea="attention: two products forward and four back",
        build=Attends,
        shape=(3, 6),
        macs=2 * 3 * 6 * (4 + 4 + 5) + 3 * (3 * 3) * (4 + 5),
        perform=attends,
    ),
    Training(
        idea="a recurrent layer: the first state has no gradient",
        build=Steps,
        shape=(3, 2, 3),
        macs=2 * (3 * 2) * (3 * 4) + (3 + 3 + 2) * 2 * (4 * 4),
        perform=steps,
    ),
    Training(
        idea="checkpointing: the forward pass of the inner layers again",
        build=lambda: Recomputed(reentrant=True),
        shape=(2, 4),
        macs=2 * 2 * (4 * 5) + 4 * 2 * (5 * 6 + 6 * 3),
        perform=recomputed(again=3),
    ),
    Training(
        idea="checkpointing that stops where nothing more is needed",
        build=lambda: Recomputed(reentrant=False),
        shape=(2, 4),
        macs=2 * 2 * (4 * 5) + 4 * 2 * (5 * 6) + 3 * 2 * (6 * 3),
        perform=recomputed(again=2),
    ),
)
