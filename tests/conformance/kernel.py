"""Calls of kernels by the names of their arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple

import torch
from torch import Tensor


def t(*shape: int) -> Tensor:
    return torch.empty(shape, device="meta")


class Kernel(NamedTuple):
    """Operators that take the same arguments, by name, and do the same products."""

    operators: Sequence[str]
    arguments: Mapping[str, Any]
    out: Any
    macs: int


def named(names: str, value: Any) -> dict[str, Any]:
    return dict.fromkeys(names.split(), value)


def signatures() -> dict[str, list[list[str]]]:
    """Return the names of the arguments of each overload, by operator."""
    import_module("torch.nn.attention.varlen")  # registers operators
    found = {"torchvision::deform_conv2d": [["input", "weight", "offset", "mask", "bias"]]}
    found["torchvision::_deform_conv2d_backward"] = [["grad", "input", "weight", "offset", "mask"]]
    # Registered by the first tensor that needs them.
    found["semi_structured::cutlass_mm"] = [["dense", "packed", "meta", "bias", "out_features"]]
    found["semi_structured::cusparselt_mm"] = [["dense", "packed", "bias", "out_features"]]
    # Of other libraries.
    found["bitsandbytes::gemv_4bit"] = [["A", "B", "shapeB", "absmax", "code", "blocksize"]]
    found["bitsandbytes::gemm_4bit"] = [["A", "B", "shapeB", "absmax", "blocksize", "quant_type"]]
    found["bitsandbytes::int8_scaled_mm"] = [["A", "B", "row_stats", "col_stats", "bias"]]
    found["bitsandbytes::int8_mixed_scaled_mm"] = [["A", "CA", "CB", "SCA", "SCB"]]
    found["bitsandbytes::int8_linear_matmul"] = [["A", "B"]]
    found["quanto::qbytes_mm"] = [["A", "B", "scales"]]
    for schema in torch._C._jit_get_all_schemas():
        if not any(each.is_out for each in schema.arguments):
            name = schema.name.removeprefix("aten::")
            found.setdefault(name, []).append([each.name for each in schema.arguments])
    return found
