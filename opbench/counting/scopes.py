"""Track the module that is running: every operator belongs to the innermost one.

The network that is traced is a private copy (``opbench.counting.copying``), and each of its modules
gets an attribute ``_call_impl`` that notes entry and exit and hides the method of its class, which
``nn.Module.__call__`` calls.  Nothing is registered or replaced on a class or on anybody's own
module, so nothing can stay behind, and a module that looks at its hooks sees the ones it had.

A module is known by its qualified name in the network.  One that is called from elsewhere (a shared
module, a list of a parent) keeps its own name; one outside the network counts for its caller, and
so does a ``forward`` that is called directly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from opbench.spec import Shape


class Scopes:
    """The stack of running modules of a private copy, and the shape that each returned last."""

    def __init__(self, network: nn.Module) -> None:
        self._stack = [""]
        self.outputs: dict[str, Shape | None] = {}
        for name, module in network.named_modules():
            module.__dict__["_call_impl"] = self._noting(name, module)

    @property
    def current(self) -> str:
        """The qualified name of the innermost running module."""
        return self._stack[-1]

    def _noting(self, name: str, module: nn.Module) -> Callable[..., Any]:
        call_impl: Callable[..., Any] = type(module)._call_impl
        stack = self._stack

        def call(*args: Any, **kwargs: Any) -> Any:
            stack.append(name)
            try:
                out = call_impl(module, *args, **kwargs)
            finally:
                stack.pop()
            self.outputs[name] = shape_of(out)
            return out

        return call


def shape_of(value: Any) -> Shape | None:
    """Return the shape of the first tensor in ``value``, None where there is none."""
    if isinstance(value, Tensor):
        return None if value.is_nested else Shape(value.shape)
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, (tuple, list)):
        return next((shape for shape in map(shape_of, value) if shape is not None), None)
    return None
