"""Execute a network on inputs of any shape: one executable for each, as their shapes are fixed."""

from __future__ import annotations

from typing import Any

from torch import nn

from opbench.runtimes.parts.flat import tensors_of_call
from opbench.runtimes.runtime import Example, Executable, ExecutionSettings, Forward, Runtime


def for_any_shape(runtime: Runtime, network: nn.Module, settings: ExecutionSettings) -> Forward:
    """Return a call that converts ``network`` when inputs of a new shape come."""
    known: dict[tuple[Any, ...], Executable] = {}

    def call(*args: Any, **kwargs: Any) -> Any:
        key = (
            tuple(each.shape for each in tensors_of_call(args, kwargs)) if runtime.converts else ()
        )
        if key not in known:
            known[key] = runtime.prepare(network, Example(args, kwargs), settings)
        return known[key].call(*args, **kwargs)

    return call
