"""Rewrite operators that converters do not know, or get wrong, as others of the same outputs.

PyTorch's exporter to ONNX drops the ``divisor_override`` of average poolings without a word, and
OpenVINO does not convert it.  Neither converts a randomised leaky ReLU, which in evaluation has one
slope.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from opbench.errors import ConversionError


class Rewritten(TorchFunctionMode):
    """Rewrites the operators of a network that is exported in its context."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        return _INSTEAD.get(func, func)(*args, **kwargs or {})


def _pooling(pool: Any, dimensions: int) -> Callable[..., Tensor]:
    """Return an average pooling that is an average times a factor where it has a divisor."""

    def pooled(
        input: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Tensor:
        where = (kernel_size, stride, padding, ceil_mode)
        if divisor_override is None:
            averaged: Tensor = pool(input, *where, count_include_pad)
            return averaged
        if ceil_mode:  # windows beyond the edge average over fewer
            raise ConversionError("no runtime takes divisor_override together with ceil_mode")
        averages: Tensor = pool(input, *where, True)
        return averages * (_elements(kernel_size, dimensions) / divisor_override)

    return pooled


def _elements(kernel_size: Any, dimensions: int) -> int:
    """Return the elements of a window."""
    if isinstance(kernel_size, int):
        return int(kernel_size**dimensions)
    extents = [*kernel_size]
    return math.prod(extents * (dimensions if len(extents) == 1 else 1))


def _leaky_relu(
    input: Tensor,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    if training:
        return F.rrelu(input, lower, upper, training)
    return F.leaky_relu(input, (lower + upper) / 2)


_INSTEAD: dict[Any, Callable[..., Any]] = {
    F.avg_pool2d: _pooling(F.avg_pool2d, 2),
    F.avg_pool3d: _pooling(F.avg_pool3d, 3),
    F.rrelu: _leaky_relu,
    torch.rrelu: _leaky_relu,
}
