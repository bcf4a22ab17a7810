"""One linear layer, reached by what the network itself holds, or with inputs by name.

Each network is fresh from its constructor or knows a large layer beside the small one, which runs
in training mode: a counter that runs another mode, or another network, than its user's shows it.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn

from .case import Case, normal
from .loops import Array, Loops

ONE = 3 * 4 * 5


class Own(nn.Module):
    """``prepare`` gives it what it runs; ``choose`` runs the small layer in evaluation mode."""

    run: Callable[..., Any]

    def __init__(self, prepare: Callable[[Own], None]) -> None:
        super().__init__()
        self.small, self.large = nn.Linear(4, 5), nn.Linear(4, 500)
        prepare(self)

    def choose(self, x: Tensor) -> Any:
        return self.large(x) if self.training else self.small(x)

    def forward(self, *inputs: Any) -> Any:
        return self.run(*inputs)


@dataclass
class Batch:
    """Inputs by name, and one that is no tensor."""

    x: Tensor
    label: str = "a cat"


def _bound(net: Own) -> None:
    net.run = net.choose


def _partial(net: Own) -> None:
    net.run = functools.partial(Own.choose, net)


def _weak(net: Own) -> None:
    reference = weakref.ref(net)
    net.run = lambda x: reference().choose(x)  # type: ignore[union-attr]


def _patched(net: Own) -> None:
    net.run = lambda x: x
    net.forward = MethodType(lambda self, x: self.choose(x), net)  # type: ignore[method-assign]


def _hook(net: Own) -> None:
    net.run = lambda x: x
    net.register_forward_hook(lambda module, args, out: net.choose(out))


def _by_name(net: Own) -> None:
    net.run = lambda batch: net.choose(batch["x"])


def _in_object(net: Own) -> None:
    net.run = lambda batch: net.choose(batch.x) if batch.label else batch.x


def _small(do: Loops, net: Any, x: Any) -> Array:
    tensor = x["x"] if isinstance(x, dict) else getattr(x, "x", x)
    return do.linear(tensor, net.small.weight, net.small.bias)


def _own(
    idea: str,
    prepare: Callable[[Own], None],
    inputs: Callable[[], tuple[Any, ...]] = normal((3, 4)),  # noqa: B008  drawn when needed
) -> Case:
    return Case(idea=idea, build=lambda: Own(prepare), inputs=inputs, macs=ONE, perform=_small)


OWN_STATE: tuple[Case, ...] = (
    _own("a bound method of the network", _bound),
    _own("a method with its network as an argument", _partial),
    _own("a weak reference to the network", _weak),
    _own("a forward pass put in place of the class's", _patched),
    _own("a hook that runs a layer", _hook),
    _own("inputs by name", _by_name, lambda: ({"x": torch.randn(3, 4)},)),
    _own("inputs in an object", _in_object, lambda: (Batch(torch.randn(3, 4)),)),
)
