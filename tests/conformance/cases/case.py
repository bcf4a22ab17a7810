"""One case: one idea, its multiply-accumulates written as arithmetic, and how to check them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from opbench.counting import count
from opbench.record import Count

from .loops import Loops


@dataclass(frozen=True, kw_only=True)
class Case:
    """``perform`` carries the network out in slow loops; its result is compared with the
    network's own, and its multiplications with ``macs``."""

    idea: str
    build: Callable[[], nn.Module]
    inputs: Callable[[], tuple[Any, ...]]
    macs: int
    perform: Callable[..., Any]

    def __str__(self) -> str:
        return self.idea

    def network(self) -> nn.Module:
        """The same weights every time."""
        torch.manual_seed(1)
        return self.build().eval()

    def example(self) -> tuple[Any, ...]:
        """The same inputs every time."""
        torch.manual_seed(2)
        return self.inputs()

    def performed(self) -> tuple[Loops, Any, Any]:
        """The loops with their tally, what they computed, and what torch computed."""
        loops, network = Loops(), self.network()
        with torch.no_grad():
            theirs = network(*self.example())
            ours = self.perform(loops, network, *self.example())
        return loops, ours, theirs


def runs_on(case: Case, device: str) -> bool:
    """Return whether torch alone carries the network out there, with all that it is given."""
    try:
        network = case.network().to(device)
        inputs = tree_map_only(Tensor, lambda tensor: tensor.to(device), case.example())
        with torch.no_grad():
            network(*inputs)
    except Exception:  # noqa: BLE001  of CPU tensors, NumPy, kernels that there are not
        return False
    return True


@cache
def counted(case: Case) -> Count:
    """The count without weights: several tests look at it."""
    return count(case.network(), case.example())


class Does(nn.Module):
    """A network that is one function of itself and its inputs, with weights of given shapes."""

    def __init__(self, function: Callable[..., Any], **shapes: tuple[int, ...]) -> None:
        super().__init__()
        self.function = function
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.randn(shape)))

    def forward(self, *inputs: Any) -> Any:
        return self.function(self, *inputs)


class Wraps(nn.Module):
    """One layer, called in a way of its own."""

    def __init__(self, layer: nn.Module, call: Callable[..., Any]) -> None:
        super().__init__()
        self.layer, self.call = layer, call

    def forward(self, *inputs: Any) -> Any:
        return self.call(self.layer, *inputs)


def normal(*shapes: tuple[int, ...]) -> Callable[[], tuple[Tensor, ...]]:
    """Inputs of these shapes, drawn when they are needed."""
    return lambda: tuple(torch.randn(shape) for shape in shapes)
