"""A tensor class in the manner of quantisation libraries: int8 numbers, a scale for each row."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only


class Int8Rows(Tensor):
    """Dequantises itself before every operator but those that copy it."""

    numbers: Tensor
    scales: Tensor

    @staticmethod
    def __new__(cls, numbers: Tensor, scales: Tensor) -> Int8Rows:
        made: Int8Rows = Tensor._make_wrapper_subclass(cls, numbers.shape, dtype=scales.dtype)
        made.numbers, made.scales = numbers, scales
        return made

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        return ["numbers", "scales"], None

    @staticmethod
    def __tensor_unflatten__(inner: Any, _: Any, size: Any, stride: Any) -> Int8Rows:
        return Int8Rows(inner["numbers"], inner["scales"])

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if func in (torch.ops.aten.detach.default, torch.ops.aten.clone.default):
            return Int8Rows(func(args[0].numbers), func(args[0].scales))
        plain = tree_map_only(
            Int8Rows, lambda each: each.numbers.to(torch.float32) * each.scales, args
        )
        return func(*plain, **(kwargs or {}))


def linear(inputs: int, outputs: int) -> nn.Linear:
    """Return a linear layer with such a weight and a plain bias."""
    layer = nn.Linear(inputs, outputs)
    numbers = torch.ones(outputs, inputs, dtype=torch.int8)
    layer.weight = nn.Parameter(Int8Rows(numbers, torch.ones(outputs, 1)), requires_grad=False)
    return layer
