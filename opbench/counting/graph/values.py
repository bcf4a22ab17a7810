"""A tensor in the graph: its type, its shape and, where it is small and known, its elements."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, TypeProto, helper

Extents = tuple[int | None, ...]
Array = NDArray[Any]

MOST_ELEMENTS = 1 << 14  # of a tensor whose elements are computed

_WIDE: dict[int, int] = {
    TensorProto.COMPLEX128: 128,
    **dict.fromkeys((TensorProto.DOUBLE, TensorProto.INT64, TensorProto.UINT64), 64),
    TensorProto.COMPLEX64: 64,
    **dict.fromkeys((TensorProto.FLOAT, TensorProto.INT32, TensorProto.UINT32), 32),
    **dict.fromkeys((TensorProto.FLOAT16, TensorProto.BFLOAT16), 16),
    **dict.fromkeys((TensorProto.INT16, TensorProto.UINT16), 16),
    **dict.fromkeys((TensorProto.INT4, TensorProto.UINT4, TensorProto.FLOAT4E2M1), 4),
    **dict.fromkeys((TensorProto.INT2, TensorProto.UINT2), 2),
}
_NAMES = {"float": "float32", "double": "float64"}
_FLOATING = {
    number for name, number in TensorProto.DataType.items() if "FLOAT" in name or name == "DOUBLE"
}


@dataclass(frozen=True, slots=True, eq=False)
class GraphValue:
    """The value of a name in the graph.

    type: of a tensor, a sequence or an optional; None where it is not known.
    data: the elements, where they are known and few.
    constant: it depends on no input of the graph.
    sources: the stored tensors that its elements are made of, where it is constant.
    buffer: the memory that holds it; views share one, and constants have none (0).
    cause: why its shape is not known.
    """

    type: TypeProto | None
    data: Array | None = None
    constant: bool = False
    sources: frozenset[str] = frozenset()
    buffer: int = 0
    cause: str = ""

    @property
    def shape(self) -> Extents | None:
        """The extents, None for each and for all that is not known."""
        return None if self.type is None else extents_of(self.type)

    @property
    def element(self) -> int:
        """The type of its elements, 0 where it is not known."""
        return 0 if self.type is None else int(self.type.tensor_type.elem_type)

    @property
    def bytes(self) -> int | None:
        """The bytes that it takes, None where its size is not known."""
        shape = self.shape
        return None if shape is None or not is_known(shape) else bytes_of(self.element, shape)

    def known(self, data: Array | None) -> GraphValue:
        """Return this value with its elements."""
        return replace(self, data=data)


def extents_of(kind: TypeProto) -> Extents | None:
    """Return the shape of a tensor's type; None for other types and where the rank is unknown."""
    if not kind.HasField("tensor_type") or not kind.tensor_type.HasField("shape"):
        return None
    return tuple(
        each.dim_value if each.HasField("dim_value") and each.dim_value >= 0 else None
        for each in kind.tensor_type.shape.dim
    )


def is_known(shape: Extents | None) -> bool:
    """Return whether every extent is known."""
    return shape is not None and None not in shape


def is_small(shape: Sequence[int | None], most: int = MOST_ELEMENTS) -> bool:
    """Return whether a tensor is known to have no more than ``most`` elements."""
    return None not in shape and math.prod(each or 0 for each in shape) <= most


def tensor(element: int, shape: Sequence[int | None] | None) -> TypeProto:
    """Return the type of a tensor."""
    return helper.make_tensor_type_proto(element, shape)


def is_floating(element: int) -> bool:
    """Return whether elements are real numbers, of whatever width."""
    return element in _FLOATING


def element_name(element: int) -> str:
    """Return the name of a type of elements: "float32", "int4"."""
    name = str(TensorProto.DataType.Name(element)).lower()
    return _NAMES.get(name, name)


def bytes_of(element: int, shape: Sequence[int | None]) -> int:
    """Return the bytes of a tensor whose extents are known; texts have no size."""
    if element == TensorProto.STRING:
        return 0
    return -(-math.prod(filter(None, shape)) * _WIDE.get(element, 8) // 8) * (0 not in shape)


def array(values: Sequence[int]) -> Array:
    """Return extents as a tensor of 64-bit integers."""
    return np.array(values, dtype=np.int64)
