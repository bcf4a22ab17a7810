"""Refuse int8 in runtimes that do not quantise a network."""

from __future__ import annotations

from opbench.errors import BadValueError
from opbench.runtimes.runtime import Runtime


def require_int8(runtime: Runtime) -> None:
    """Raise ``BadValueError`` for a runtime that does not compute in int8."""
    if not runtime.quantises:
        raise BadValueError(
            f"{runtime.name} does not quantise a network (PyTorch's own tools have moved to "
            "torchao): use --runtime onnxruntime or openvino, or remove --dtype int8"
        )
