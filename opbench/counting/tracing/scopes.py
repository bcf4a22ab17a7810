"""Track the module that is running: every operator belongs to the innermost one.

The network that is traced is a private copy (``opbench.counting.copies.copying``), and each of its
modules gets an attribute ``_call_impl`` that notes entry and exit and hides the method of its
class, which ``nn.Module.__call__`` calls.  Nothing is registered or replaced on a class or on
anybody's own module, so nothing can stay behind, and a module that looks at its hooks sees the ones
it had.

A module is known by its qualified name in the network.  One that is called from elsewhere (a shared
module, a list of a parent) keeps its own name; one outside the network counts for its caller, and
so does a ``forward`` that is called directly.  Every thread has a stack of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from torch import Tensor, nn

from opbench.counting.copies.copying import named_modules_of
from opbench.spec import Shape

Traced = Callable[[], AbstractContextManager[Any]]


class _Running(threading.local):
    """The qualified names of the modules that are running in one thread, outermost first."""

    def __init__(self) -> None:
        self.stack = [""]


class Scopes:
    """The stack of running modules of a private copy, and the shape that each returned last.

    ``traced`` returns the context in which they run in a thread that is not traced yet.
    """

    def __init__(self, network: nn.Module, traced: Traced = nullcontext) -> None:
        self._running = _Running()
        self._traced = traced
        self._thread = threading.get_ident()
        self.outputs: dict[str, Shape | None] = {}
        self._noted: dict[int, nn.Module] = {}
        for name, module in named_modules_of(network):
            if id(module) not in self._noted:
                self._noted[id(module)] = module
                module.__dict__["_call_impl"] = self._noting(name, module)

    def end(self) -> None:
        """Let the modules go, which else would live until garbage is collected."""
        for module in self._noted.values():
            module.__dict__.pop("_call_impl", None)
        self._noted.clear()

    @property
    def current(self) -> str:
        """The qualified name of the innermost running module."""
        return self._running.stack[-1]

    def enter(self, name: str) -> None:
        """Note that a module begins to run."""
        self._running.stack.append(name)

    def leave(self) -> None:
        """Note that the innermost module has run."""
        self._running.stack.pop()

    def _noting(self, name: str, module: nn.Module) -> Callable[..., Any]:
        call_impl: Callable[..., Any] = type(module)._call_impl
        thread, here = self._thread, threading.get_ident

        def call(*args: Any, **kwargs: Any) -> Any:
            self.enter(name)
            try:
                if here() == thread:
                    out = call_impl(module, *args, **kwargs)
                else:
                    with self._traced():
                        out = call_impl(module, *args, **kwargs)
            finally:
                self.leave()
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
