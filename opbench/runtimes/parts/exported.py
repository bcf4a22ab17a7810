"""Export a network: as a program of torch.export, and as an ONNX file.

What is exported is a copy, so that the network is left as it was.  Tensors that were made in
inference mode, as those of a timed network, cannot be exported: their copies can.

PyTorch's exporter to ONNX drops the ``divisor_override`` of average poolings without a word, and
OpenVINO does not convert it: for both they are rewritten as averages and a factor.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

from opbench.errors import BadValueError, ConversionError
from opbench.runtimes.runtime import Example, ExecutionSettings

ONNX_NAME = "network.onnx"


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
    """Write the graph of one forward pass into ``folder``."""
    copied, args, kwargs = plain_copy(network, example)
    with AveragesAndFactors():
        program = torch.onnx.export(
            copied, args, kwargs=kwargs, dynamo=True, verbose=False, report=False
        )
    if program is None:
        raise BadValueError("this version of torch exports nothing: pip install --upgrade torch")
    program.save(folder / ONNX_NAME)


class AveragesAndFactors(TorchFunctionMode):
    """Poolings whose sum is divided by a number of their own, as an average times a factor."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        dimensions = _POOLINGS.get(func)
        if dimensions is None:
            return func(*args, **kwargs or {})
        return _averaged(func, dimensions, *args, **kwargs or {})


# Over two and three dimensions.
_POOLINGS: dict[Any, int] = {F.avg_pool2d: 2, F.avg_pool3d: 3}


def _averaged(
    pool: Any,
    dimensions: int,
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Pool; raises ``ConversionError`` where windows beyond the edge have another average."""
    if divisor_override is None:
        averaged: Tensor = pool(input, kernel_size, stride, padding, ceil_mode, count_include_pad)
        return averaged
    if ceil_mode:
        raise ConversionError("an average pooling with divisor_override and ceil_mode is not exported")
    extents = [kernel_size] if isinstance(kernel_size, int) else [*kernel_size]
    elements = extents[0] ** dimensions if len(extents) == 1 else math.prod(extents)
    averages: Tensor = pool(input, kernel_size, stride, padding, False, True)
    return averages * (elements / divisor_override)


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
