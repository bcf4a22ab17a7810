"""One or two linear layers, reached in ways that a counter may not see."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.profiler import record_function
from torch.utils.checkpoint import checkpoint

from .case import Case, normal
from .loops import Array, Loops

ONE = 3 * 4 * 5
TWO = 2 * ONE


class Layers(nn.Module):
    """Two layers of one shape; ``function`` says how they are called."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 5), nn.Linear(4, 5)
        self.function = function

    def forward(self, *inputs: Any) -> Any:
        return self.function(self, *inputs)


class Remembers(nn.Module):
    """Calls a function that remembers the module, and with it its mode."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.large = nn.Linear(4, 5), nn.Linear(4, 500)
        self.call = lambda x: self.large(x) if self.training else self.first(x)

    def forward(self, x: Tensor) -> Any:
        return self.call(x)


def _threads(net: Layers, x: Tensor) -> Any:
    with ThreadPoolExecutor(2) as pool:
        return sum(pool.map(lambda layer: layer(x), (net.first, net.second)))


def _region(net: Layers, x: Tensor) -> Any:
    with record_function("dense"):
        return net.first(x)


def _recomputed(net: Layers, x: Tensor) -> Any:
    return checkpoint(net.first, x, use_reentrant=False)


def _each(net: Layers, x: Tensor) -> Any:
    return torch.func.vmap(net.first)(x)


def _masked(net: Layers, x: Tensor, mask: Tensor) -> Any:
    there = mask.to(x.device, dtype=torch.bool)
    return net.first(x) if there.all() else net.first(x) + net.second(x)


def _tries(net: Layers, x: Tensor) -> Any:
    """Looks at a value, and goes another way where there are none."""
    try:
        scale = float(x.abs().max())
    except Exception:  # noqa: BLE001  as networks do it
        return net.first(x) + net.second(x)
    return net.first(x) / max(scale, 1e9) * max(scale, 1e9)


def _one(do: Loops, net: Any, x: Tensor, *others: Tensor) -> Array:
    return do.linear(x, net.first.weight, net.first.bias)


def _both(do: Loops, net: Any, x: Tensor, *others: Tensor) -> Array:
    return _one(do, net, x) + do.linear(x, net.second.weight, net.second.bias)


def _way(
    idea: str, function: Callable[..., Any], macs: int = ONE, perform: Callable[..., Array] = _one
) -> Case:
    return Case(
        idea=idea,
        build=lambda: Layers(function),
        inputs=normal((3, 4)),
        macs=macs,
        perform=perform,
    )


WAYS: tuple[Case, ...] = (
    _way("two layers in two threads", _threads, TWO, _both),
    _way("a layer in a labelled region", _region),
    _way("a layer to be recomputed for its gradient", _recomputed),
    _way("a layer mapped over a batch", _each),
    _way("a layer where a value can be looked at", _tries),
    Case(
        idea="a function that remembers its module",
        build=Remembers,
        inputs=normal((3, 4)),
        macs=ONE,
        perform=_one,
    ),
    Case(
        idea="a mask that decides",
        build=lambda: Layers(_masked),
        inputs=lambda: (torch.randn(3, 4), torch.ones(3, dtype=torch.long)),
        macs=ONE,
        perform=_one,
    ),
)
