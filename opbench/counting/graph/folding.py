"""The elements of small tensors: what other shapes are made of.

ONNX's reference implementation computes them, one node at a time, and only for operators that
move, compare and combine numbers.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from opbench.counting.graph.calls import Call, decoded, operator_of
from opbench.counting.graph.values import (
    MOST_ELEMENTS,
    Array,
    array,
    is_floating,
    is_known,
    is_small,
)

_FEW_NUMBERS = 16

_FOLDED = frozenset(
    {
        "Abs", "Add", "And", "ArgMax", "ArgMin", "BitShift", "Cast", "CastLike", "Ceil", "Clip",
        "Compress", "Concat", "ConstantOfShape", "Cos", "CumSum", "Div", "Equal", "Exp",
        "Expand", "Flatten", "Floor", "Gather", "GatherElements", "GatherND", "Greater",
        "GreaterOrEqual", "Identity", "IsInf", "IsNaN", "Less", "LessOrEqual", "Log", "Max",
        "Mean", "Min", "Mod", "Mul", "Neg", "NonZero", "Not", "OneHot", "Or", "Pad", "Pow",
        "Range", "Reciprocal", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum",
        "Reshape", "Round", "ScatterElements", "ScatterND", "Sign", "Sin", "Slice", "Split",
        "Sqrt", "Squeeze", "Sub", "Sum", "Tile", "TopK", "Transpose", "Trilu", "Unique",
        "Unsqueeze", "Where", "Xor",
    }
)  # fmt: skip
# Those whose result is no larger than what it is made of, whatever its values.
_BOUNDED = frozenset({"NonZero", "Compress", "Unique"})


def folded(call: Call, opsets: Mapping[str, int]) -> tuple[Array | None, ...]:
    """Return the elements of the outputs of a node, None for each that is not known."""
    operator = operator_of(call.node)
    unknown = (None,) * len(call.node.output)
    if operator in ("Shape", "Size"):
        return (_extents(call),)
    inputs = [each.data for each in call.inputs if each is not None]
    if operator not in _FOLDED or any(each is None for each in inputs) or not _is_small(call):
        return unknown
    try:
        return _evaluated(call, opsets)
    except Exception:  # noqa: BLE001  a type or version that the reference does not know
        return unknown


def _is_small(call: Call) -> bool:
    if call.node.op_type in _BOUNDED:
        return True
    return all(
        each.shape is not None and is_small(each.shape, _most(each.element))
        for each in call.outputs
    )


def _extents(call: Call) -> Array | None:
    value = call.inputs[0]
    shape = value.shape if value is not None else None
    if shape is None:
        return None
    chosen = shape
    if call.node.op_type == "Shape":
        chosen = shape[slice(call.attribute("start", 0), call.attribute("end", None))]
    if not is_known(chosen):
        return None
    extents = [int(each or 0) for each in chosen]
    if call.node.op_type == "Size":
        return np.array(int(np.prod(extents, dtype=np.int64)), dtype=np.int64)
    return array(extents)


def _evaluated(call: Call, opsets: Mapping[str, int]) -> tuple[Array | None, ...]:
    node = NodeProto()
    node.CopyFrom(call.node)
    named = zip(call.node.input, call.inputs, strict=True)
    feeds = {name: value.data for name, value in named if value is not None}
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        evaluator = _evaluator(node.SerializeToString(), tuple(sorted(opsets.items())))
        results = evaluator.run(None, feeds)
    made = iter(results)
    return tuple(_if_small(next(made)) if name else None for name in call.node.output)


@lru_cache(maxsize=256)
def _evaluator(node: bytes, opsets: tuple[tuple[str, int], ...]) -> ReferenceEvaluator:
    proto = NodeProto.FromString(node)
    given, made = ([*dict.fromkeys(filter(None, each))] for each in (proto.input, proto.output))
    untyped = helper.make_tensor_type_proto(0, None)
    inputs, outputs = (
        [helper.make_value_info(name, untyped) for name in names] for names in (given, made)
    )
    graph = helper.make_graph([proto], "folded", inputs, outputs)
    return ReferenceEvaluator(graph, opsets=dict(opsets))


def _if_small(result: object) -> Array | None:
    if not isinstance(result, np.ndarray | np.generic) or result.size > MOST_ELEMENTS:
        return None
    return np.asarray(result)


def elements_of(stored: TensorProto) -> Array | None:
    """Return the elements of a stored tensor, None where they are many, or in another file."""
    if stored.data_location == TensorProto.EXTERNAL or not worth_reading(stored):
        return None
    return numpy_helper.to_array(stored)


def worth_reading(stored: TensorProto) -> bool:
    """Return whether shapes may depend on a stored tensor: few numbers, and no weights."""
    return is_small(stored.dims, _most(stored.data_type))


def _most(element: int) -> int:
    """Return how many elements are computed: of real numbers only scales and ends of a range."""
    if element == TensorProto.STRING:
        return 0
    return _FEW_NUMBERS if is_floating(element) else MOST_ELEMENTS


def constant_of(node: NodeProto) -> TensorProto | None:
    """Return the tensor of a ``Constant`` node; None where it is sparse or a text."""
    for each in node.attribute:
        if each.name == "value":
            stored: TensorProto = each.t
            return stored
        if each.name in ("value_int", "value_ints"):
            return numpy_helper.from_array(np.array(decoded(each), dtype=np.int64))
        if each.name in ("value_float", "value_floats"):
            return numpy_helper.from_array(np.array(decoded(each), dtype=np.float32))
    return None
