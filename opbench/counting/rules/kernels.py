"""The multiply-accumulates of kernels for quantised, sparse and packed weights.

They do the products of the plain layers, but their weights come packed, or without the zeros:

    packed weights      output elements x length of the dot product, from whatever has a shape
    two of four kept    the elements that are stored: half of the products
    sampled products    stored elements x inner length
    grouped products    rows, columns or inner elements before the last offset: what comes after
                        it is padding, which is not computed
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from torch import Tensor

from opbench.counting.meta.values import lacks_values
from opbench.counting.rules.operator_rule import (
    Arguments,
    AtMost,
    NoRuleError,
    OperatorRule,
    first,
    matrices,
    meets,
    product,
    steps,
    stored,
)

_GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}


def _last_axis(args: Arguments, out: Any) -> int:
    """Count output elements x last axis of the input: the weights are packed."""
    return int(first(out).numel() * args[0].shape[-1])


def _half_of_first_axis(args: Arguments, out: Any) -> int:
    """A compressed matrix, of which two of four elements are kept, times (inner, columns)."""
    return int(out.numel() * args[1].shape[0] // 2)


def _half_of_last_axis(args: Arguments, out: Any) -> int:
    """A dense matrix (rows, inner) times a weight, of which two of four elements are kept."""
    return int(out.numel() * args[0].shape[-1] // 2)


def _kept_product(args: Arguments, out: Any, *, left: int, right: int) -> int:
    return int(args[left].numel() * args[right].shape[-1])


def _kept_weights(args: Arguments, out: Any) -> int:
    """Input, kept elements of the weight (out, in / 2), ..."""
    return int(out.numel() * args[1].shape[-1])


def _sampled_product(args: Arguments, out: Any) -> int:
    """A sparse matrix that says which elements of ``left`` x ``right`` are wanted."""
    return int(stored(args[0]) * args[1].shape[-1])


def _reduced_product(args: Arguments, out: Any) -> int:
    """Sparse matrix, dense matrix, how the products are reduced: added where nothing is said."""
    if len(args) > 2 and args[2] not in ("sum", "mean"):
        raise NoRuleError("products that are compared, not added")
    return product(args[0], args[1])


def _products(args: Arguments, out: Any) -> int:
    return sum(product(left, right) for left, right in zip(args[0], args[1], strict=True))


def _grouped_product(args: Arguments, out: Any, *, offsets_at: int) -> int:
    """Multiply matrices of different heights, widths or depths that together fill the operands.

    (rows, k) x (groups, k, m), (groups, n, k) x (k, columns) or (n, inner) x (inner, m); groups of
    both operands have no offsets.
    """
    left, right = args[0], args[1]
    if left.dim() == right.dim() == 3:
        return product(left, right)
    filled = right.shape[-1] if left.dim() == 3 else left.shape[0 if right.dim() == 3 else 1]
    whole = left[0] if left.dim() == 3 else left
    each = whole.numel() * right.shape[-1] // max(1, filled)
    offsets = args[offsets_at] if len(args) > offsets_at else None
    if not isinstance(offsets, Tensor) or lacks_values(offsets):
        return AtMost(each * filled)
    return int(each * min(filled, int(offsets[-1])))


def _linear_combination(args: Arguments, out: Any) -> int:
    """Matrices, and their coefficients (results, matrices)."""
    return int(out.numel() * args[1].shape[-1])


def _unpacked_convolution(args: Arguments, out: Any) -> int:
    """Count a quantised convolution, whose weight is packed."""
    packed = next(each for each in args if hasattr(each, "unpack"))
    pixels = args[0] if packed.transpose() else out
    return int(pixels.numel() * meets(packed.unpack()[0]))


def _reordered_convolution(args: Arguments, out: Any, *, weight: int = 3) -> int:
    """Every output pixel meets all of the weights, in whatever order they are stored."""
    return int(out.numel() // out.shape[1] * args[weight].numel())


def _reordered_transposed_convolution(args: Arguments, out: Any) -> int:
    return int(args[0].numel() // args[0].shape[1] * args[1].numel())


def _packed_recurrent_layer(args: Arguments, out: Any, *, gates: int) -> int:
    """Input, state, packed weights, biases or not, layers, dropout, training, both directions.

    For a packed sequence the lengths of its steps follow the input.
    """
    at = next(index for index, each in enumerate(args) if isinstance(each, bool))
    source, state, layers, directions = args[0], args[at - 2], args[at + 1], 1 + args[at + 4]
    hidden = first(state).shape[-1]
    widths = source.shape[-1] + (layers - 1) * directions * hidden + layers * hidden
    return int(steps(source) * directions * gates * hidden * widths)


def _packed_cell(args: Arguments, out: Any, *, gates: int) -> int:
    source, hidden = args[0], first(args[1]).shape[-1]
    return int(steps(source) * gates * hidden * (source.shape[-1] + hidden))


def _cell(args: Arguments, out: Any) -> int:
    """input (N, in), state, input weights, state weights: one step."""
    return int(steps(args[0]) * matrices(args[2:4]))


def _grid_gradient(args: Arguments, out: Any) -> int:
    """Gradient of every point of a grid, for the rows of ``theta`` (N, d, d + 1)."""
    return int(args[0].numel() * first(out).shape[-1])


def _weighted_bag(args: Arguments, out: Any) -> int:
    """Count rows that are weighted and added; rows that are fetched cost nothing."""
    weighted = len(args) > 6 and isinstance(args[6], Tensor)
    return int(args[1].numel() * first(out).shape[-1]) if weighted else 0


PACKED_LINEAR = OperatorRule("linear", _last_axis, operands=(0,), layer=True)
CELL = OperatorRule("recurrent", _cell, operands=(0, 2, 3))
BAG = OperatorRule("matrix product", _weighted_bag)
_CONVOLUTION = OperatorRule("convolution", _unpacked_convolution, operands=(0,), layer=True)
_TRANSPOSED = replace(_CONVOLUTION, kind="transposed convolution")
_REORDERED = replace(_CONVOLUTION, macs=_reordered_convolution, operands=(0, 3))
_PRODUCT = OperatorRule("matrix product", partial(_kept_product, left=0, right=2), operands=(0, 2))


def _named(names: str, rule: OperatorRule, namespace: str = "") -> dict[str, OperatorRule]:
    return {f"{namespace}{name}": rule for name in names.split()}


def _layer(name: str) -> OperatorRule:
    rule = partial(_packed_recurrent_layer, gates=_GATES[name])
    return OperatorRule("recurrent", rule, operands=(0,))


def _dynamic_cell(name: str) -> OperatorRule:
    return OperatorRule("recurrent", partial(_packed_cell, gates=_GATES[name]), operands=(0,))


KERNELS: dict[str, OperatorRule] = {
    **_named(
        "mkldnn_linear mkldnn::_linear_pointwise",
        replace(PACKED_LINEAR, operands=(0, 1), bias=2),
    ),
    **_named(
        """_weight_int4pack_mm _weight_int4pack_mm_for_cpu _weight_int8pack_mm _mixed_dtypes_linear
        _weight_int4pack_mm_with_scales_and_zeros _dyn_quant_matmul_4bit fbgemm_linear_fp16_weight
        fbgemm_linear_fp16_weight_fp32_activation fbgemm_linear_int8_weight
        fbgemm_linear_int8_weight_fp32_activation mkl::_mkl_linear""",
        PACKED_LINEAR,
    ),
    **_named(
        """linear linear_relu linear_leaky_relu linear_tanh linear_dynamic linear_relu_dynamic
        linear_dynamic_fp16 linear_relu_dynamic_fp16 linear_dynamic_fp16_unpacked_weight
        linear_with_input_q_dq_qweight_dq_output_fp32 int4mm_packed_weight_cpu
        linear_with_input_q_dq_qweight_dq_relu_output_fp32""",
        PACKED_LINEAR,
        "quantized::",
    ),
    **_named(
        """linear linear_dynamic wrapped_fbgemm_linear_fp16_weight wrapped_quantized_linear
        _wrapped_quantized_linear_prepacked""",
        PACKED_LINEAR,
        "_quantized::",
    ),
    **_named(
        "qlinear qlinear_relu qlinear_dynamic qlinear_relu_dynamic", PACKED_LINEAR, "sparse::"
    ),
    **_named(
        "linear_dynamic_fp16 linear_relu_dynamic_fp16 qlinear_pointwise", PACKED_LINEAR, "onednn::"
    ),
    # of bitsandbytes and quanto
    **_named(
        "gemv_4bit gemm_4bit int8_scaled_mm int8_mixed_scaled_mm int8_linear_matmul",
        PACKED_LINEAR,
        "bitsandbytes::",
    ),
    "quanto::qbytes_mm": replace(PACKED_LINEAR, operands=(0, 1)),
    # convolutions
    **_named(
        """conv1d conv1d_relu conv1d_dynamic conv2d conv2d_relu conv2d_dynamic conv2d_add
        conv2d_add_relu conv3d conv3d_relu conv3d_dynamic""",
        _CONVOLUTION,
        "quantized::",
    ),
    **_named("conv2d conv2d_relu conv3d conv3d_relu", _CONVOLUTION, "_quantized::"),
    **_named(
        """conv_transpose1d conv_transpose1d_dynamic conv_transpose2d conv_transpose2d_dynamic
        conv_transpose3d conv_transpose3d_dynamic""",
        _TRANSPOSED,
        "quantized::",
    ),
    **_named("conv_transpose1d conv_transpose2d", _TRANSPOSED, "_quantized::"),
    **_named(
        "qconv_pointwise qconv1d_pointwise qconv2d_pointwise qconv3d_pointwise",
        _REORDERED,
        "onednn::",
    ),
    "mkldnn::_convolution_transpose_pointwise": replace(
        _TRANSPOSED, macs=_reordered_transposed_convolution, operands=(0, 1)
    ),
    # sparse products
    "_cslt_sparse_mm": replace(_PRODUCT, macs=_half_of_first_axis, operands=(0, 1)),
    "_sparse_semi_structured_mm": _PRODUCT,
    "_sparse_semi_structured_addmm": replace(
        _PRODUCT, macs=partial(_kept_product, left=1, right=3), operands=(1, 3)
    ),
    "_sparse_semi_structured_linear": OperatorRule("linear", _kept_weights, layer=True),
    **_named(
        "cutlass_mm cusparselt_mm",
        OperatorRule("linear", _half_of_last_axis, layer=True),
        "semi_structured::",
    ),
    "sparse_sampled_addmm": replace(_PRODUCT, macs=_sampled_product, operands=(1, 2)),
    "_sparse_mm": replace(_PRODUCT, macs=_reduced_product, operands=(0, 1)),
    "_sparse_mm_reduce_impl": replace(_PRODUCT, macs=_reduced_product, operands=(0, 1)),
    # lists and groups of products
    **{
        name: replace(_PRODUCT, macs=partial(_grouped_product, offsets_at=at), operands=(0, 1))
        for name, at in (
            ("_grouped_mm", 2),
            ("_scaled_grouped_mm", 4),
            ("_scaled_grouped_mm_v2", 8),
        )
    },
    "_foreach_mm": replace(_PRODUCT, macs=_products, operands=(0, 1)),
    "_compute_linear_combination": replace(_PRODUCT, macs=_linear_combination, operands=(0, 1)),
    "cudnn_affine_grid_generator_backward": replace(_PRODUCT, macs=_grid_gradient, operands=(0,)),
    # weighted sums of rows
    **_named(
        """embedding_bag_byte embedding_bag_4bit embedding_bag_byte_rowwise_offsets
        embedding_bag_4bit_rowwise_offsets embedding_bag_2bit_rowwise_offsets""",
        BAG,
        "quantized::",
    ),
    # recurrent layers
    "quantized_lstm": _layer("lstm"),
    "quantized_gru": _layer("gru"),
    **{f"quantized_{name}_cell": CELL for name in _GATES},
    **{f"quantized::quantized_{name}_cell_dynamic": _dynamic_cell(name) for name in _GATES},
}
