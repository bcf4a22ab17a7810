"""Compile with torch.compile; the mode "default" is the one that torch calls None."""

from __future__ import annotations

import torch
from torch import nn

from opbench.runtimes.runtime import Forward, Runtime


def _prepare(module: nn.Module, mode: str | None) -> Forward:
    return torch.compile(module, mode=None if mode == "default" else mode)


RUNTIME = Runtime(name="compile", prepare=_prepare, compiles=True)
