"""PyTorch, operator by operator."""

from __future__ import annotations

from torch import nn

from opbench.runtimes.runtime import Example, Executable, ExecutionSettings, Runtime


def _prepare(network: nn.Module, example: Example, settings: ExecutionSettings) -> Executable:
    return Executable(call=network, precision=settings.precision, versions=RUNTIME.versions())


RUNTIME = Runtime(name="eager", prepare=_prepare, trains=True)
