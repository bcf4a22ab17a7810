"""Compile with torch.compile; the mode "default" is the one that torch calls None."""

from __future__ import annotations

import torch
from torch import nn

from opbench.runtimes.runtime import Example, Executable, ExecutionSettings, Runtime


def _prepare(network: nn.Module, example: Example, settings: ExecutionSettings) -> Executable:
    mode = None if settings.mode == "default" else settings.mode
    return Executable(
        call=torch.compile(network, mode=mode),
        precision=settings.precision,
        versions=RUNTIME.versions(),
    )


RUNTIME = Runtime(name="compile", prepare=_prepare, compiles=True, trains=True)
