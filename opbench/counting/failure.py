"""Say why a network cannot run: on which inputs, in which module, on which line."""

from __future__ import annotations

from collections.abc import Sequence
from traceback import walk_tb
from typing import Any

from torch import Tensor, nn

from opbench.counting.scopes import shape_of
from opbench.errors import CountError, describe


def run_error(network: nn.Module, inputs: Sequence[Any], error: BaseException) -> CountError:
    """Return the error of a forward pass of ``network`` that raised ``error``."""
    shapes = " and ".join(str(shape_of(each) or "") for each in inputs if isinstance(each, Tensor))
    module = _innermost(network, error)
    place = f" (in {module})" if module else ""
    name = type(network).__name__
    return CountError(f"{name} cannot run on {shapes or 'these inputs'}{place}: {describe(error)}")


def _innermost(network: nn.Module, error: BaseException) -> str:
    """Return the qualified name of the innermost module that was running; "" is the network."""
    names = {id(module): name for name, module in network.named_modules()}
    running = [id(frame.f_locals.get("self")) for frame, _ in walk_tb(error.__traceback__)]
    return next((names[each] for each in reversed(running) if each in names), "")
