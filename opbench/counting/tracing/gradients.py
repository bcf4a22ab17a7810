"""Trace operators while gradients are on: which module they belong to and which kernels run.

An operator of a backward pass belongs to the module whose forward pass created the node of the
autograd graph that is executed.  Nodes are numbered in the order of their creation, so that the
numbers at which modules are entered and left tell.  A module that runs again meanwhile
(checkpointing) keeps its own operators.

With gradients on, composite operators are taken apart before they are seen, and some are carried
out by kernels that differ between devices: fused attention computes the scores again in its
backward pass, and a fused recurrent layer computes gradients that nobody asks for.  Plain kernels
run instead, so that the counts are the same on every device.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_leaves

from opbench.counting.meta.disguise import is_worn, on_meta
from opbench.counting.meta.values import FLOATS
from opbench.counting.rules.kinds import operator_name
from opbench.counting.rules.operator_rule import OperatorRule
from opbench.counting.tracing.lifetimes import Lifetimes
from opbench.counting.tracing.scopes import Scopes, Traced
from opbench.counting.tracing.tracer import Tracer

_current_node = torch._C._current_autograd_node
_next_number = torch._C._autograd._get_sequence_nr


class _Again(threading.local):
    """For each running module of one thread, whether it began while a gradient was computed."""

    def __init__(self) -> None:
        self.flags = [False]


class GradientScopes(Scopes):
    """The running module, or the one whose gradient is computed."""

    def __init__(self, network: nn.Module, traced: Traced) -> None:
        super().__init__(network, traced)
        self._numbers = [0]  # of the first node that each owner creates
        self._owners = [""]
        self._again = _Again()

    @property
    def current(self) -> str:
        """The qualified name of the module that an operator belongs to."""
        node = _current_node()
        if node is None or self._again.flags[-1]:
            return super().current
        return self._owners[bisect_right(self._numbers, node._sequence_nr()) - 1]

    def enter(self, name: str) -> None:
        """Note that a module begins to run."""
        super().enter(name)
        self._again.flags.append(_current_node() is not None)
        self._note()

    def leave(self) -> None:
        """Note that the innermost module has run."""
        super().leave()
        self._again.flags.pop()
        self._note()

    def _note(self) -> None:
        number = _next_number()
        if number >= self._numbers[-1]:  # each thread numbers its own
            self._numbers.append(number)
            self._owners.append(super().current)


class GradientTracer(Tracer):  # type: ignore[no-untyped-call]
    """Counts while gradients are on; activations are those of the forward pass."""

    def __init__(self, scopes: Scopes, lifetimes: Lifetimes, recurrent: Collection[str]) -> None:
        super().__init__(scopes, lifetimes)
        self._recurrent = recurrent

    def result(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run an operator; gradients, and all that has one, are on the meta device with weights."""
        out = super().result(func, args, kwargs)
        if not isinstance(out, Tensor) or not is_worn() or on_meta(out) or not _is_real(out):
            return out
        if _is_gradient() or _meets_meta(args) or _is_state(func, out):
            return out if any(out is each for each in args) else out.to("meta")
        return out

    def is_layer(self, rule: OperatorRule, args: Sequence[Any]) -> bool:
        """Return whether the result is an activation: a linear layer without a bias is seen as a
        product with a transposed weight.  The gates of a recurrent layer are none."""
        if _current_node() is not None or self.scopes.current in self._recurrent:
            return False
        return rule.layer or (rule.kind == "matrix product" and self._is_linear(args))

    def _is_linear(self, args: Sequence[Any]) -> bool:
        right = args[1]
        return (
            isinstance(right, Tensor)
            and right.dim() == 2
            and right.stride(0) == 1
            and self.lifetimes.is_exempt(right)
        )


def gradient_tracer(network: nn.Module, lifetimes: Lifetimes, traced: Traced) -> GradientTracer:
    """Return the tracer of a private copy."""
    kinds = (nn.RNNBase, nn.RNNCellBase)
    recurrent = {name for name, each in network.named_modules() if isinstance(each, kinds)}
    return GradientTracer(GradientScopes(network, traced), lifetimes, recurrent)


def _is_gradient() -> bool:
    """Return whether a gradient is being computed, and not what a checkpoint runs again."""
    return _current_node() is not None and not torch.is_grad_enabled()


def _is_state(func: Any, out: Tensor) -> bool:
    """Return whether this may be the first state of a recurrent layer, which has to be on the
    device of the input."""
    return out.dim() > 1 and operator_name(func) in FLOATS


def _is_real(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _meets_meta(args: tuple[Any, ...]) -> bool:
    return any(isinstance(each, Tensor) and on_meta(each) for each in tree_leaves(args))


@contextmanager
def plain_kernels(stored: Sequence[Tensor] = ()) -> Iterator[None]:
    """Carry out attention and recurrent layers with kernels that every device has.

    Weights in the layout of oneDNN need its own.
    """
    onednn, cudnn = torch._C._get_mkldnn_enabled(), torch.backends.cudnn.enabled
    torch._C._set_mkldnn_enabled(any(each.is_mkldnn for each in stored))
    torch.backends.cudnn.enabled = False
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch._C._set_mkldnn_enabled(onednn)
        torch.backends.cudnn.enabled = cudnn
