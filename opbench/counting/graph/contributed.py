"""The outputs of ONNX Runtime's operators, which have no schema here.

Those that fuse an operator of ONNX take its shape from that operator's schema.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from onnx import TensorProto, TypeProto, defs, helper, shape_inference

from opbench.counting.graph.calls import Call
from opbench.counting.graph.values import GraphValue, tensor

Outputs = list[TypeProto]
_FLOAT = TensorProto.FLOAT
_LATEST = 22  # an opset that has every operator that is fused


def outputs_of(operator: str, call: Call) -> Outputs:
    """Return the types of the outputs of an operator without a schema, as far as they are known.

    Raises ``UnknownSizeError`` where the size of an input is not known.
    """
    make = _OUTPUTS.get(operator.removeprefix("com.microsoft::"))
    return make(call) if make is not None else []


def _like(position: int, *, times: int = 1) -> Callable[[Call], Outputs]:
    return lambda call: [_type(call, call.shape(position), position)] * times


def _type(call: Call, shape: Sequence[int], position: int = 0) -> TypeProto:
    value = call.inputs[position]
    return tensor(value.element if value else _FLOAT, shape)


def _as(operator: str, *positions: int, element: int = 0) -> Callable[[Call], Outputs]:
    """Return the output of ``operator`` of ONNX on the inputs at ``positions``."""

    def make(call: Call) -> Outputs:
        shapes = [call.shape(each) for each in positions]
        result = standard(operator, call, shapes)
        return [_type(call, result) if not element else tensor(element, result)]

    return make


def _channels_last(operator: str, *positions: int) -> Callable[[Call], Outputs]:
    def make(call: Call) -> Outputs:
        first, *others = [call.shape(each) for each in positions]
        result = standard(operator, call, [(first[0], first[-1], *first[1:-1]), *others])
        return [_type(call, (result[0], *result[2:], result[1]))]

    return make


def _either_layout(operator: str, *positions: int) -> Callable[[Call], Outputs]:
    def make(call: Call) -> Outputs:
        layout = _channels_last if call.attribute("channels_last", 0) else _as
        return layout(operator, *positions)(call)

    return make


def standard(operator: str, call: Call, shapes: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Return the shape that ``operator`` of ONNX gives, with the same attributes."""
    schema = defs.get_schema(operator, _LATEST, "")
    names = [f"x{position}" for position in range(len(shapes))]
    node = helper.make_node(operator, names, ["y"])
    node.attribute.extend(each for each in call.node.attribute if each.name in schema.attributes)
    types = {name: tensor(_FLOAT, shape) for name, shape in zip(names, shapes, strict=True)}
    opsets = [helper.make_opsetid("", _LATEST)]
    made = shape_inference.infer_node_outputs(schema, node, types, opset_imports=opsets)
    return tuple(each.dim_value for each in made["y"].tensor_type.shape.dim)


def _fused_product(call: Call) -> Outputs:
    left = _arranged(call.shape(0), call.attribute("transA", 0), call.attribute("transBatchA", 0))
    right = _arranged(call.shape(1), call.attribute("transB", 0), call.attribute("transBatchB", 0))
    return [_type(call, standard("MatMul", call, [left, right]))]


def _arranged(shape: tuple[int, ...], transposed: int, batch_inside: int) -> tuple[int, ...]:
    """Return the shape as a batch of matrices; the batch may stand before the last axis."""
    if batch_inside and len(shape) > 2:
        shape = (*shape[1:-1], shape[0], shape[-1])
    if transposed and len(shape) > 1:
        shape = (*shape[:-2], shape[-1], shape[-2])
    return shape


def _packed_product(call: Call) -> Outputs:
    return [_type(call, (*call.shape(0)[:-1], int(call.attribute("N"))))]


def _projected(past_at: int) -> Callable[[Call], Outputs]:
    def make(call: Call) -> Outputs:
        batch, length, _ = call.shape(0)
        sizes = call.attribute("qkv_hidden_sizes") or [call.shape(1)[-1] // 3] * 3
        element = _FLOAT if past_at == 8 else call.inputs[0].element if call.inputs[0] else _FLOAT
        heads = int(call.attribute("num_heads"))
        past = call.shape(past_at)[3] if call.has(past_at) else 0
        present = (2, batch, heads, length + past, sizes[0] // heads)
        return [tensor(element, (batch, length, sizes[2])), tensor(element, present)]

    return make


def _multi_head(call: Call) -> Outputs:
    query = call.shape(0)
    if len(query) == 5:
        return [_type(call, (*query[:2], query[2] * query[4]))]
    batch, length, hidden = query
    heads = int(call.attribute("num_heads"))
    key = call.shape(1)
    wide = hidden // heads
    if len(key) == 4:
        wide = call.shape(2)[3]
    elif len(key) == 3:
        wide = call.shape(2)[2] // heads
    past = call.shape(6)[2] if call.has(6) else 0
    total = past + (key[2] if len(key) == 4 else key[1])
    present = [(batch, heads, total, hidden // heads), (batch, heads, total, wide)]
    return [_type(call, shape) for shape in ((batch, length, heads * wide), *present)]


def _grouped_query(call: Call) -> Outputs:
    batch, length, hidden = call.shape(0)
    queries, keys = int(call.attribute("num_heads")), int(call.attribute("kv_num_heads"))
    wide = hidden // queries if call.has(1) else hidden // (queries + 2 * keys)
    known = call.values(6)
    total = known[0] if known else length
    if call.has(3):
        past = call.shape(3)[2]
        total = max(past, total) if known else past + length
    present = (batch, keys, total, wide)
    return [_type(call, shape) for shape in ((batch, length, queries * wide), present, present)]


def _skipped_normalisation(call: Call) -> Outputs:
    """Output, mean, inverse deviation, sum of input and skip."""
    whole = call.shape(0)
    statistics = tensor(_FLOAT, (*whole[:-1], 1))
    return [_type(call, whole), statistics, statistics, _type(call, whole)]


def _embedded(call: Call) -> Outputs:
    """Output, mask index, sum of the embeddings."""
    batch, length = call.shape(0)
    table = next(each for each in (2, 3, 4) if call.has(each))
    whole = _type(call, (batch, length, call.shape(table)[1]), table)
    return [whole, tensor(TensorProto.INT32, (batch,)), whole]


def _broadcast(*positions: int) -> Callable[[Call], Outputs]:
    return lambda call: [_type(call, np.broadcast_shapes(*(call.shape(p) for p in positions)))]


def _split_halves(call: Call) -> Outputs:
    *others, last = call.shape(0)
    return [_type(call, (*others, last // 2))]


def _concatenated(call: Call) -> Outputs:
    """``QLinearConcat``: scale and zero point of the result, then three for each part."""
    shapes = [call.shape(each) for each in range(2, len(call.inputs), 3)]
    axis = int(call.attribute("axis"))
    joined = list(shapes[0])
    joined[axis] = sum(each[axis] for each in shapes)
    return [_type(call, joined, 2)]


def _pooled_globally(call: Call) -> Outputs:
    shape = call.shape(0)
    ones = (1,) * (len(shape) - 2)
    last = bool(call.attribute("channels_last", 0))
    return [_type(call, (shape[0], *ones, shape[-1]) if last else (*shape[:2], *ones))]


def _quantised(call: Call) -> Outputs:
    zero: GraphValue | None = call.inputs[2] if call.has(2) else None
    return [tensor(zero.element if zero else TensorProto.UINT8, call.shape(0))]


def _dequantised(call: Call) -> Outputs:
    return [_type(call, call.shape(0), 1)]


def _recurrent(call: Call) -> Outputs:
    """``DynamicQuantizeLSTM``: weights are (directions, input, 4 x hidden)."""
    length, batch, _ = call.shape(0)
    hidden, directions = int(call.attribute("hidden_size")), call.shape(1)[0]
    state = (directions, batch, hidden)
    return [tensor(_FLOAT, each) for each in ((length, directions, batch, hidden), state, state)]


def _linear_regression(call: Call) -> Outputs:
    shape = call.shape(0)
    rows = shape[0] if len(shape) > 1 else 1
    return [tensor(_FLOAT, (rows, call.number("targets", 1)))]


_SAME = _like(0)
_OUTPUTS: dict[str, Callable[[Call], Outputs]] = {
    "FusedConv": _as("Conv", 0, 1),
    "NhwcConv": _channels_last("Conv", 0, 1),
    "NhwcFusedConv": _channels_last("Conv", 0, 1),
    "QLinearConv": _either_layout("Conv", 0, 3),
    "NhwcMaxPool": _channels_last("MaxPool", 0),
    "QLinearAveragePool": _either_layout("AveragePool", 0),
    "FusedMatMul": _fused_product,
    "TransposeMatMul": _fused_product,
    "FusedMatMulActivation": _fused_product,
    "GemmFastGelu": _as("MatMul", 0, 1),
    "FusedGemm": _as("Gemm", 0, 1),
    "QGemm": _as("Gemm", 0, 3),
    "MatMulInteger16": _as("MatMul", 0, 1, element=TensorProto.INT32),
    "MatMulIntegerToFloat": _as("MatMul", 0, 1, element=_FLOAT),
    "DynamicQuantizeMatMul": _as("MatMul", 0, 1),
    "MatMulNBits": _packed_product,
    "MatMulBnb4": _packed_product,
    "Attention": _projected(4),
    "QAttention": _projected(8),
    "MultiHeadAttention": _multi_head,
    "GroupQueryAttention": _grouped_query,
    "DynamicQuantizeLSTM": _recurrent,
    "ai.onnx.ml::LinearRegressor": _linear_regression,  # whose schema says no shape
    "SkipLayerNormalization": _skipped_normalisation,
    "SkipSimplifiedLayerNormalization": _skipped_normalisation,
    "SimplifiedLayerNormalization": _skipped_normalisation,
    "LayerNormalization": _skipped_normalisation,
    "EmbedLayerNormalization": _embedded,
    "QLinearAdd": _broadcast(0, 3),
    "QLinearMul": _broadcast(0, 3),
    "BiasAdd": _broadcast(0, 1, 2),
    "BiasSplitGelu": _split_halves,
    "QLinearConcat": _concatenated,
    "QLinearGlobalAveragePool": _pooled_globally,
    "QuantizeLinear": _quantised,
    "DequantizeLinear": _dequantised,
    "SkipGroupNorm": _like(0, times=2),
    "BiasDropout": _like(0, times=2),
    **dict.fromkeys(
        (
            *("BiasGelu", "FastGelu", "Gelu", "QuickGelu", "BiasSoftmax", "GroupNorm"),
            *("QLinearLeakyRelu", "QLinearSigmoid", "QLinearSoftmax", "RotaryEmbedding", "Trilu"),
            *("Affine", "ParametricSoftplus", "Scale", "ScaledTanh"),  # of the first opsets
        ),
        _SAME,
    ),
}
