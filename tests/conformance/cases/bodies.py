"""Operators that carry a body, which runs once for each step, row or round."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .case import Case, normal
from .loops import Array, Loops, array

ONE = 2 * 4 * 4  # two rows through a matrix of 4 x 4
_ROUNDS = 3


class Square(nn.Module):
    """A matrix of 4 x 4, and the function that uses it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4, bias=False)
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(self.layer, x)


def _scan(layer: nn.Module, x: Tensor) -> Any:
    def step(state: Tensor, row: Tensor) -> tuple[Tensor, Tensor]:
        state = torch.tanh(layer(state) + row)
        return state, state.clone()

    return import_module("torch._higher_order_ops.scan").scan(step, torch.zeros(2, 4), x)[1]


def _scanned(do: Loops, net: Any, x: Tensor) -> Array:
    states = [np.zeros((2, 4))]
    for row in array(x):
        states.append(np.tanh(do.linear(states[-1], net.layer.weight) + row))
    return np.stack(states[1:])


def _map(layer: nn.Module, x: Tensor) -> Any:
    return import_module("torch._higher_order_ops.map").map(lambda row: layer(row), x)


def _mapped(do: Loops, net: Any, x: Tensor) -> Array:
    return do.linear(x, net.layer.weight)


def _while(layer: nn.Module, x: Tensor) -> Any:
    def body(i: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        return i + 1, layer(x)

    loop = import_module("torch._higher_order_ops").while_loop
    return loop(lambda i, x: i < _ROUNDS, body, (torch.tensor(0), x))[1]


def _repeated(do: Loops, net: Any, x: Tensor) -> Array:
    found = array(x)
    for _ in range(_ROUNDS):
        found = do.linear(found, net.layer.weight)
    return found


def _associative(layer: nn.Module, x: Tensor) -> Any:
    scan = import_module("torch._higher_order_ops.associative_scan").associative_scan
    return scan(lambda a, b: a @ b, x, 0, combine_mode="generic")


def _combined(do: Loops, net: Any, x: Tensor) -> Array:
    return np.stack(_prefixes(do, list(array(x))))


def _prefixes(do: Loops, matrices: list[Array]) -> list[Array]:
    """Return the products of the first one, two, three ... matrices: those of pairs give every
    second one, and one product more each of the others but the first."""
    if len(matrices) < 2:
        return matrices
    pairs = [do.matmul(*two) for two in zip(matrices[::2], matrices[1::2], strict=False)]
    found, seconds = matrices[:1], _prefixes(do, pairs)
    for i, second in enumerate(seconds):
        found.append(second)
        if 2 * i + 2 < len(matrices):
            found.append(do.matmul(second, matrices[2 * i + 2]))
    return found


def _body(
    idea: str,
    function: Callable[..., Any],
    shape: tuple[int, ...],
    macs: int,
    perform: Callable[..., Array],
) -> Case:
    return Case(
        idea=idea,
        build=lambda: Square(function),
        inputs=normal(shape),
        macs=macs,
        perform=perform,
    )


BODIES: tuple[Case, ...] = (
    _body("a scan over six steps", _scan, (6, 2, 4), 6 * ONE, _scanned),
    _body("a map over five rows", _map, (5, 2, 4), 5 * ONE, _mapped),
    _body("a while loop of three rounds", _while, (2, 4), _ROUNDS * ONE, _repeated),
    # Three pairs, then of the three one pair and one product more, then two more of the six.
    _body("an associative scan of six", _associative, (6, 4, 4), (3 + 2 + 2) * 4**3, _combined),
)
