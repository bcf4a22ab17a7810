"""Run the backward pass of a training step.

The loss is the sum of all floating-point outputs that require a gradient, whatever they are nested
in.  A loss function of its own would add no product.  The gradients of parameters are kept, as they
are until an optimiser has used them, and an optimiser's step has no products.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from types import FunctionType, MethodType, ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from opbench.errors import CountError

_OPAQUE = (nn.Module, ModuleType, FunctionType, MethodType, type, str, bytes)


class NothingToTrainError(CountError):
    """A network whose outputs require no gradient."""

    def __init__(self, network: nn.Module) -> None:
        name = type(network).__name__
        if not any(each.requires_grad for each in network.parameters()):
            why = "none of its parameters requires a gradient"
        else:
            why = "none of its outputs is a floating-point tensor that requires a gradient"
        super().__init__(f"{name} has no training pass: {why}")


def switch_to_training(network: nn.Module) -> None:
    """Put a private copy into training mode, in which auxiliary heads run too."""
    with suppress(NotImplementedError):  # an exported program has one mode only
        network.train()


def run_backward(network: nn.Module, out: Any) -> None:
    """Compute the gradients of the sum of the outputs ``out``.  Raises ``NothingToTrainError``."""
    losses = [_sum(each) for each in differentiable(out)]
    if not losses:
        raise NothingToTrainError(network)
    torch.autograd.backward(losses)


def differentiable(out: Any) -> list[Tensor]:
    """Return the tensors in ``out`` that a loss can be computed from, each once."""
    return [each for each in _tensors(out, set()) if _is_number(each) and each.requires_grad]


def _tensors(value: Any, seen: set[int]) -> Iterator[Tensor]:
    if id(value) in seen or isinstance(value, _OPAQUE):
        return
    seen.add(id(value))
    if isinstance(value, Tensor):
        yield value
    else:
        for each in _held(value):
            yield from _tensors(each, seen)


def _held(value: Any) -> Iterable[Any]:
    """Return what a container or an object holds; nothing for a number."""
    if isinstance(value, Mapping):
        return value.values()
    if isinstance(value, (list, tuple, set, frozenset)):
        return value
    slots = (getattr(value, name, None) for name in getattr(type(value), "__slots__", ()))
    return (*slots, *getattr(value, "__dict__", {}).values())


def _is_number(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _sum(tensor: Tensor) -> Tensor:
    return (torch.view_as_real(tensor) if tensor.is_complex() else tensor).sum()
