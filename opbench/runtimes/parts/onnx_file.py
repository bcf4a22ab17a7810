"""An ONNX file in the place of a network, for the runtimes that take it as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from torch import nn

from opbench.errors import TargetError


class OnnxFile(nn.Module):
    """The graph in a file: no network of PyTorch, which cannot execute it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def forward(self, *args: Any) -> NoReturn:
        """Raise ``TargetError``."""
        raise TargetError(not_run(str(self.path), "PyTorch"))


def not_run(path: str, runtime: str) -> str:
    """Return the sentence about a runtime that does not take a file."""
    return (
        f"{path} is an ONNX file, which {runtime} does not run: add --runtime onnxruntime or "
        "--runtime openvino"
    )
