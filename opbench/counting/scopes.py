"""Which module is running: every operator belongs to the innermost one.

While a forward pass is traced, ``nn.Module.__call__`` is replaced, once and for all classes, by a
function that notes entry and exit.  No hook is registered on any module, so nothing can stay
behind on one and a module that looks at its own hooks sees none; the original function is put back
whatever happens.  Calls from other threads pass straight through.

A module is known by its qualified name in the traced network.  One that is called from elsewhere
(a shared module, a list of a parent) keeps its own name; one that is not part of the network at
all counts for whoever calls it, and so does a ``forward`` that is called directly.
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any

from torch import Tensor, nn

from opbench.spec import format_size


class Scopes:
    """The stack of running modules, and the shape that each returned last."""

    def __init__(self, network: nn.Module) -> None:
        self._names = {id(module): name for name, module in network.named_modules()}
        self._stack = [""]
        self._original: Any = None
        self.outputs: dict[str, str] = {}
        self.innermost_failure: str | None = None

    @property
    def current(self) -> str:
        """The qualified name of the innermost running module."""
        return self._stack[-1]

    def __enter__(self) -> Scopes:
        original, names, stack = nn.Module.__call__, self._names, self._stack
        owner = threading.get_ident()

        def call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            name = names.get(id(module))
            if name is None or threading.get_ident() != owner:
                return original(module, *args, **kwargs)
            stack.append(name)
            try:
                out = original(module, *args, **kwargs)
            except BaseException:
                self.innermost_failure = self.innermost_failure or name
                raise
            finally:
                stack.pop()
            self.outputs[name] = shape_of(out)
            return out

        self._original = original
        nn.Module.__call__ = call  # type: ignore[method-assign]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        nn.Module.__call__ = self._original  # type: ignore[method-assign]


def shape_of(value: Any) -> str:
    """The shape of the first tensor in ``value`` ("1x64x112x112"); empty where there is none."""
    if isinstance(value, Tensor):
        return "" if value.is_nested else format_size(tuple(value.shape))
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, (tuple, list)):
        return next((shape for shape in map(shape_of, value) if shape), "")
    return ""
