"""Run the backward pass of a training step.

The loss is the sum of all floating-point outputs that require a gradient, whatever they are nested
in.  A loss function of its own would add no product.  The gradients of parameters are kept, as they
are until an optimiser has used them, and an optimiser's step has no products.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import HigherOrderOperator

from opbench.counting.copies.exported import set_mode
from opbench.counting.tracing.outputs import tensors_in
from opbench.errors import CountError

_DIFFERENTIATED_BY_COMPILER = frozenset(
    ("associative_scan", "cond", "map_impl", "scan", "while_loop", "while_loop_stack_output")
)


class NothingToTrainError(CountError):
    """A network whose outputs require no gradient, or an operator that passes none on."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name} has no training pass: {why}")


def switch_to_training(network: nn.Module) -> None:
    """Put a private copy into training mode, in which auxiliary heads run too."""
    set_mode(network, training=True)


def run_backward(network: nn.Module, out: Any) -> None:
    """Compute the gradients of the sum of the outputs ``out``.  Raises ``NothingToTrainError``."""
    losses = [_sum(each) for each in differentiable(out)]
    if not losses:
        raise untrainable(network)
    torch.autograd.backward(losses)


def untrainable(network: nn.Module) -> NothingToTrainError:
    """Return the error of a network whose outputs, or whose parameters, require no gradient."""
    trained = any(each.requires_grad for each in network.parameters())
    missing = "outputs is a floating-point tensor that" if trained else "parameters"
    why = f"none of its {missing} requires a gradient"
    return NothingToTrainError(type(network).__name__, why)


def refuse_body(operator: HigherOrderOperator) -> None:
    """Raise ``NothingToTrainError`` for an operator whose body torch differentiates only where it
    compiles the network: run as written, the weights that the body uses get no gradient."""
    if operator._name in _DIFFERENTIATED_BY_COMPILER:
        raise NothingToTrainError(
            f"the operator {operator._name}",
            "torch differentiates its body only in compiled code; write the loop in Python",
        )


def differentiable(out: Any) -> list[Tensor]:
    """Return the tensors in ``out`` that a loss can be computed from, each once."""
    return [each for each in tensors_in(out) if _is_number(each) and each.requires_grad]


def _is_number(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _sum(tensor: Tensor) -> Tensor:
    return (torch.view_as_real(tensor) if tensor.is_complex() else tensor).sum()
