"""The multiply-accumulates of each operator of ONNX and ONNX Runtime that has a dot product.

The convention is that of ``opbench.counting.rules.products``: elements of the output times the
length of the dot product behind each.  A product with stored weights is a linear layer, whose
output is an activation; a product of two activations is not.  Sequence lengths of recurrent layers
count where the file holds them, else every sequence counts in full.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from opbench.counting.graph import attention
from opbench.counting.graph.calls import Call
from opbench.counting.graph.einsum import einsum


@dataclass(frozen=True, slots=True)
class GraphRule:
    """The counting rule of one operator.

    ``operands`` are the positions of the factors; ``weights`` of what is learned, ``literals`` of
    scales and zero points, which are not.  ``layer`` says whether the result is an activation:
    always, never, or where its second operand is stored.  ``result`` is that output's position.
    """

    macs: Callable[[Call], int]
    operands: tuple[int, ...] = (0, 1)
    weights: tuple[int, ...] = (1, 2)
    literals: tuple[int, ...] = ()
    layer: Literal["always", "never", "stored"] = "never"
    result: int = 0

    def is_layer(self, call: Call) -> bool:
        """Return whether the result of ``call`` is that of a convolution or a linear layer."""
        if self.layer != "stored":
            return self.layer == "always"
        right = call.inputs[self.operands[-1]] if call.has(self.operands[-1]) else None
        return right is not None and bool(right.sources)


def _convolution(weight: int) -> Callable[[Call], int]:
    """Output elements x (input channels of a group x kernel elements)."""
    return lambda call: call.produced() * math.prod(call.shape(weight)[1:])


def _transposed_convolution(call: Call) -> int:
    """Input elements x (output channels of a group x kernel elements)."""
    return call.elements(0) * math.prod(call.shape(1)[1:])


def _product(call: Call) -> int:
    """Output elements x last axis of the left factor."""
    return call.produced() * call.shape(0)[-1]


def _fused_product(call: Call) -> int:
    """``FusedMatMul``: the left factor may be transposed, and its first axis be the batch."""
    left = call.shape(0)
    if call.attribute("transA", 0) and len(left) > 1:
        return call.produced() * left[0 if call.attribute("transBatchA", 0) else -2]
    return call.produced() * left[-1]


def _general_product(call: Call) -> int:
    """``Gemm``: rows x inner length x columns."""
    return call.produced() * call.shape(0)[0 if call.attribute("transA", 0) else 1]


def _packed_product(call: Call) -> int:
    """Output elements x K: the weights are packed."""
    return call.produced() * int(call.attribute("K"))


def _recurrent_layer(call: Call) -> int:
    """Elements of the weight matrices of all directions, for every step that runs."""
    first, second, _ = call.shape(0)
    steps = first * second
    lengths = call.values(4)
    if lengths is not None:
        longest = second if call.attribute("layout", 0) else first
        steps = sum(min(each, longest) for each in lengths)
    return steps * (call.elements(1) + call.elements(2))


def _linear_model(call: Call) -> int:
    """Rows x coefficients."""
    shape = call.shape(0)
    return (shape[0] if len(shape) > 1 else 1) * len(call.attribute("coefficients", ()))


def _sampling_grid(call: Call) -> int:
    """Every point of the grid times the rows of ``theta`` (N, d, d + 1)."""
    return call.produced() * call.shape(0)[-1]


_SCALES = (1, 2, 4, 5, 6, 7)
_CONVOLUTION = GraphRule(_convolution(1), layer="always")
_QUANTISED_CONVOLUTION = GraphRule(
    _convolution(3), operands=(0, 3), weights=(3, 8), literals=_SCALES, layer="always"
)
_TRANSPOSED = GraphRule(_transposed_convolution, layer="always")
_PRODUCT = GraphRule(_product, weights=(1,), layer="stored")
_INTEGER_PRODUCT = replace(_PRODUCT, literals=(2, 3))
_SCALED_PRODUCT = replace(_PRODUCT, weights=(1, 4), literals=(2, 3))
_QUANTISED_PRODUCT = GraphRule(
    _product, operands=(0, 3), weights=(3,), literals=_SCALES, layer="stored"
)
_GENERAL = GraphRule(_general_product, layer="stored")
_PACKED = GraphRule(_packed_product, weights=(1, 5), literals=(2, 3), layer="always")
_RECURRENT = GraphRule(_recurrent_layer, operands=(0, 1, 2), weights=(1, 2, 3), literals=(4, 5, 6))
_ATTENTION = GraphRule(attention.attention, operands=(0, 1, 2), weights=())
_LINEAR_MODEL = GraphRule(_linear_model, operands=(0,), layer="always")

_ONNX: dict[str, GraphRule] = {
    # convolutions
    "Conv": _CONVOLUTION,
    "ConvInteger": replace(_CONVOLUTION, weights=(1,), literals=(2, 3)),
    "QLinearConv": _QUANTISED_CONVOLUTION,
    "DeformConv": replace(_CONVOLUTION, weights=(1, 3)),
    "CausalConvWithState": _CONVOLUTION,
    "ConvTranspose": _TRANSPOSED,
    # products
    "MatMul": _PRODUCT,
    "MatMulInteger": _INTEGER_PRODUCT,
    "QLinearMatMul": _QUANTISED_PRODUCT,
    "Gemm": _GENERAL,
    "Einsum": GraphRule(einsum, layer="stored"),
    "AffineGrid": GraphRule(_sampling_grid, operands=(0,), weights=()),
    "ai.onnx.ml::LinearRegressor": _LINEAR_MODEL,
    "ai.onnx.ml::LinearClassifier": replace(_LINEAR_MODEL, result=1),
    # attention
    "Attention": _ATTENTION,
    "ai.onnx.preview::FlexAttention": replace(_ATTENTION, macs=attention.flexible_attention),
    "LinearAttention": replace(_ATTENTION, macs=attention.linear_attention),
    # recurrent layers
    "RNN": _RECURRENT,
    "GRU": _RECURRENT,
    "LSTM": replace(_RECURRENT, weights=(1, 2, 3, 7)),
}

# Of ONNX Runtime, in its domain com.microsoft.
_CONTRIBUTED: dict[str, GraphRule] = {
    "FusedConv": _CONVOLUTION,
    "NhwcConv": _CONVOLUTION,
    "NhwcFusedConv": _CONVOLUTION,
    "QLinearConv": _QUANTISED_CONVOLUTION,
    "FusedMatMul": replace(_PRODUCT, macs=_fused_product),
    "TransposeMatMul": replace(_PRODUCT, macs=_fused_product),
    "FusedMatMulActivation": replace(_PRODUCT, macs=_fused_product),
    "GemmFastGelu": replace(_PRODUCT, weights=(1, 2)),
    "FusedGemm": _GENERAL,
    "QGemm": replace(
        _GENERAL, operands=(0, 3), weights=(3, 6), literals=(1, 2, 4, 5, 7, 8), layer="stored"
    ),
    "MatMulInteger16": replace(_PRODUCT),
    "MatMulIntegerToFloat": replace(_PRODUCT, weights=(1, 6), literals=(2, 3, 4, 5)),
    "DynamicQuantizeMatMul": _SCALED_PRODUCT,
    "MatMulNBits": _PACKED,
    "MatMulBnb4": replace(_PACKED, weights=(1,), literals=(2,)),
    "Attention": GraphRule(attention.projected_attention),
    "QAttention": GraphRule(attention.quantised_attention, literals=(3, 4, 6, 7)),
    "MultiHeadAttention": replace(_ATTENTION, macs=attention.multi_head_attention, weights=(3,)),
    "GroupQueryAttention": replace(_ATTENTION, macs=attention.grouped_query_attention),
    "DynamicQuantizeLSTM": replace(
        _RECURRENT, weights=(1, 2, 3, 7), literals=(4, 5, 6, 8, 9, 10, 11)
    ),
}


def _in_their_domains() -> Iterator[tuple[str, GraphRule]]:
    yield from _ONNX.items()
    for name, rule in _CONTRIBUTED.items():
        yield f"com.microsoft::{name}", rule


RULES: dict[str, GraphRule] = dict(_in_their_domains())
