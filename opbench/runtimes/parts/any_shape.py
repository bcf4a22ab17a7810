"""Execute a network on inputs of any shape: one executable for each, as their shapes are fixed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import nn

from opbench.runtimes.parts.flat import tensors_of_call
from opbench.runtimes.runtime import Example, Executable, ExecutionSettings, Runtime


@dataclass(frozen=True, slots=True)
class AnyShape:
    """A call that converts ``network`` when inputs of a new shape come."""

    runtime: Runtime
    network: nn.Module
    settings: ExecutionSettings
    known: dict[tuple[Any, ...], Executable] = field(default_factory=dict)

    def executable(self, *args: Any, **kwargs: Any) -> Executable:
        """Return the executable for inputs of these shapes."""
        shapes = tuple(each.shape for each in tensors_of_call(args, kwargs))
        key = shapes if self.runtime.converts else ()
        if key not in self.known:
            example = Example(args, kwargs)
            self.known[key] = self.runtime.prepare(self.network, example, self.settings)
        return self.known[key]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.executable(*args, **kwargs).call(*args, **kwargs)
