"""Export a network: as a program of torch.export, and as an ONNX file.

What is exported is a copy, so that the network is left as it was.  Tensors that were made in
inference mode, as those of a timed network, cannot be exported: their copies can.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from opbench.errors import BadValueError, ConversionError, message_of
from opbench.runtimes.parts.rewritten import Rewritten
from opbench.runtimes.runtime import Example, ExecutionSettings

ONNX_NAME = "network.onnx"
# In the last lines of its reports.
_UNKNOWN = re.compile(r"No ONNX function found for <OpOverload\(op='([\w.:]+)'")


@contextmanager
def convertible() -> Iterator[None]:
    """Make plain tensors without gradients, and no warnings, until the context ends.

    Exporters warn of what they call themselves.
    """
    with torch.inference_mode(False), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def plain_copy(
    network: nn.Module, example: Example, dtype: torch.dtype | None = None
) -> tuple[nn.Module, tuple[Any, ...], dict[str, Any]]:
    """Return copies of a network and its arguments, numbers with a fraction as ``dtype``."""
    copied = deepcopy(network)
    if dtype is not None:
        copied = copied.to(dtype)

    def copy(value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        value = value.detach().clone()
        return value.to(dtype) if dtype is not None and value.is_floating_point() else value

    kwargs: Mapping[str, Any] = example.kwargs
    return copied, tree_map(copy, example.args), tree_map(copy, dict(kwargs))


def export(
    network: nn.Module, example: Example, dtype: torch.dtype | None = None
) -> torch.export.ExportedProgram:
    """Return the program of one forward pass, for the shapes of ``example``."""
    copied, args, kwargs = plain_copy(network, example, dtype)
    return torch.export.export(copied, args, kwargs, strict=False)


def export_onnx(network: nn.Module, example: Example, folder: Path) -> None:
    """Write the graph of one forward pass into ``folder``.

    Raises ``ConversionError`` that names an operator which ONNX does not have.
    """
    copied, args, kwargs = plain_copy(network, example)
    try:
        with Rewritten():
            program = torch.onnx.export(
                copied, args, kwargs=kwargs, dynamo=True, verbose=False, report=False
            )
    except Exception as error:
        if found := _UNKNOWN.search(message_of(error)):
            raise ConversionError(f"PyTorch does not export {found[1]} to ONNX") from error
        # Its own message is of what its makers would do next.
        raise error.__cause__ or error from None
    if program is None:
        raise BadValueError("this version of torch exports nothing: pip install --upgrade torch")
    program.save(folder / ONNX_NAME)


def require_contiguous(example: Example, name: str) -> None:
    """Raise ``BadValueError`` for images whose channels come last: they would be copied."""
    for each in example.args:
        if isinstance(each, Tensor) and not each.is_contiguous():
            raise BadValueError(
                f"{name} chooses the layout of tensors itself, and takes contiguous images: remove "
                "--memory-format channels_last"
            )


def threads_of(settings: ExecutionSettings) -> int:
    """Return the threads that were asked for, else as many as PyTorch takes."""
    return settings.threads or torch.get_num_threads()
