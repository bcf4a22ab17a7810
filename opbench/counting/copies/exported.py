"""Programs of ``torch.export``: they are no modules, but hold one and its example inputs."""

from __future__ import annotations

import sys
from typing import Any

from torch import nn


def is_exported(value: Any) -> bool:
    """Return whether ``value`` is an ``ExportedProgram``; their package is imported with them."""
    package = sys.modules.get("torch.export.exported_program")
    return package is not None and isinstance(value, package.ExportedProgram)


def module_in(value: Any) -> Any:
    """Return the module in an exported program; other values as they are."""
    return value.module() if is_exported(value) else value


def example_in(program: Any) -> tuple[Any, ...]:
    """Return the arguments and keyword arguments that a program was exported with, if any."""
    example: tuple[Any, ...] | None = program.example_inputs
    return example or ()


def set_evaluation_mode(module: nn.Module) -> None:
    """Set evaluation mode; the module of a program has the mode that it was exported in."""
    set_mode(module, training=False)


def set_mode(module: nn.Module, *, training: bool) -> None:
    """Set training or evaluation mode as the module itself does it."""
    try:
        module.train() if training else module.eval()
    except NotImplementedError:  # an exported program has one mode only
        return
    except RecursionError:  # a module below itself, as a child that knows its parent
        for each in module.modules():
            each.training = training


def is_network(value: Any) -> bool:
    """Return whether ``value`` can be counted as it is."""
    return isinstance(value, nn.Module) or is_exported(value)
