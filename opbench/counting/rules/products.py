"""The multiply-accumulates of each operator that has a dot product: one rule per operator.

The convention, in one sentence: the multiply-accumulates of an operator are the elements of its
output times the length of the dot product behind each.  What follows from it:

    convolution             output elements x (input channels of a group x kernel elements);
                            products with padding count like any other
    transposed convolution  input elements x weights that each one meets (output channels of a
                            group x kernel elements); products that land outside the output count
    matrix products         rows x inner length x columns, for every matrix of the batch
    bilinear forms          output elements x in1 x in2
    attention               scores and weighted sum in full, whatever mask or causal flag is given
    recurrent layers        elements of the weight matrices, for every step that runs: a packed
                            sequence runs only its real steps
    sparse matrices         stored elements x columns of the dense factor
    grouped products        the rows before the last offset; all of them, and a warning, where the
                            meta device does not know it

Bias, normalisation, activation, pooling, interpolation and additions have no dot product and
cost nothing; nor has an outer product, a distance, or a multiplication followed by a sum
(``opbench.counting.rules.free`` lists them).  Operators written in terms of others (``einsum``,
``tensordot``) have no rule: the products that they are carried out with are counted.
``einsum`` takes its factors from left to right, as torch does by itself: the path of an installed
opt_einsum is switched off (``opbench.counting.tracing.torch_state``).

A rule sees the arguments in the order of the operator's schema, and the result.  Composite
operators such as ``linear`` and ``scaled_dot_product_attention`` have their own rule, and so have
the kernels that carry them out: which of the two is seen depends on the caller.  The operators that
compute gradients are in ``opbench.counting.rules.backward``, those for quantised, sparse and packed
weights in ``opbench.counting.rules.kernels``.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from opbench.counting.rules.backward import BACKWARD
from opbench.counting.rules.kernels import BAG, CELL, KERNELS
from opbench.counting.rules.nested import scores
from opbench.counting.rules.operator_rule import (
    Arguments,
    OperatorRule,
    first,
    matrices,
    meets,
    product,
    steps,
    token_major_scores,
)


def _matrix_product(args: Arguments, out: Any) -> int:
    return product(args[0], args[1])


def _added_product(args: Arguments, out: Any) -> int:
    return product(args[1], args[2])


def _matmul(args: Arguments, out: Any) -> int:
    """Broadcast batch dimensions: the result tells how many rows there are."""
    left, right = args[0], args[1]
    if left.layout is not torch.strided or right.layout is not torch.strided or left.is_nested:
        return product(left, right)
    return int(out.numel() * left.shape[-1])


def _sampling_grid(args: Arguments, out: Any) -> int:
    """Multiply every point of the grid with the rows of ``theta`` (N, d, d + 1)."""
    return int(first(out).numel() * args[0].shape[-1])


def _linear(args: Arguments, out: Any) -> int:
    source, weight = args[0], args[1]
    if weight.layout is not torch.strided:
        return product(source, weight.t())
    return int(out.numel() * source.size(-1))  # nested tensors have no shape


def _convolution(args: Arguments, out: Any) -> int:
    return int(out.numel() * meets(args[1]))


def _transposed_convolution(args: Arguments, out: Any) -> int:
    return int(args[0].numel() * meets(args[1]))


def _either_convolution(args: Arguments, out: Any) -> int:
    transposed = args[6]
    return _transposed_convolution(args, out) if transposed else _convolution(args, out)


def _pointwise_convolution(args: Arguments, out: Any) -> int:
    """Input, weight, bias, ...; or input, what is added to the result, weight, bias, ..."""
    weight = next(each for each in (args[2], args[1]) if each is not None and each.dim() > 1)
    return int(out.numel() * meets(weight))


def _time_batch_convolution(args: Arguments, out: Any) -> int:
    kernel, in_channels, _ = args[1].shape
    return int(out.numel() * kernel * in_channels)


def _bilinear(args: Arguments, out: Any) -> int:
    _, in1, in2 = args[2].shape
    return int(out.numel() * in1 * in2)


def _trilinear(args: Arguments, out: Any) -> int:
    """Three factors, each with axes of length 1 inserted; every cell of their common shape is a
    product."""
    shapes = []
    for factor, inserted in zip(args[:3], args[3:6], strict=True):
        view = list(factor.shape)
        for axis in sorted(inserted):
            view.insert(axis, 1)
        shapes.append(view)
    return math.prod(min(extents) and max(extents) for extents in zip(*shapes, strict=True))


def _attention(args: Arguments, out: Any) -> int:
    """query (..., L, E), key (..., S, E), value (..., S, Ev): scores S x E and sum S x Ev behind
    each of the rows of the result (..., L, Ev)."""
    query, key, value = args[0], args[1], args[2]
    result, widths = first(out), query.size(-1) + value.size(-1)
    if query.is_nested:
        return int(scores(query, key) * widths)
    rows = result.numel() // max(1, result.shape[-1])
    return int(rows * key.shape[-2] * widths)


def _token_major_attention(args: Arguments, out: Any, *, ends_at: int) -> int:
    """query (B, L, H, E), key (B, S, H, E), value (B, S, H, Ev), or packed sequences."""
    query, key, value = args[0], args[1], args[2]
    scores = token_major_scores(query, key, args[ends_at : ends_at + 2])
    return int(scores * (query.shape[-1] + value.shape[-1]))


def _cudnn_attention(args: Arguments, out: Any) -> int:
    packed = args[4] is not None
    return _token_major_attention(args, out, ends_at=4) if packed else _attention(args, out)


def _attention_layer(args: Arguments, out: Any) -> int:
    """``nn.MultiheadAttention`` in one operator: three projections, attention, one projection."""
    query, key, value, width = args[0], args[1], args[2], args[3]
    projections = (2 * query.numel() + key.numel() + value.numel()) * width
    return int(projections + scores(query, key) * width * 2)


def _encoder_layer(args: Arguments, out: Any) -> int:
    """``nn.TransformerEncoderLayer`` in one operator: self-attention and two linear layers."""
    source, width = args[0], args[1]
    weights = sum(each.numel() for each in args if isinstance(each, Tensor) and _is_weight(each))
    return int(source.numel() // width * weights + scores(source, source) * width * 2)


def _is_weight(tensor: Tensor) -> bool:
    return not tensor.is_nested and tensor.dim() == 2 and tensor.is_floating_point()


def _recurrent_layer(args: Arguments, out: Any) -> int:
    """``lstm``, ``gru``, ``rnn_*`` (input, state, weights, ...): one product with every weight
    matrix for each step of each sequence.  For a packed sequence the input is (steps, in) and
    the weights follow the lengths of the steps."""
    packed = isinstance(args[3], (list, tuple))
    return int(steps(args[0]) * matrices(args[3] if packed else args[2]))


def _onednn_recurrent_layer(args: Arguments, out: Any) -> int:
    """One layer and direction: input, two weight matrices, ..."""
    return int(steps(args[0]) * matrices(args[1:3]))


def _cudnn_recurrent_layer(args: Arguments, out: Any) -> int:
    return int(steps(args[0]) * matrices(args[1]))


_LINEAR = OperatorRule("linear", _linear, layer=True, bias=2)
_PRODUCT = OperatorRule("matrix product", _matrix_product)
_ADDED_PRODUCT = OperatorRule("matrix product", _added_product, operands=(1, 2))
_ADDED_LINEAR = replace(_ADDED_PRODUCT, kind="linear", layer=True, bias=0)
_BROADCAST_PRODUCT = OperatorRule("matrix product", _matmul)
_CONVOLUTION = OperatorRule("convolution", _convolution, layer=True)
_TRANSPOSED = OperatorRule("transposed convolution", _transposed_convolution, layer=True)
_BIASED_CONVOLUTION = replace(_CONVOLUTION, bias=2)
_BIASED_TRANSPOSED = replace(_TRANSPOSED, bias=2)
_EITHER = OperatorRule("convolution", _either_convolution, layer=True, bias=2)
_ATTENTION = OperatorRule("attention", _attention, operands=(0, 1, 2))
_FLASH = replace(_ATTENTION, macs=partial(_token_major_attention, ends_at=3))
_FLASH_INTO = replace(_FLASH, macs=lambda args, out: _FLASH.macs(args[1:], out), operands=(1, 2, 3))
_EFFICIENT = replace(_ATTENTION, macs=partial(_token_major_attention, ends_at=4))
_RECURRENT = OperatorRule("recurrent", _recurrent_layer, operands=(0, 2, 3))
_CUDNN_RECURRENT = OperatorRule("recurrent", _cudnn_recurrent_layer)

RULES: dict[str, OperatorRule] = {
    # linear layers
    "linear": _LINEAR,
    "addmm": _ADDED_LINEAR,
    "_addmm_activation": _ADDED_LINEAR,
    # matrix products
    "matmul": _BROADCAST_PRODUCT,
    "linalg_matmul": _BROADCAST_PRODUCT,
    "mm": _PRODUCT,
    "bmm": _PRODUCT,
    "mv": _PRODUCT,
    "dot": _PRODUCT,
    "vdot": _PRODUCT,
    "embedding_bag": BAG,
    "_embedding_bag": BAG,
    "_embedding_bag_forward_only": BAG,
    "affine_grid_generator": OperatorRule("matrix product", _sampling_grid, operands=(0,)),
    "_int_mm": _PRODUCT,
    "_scaled_mm": _PRODUCT,
    "_scaled_mm_v2": _PRODUCT,
    "symm_mem::_async_input_mm": _PRODUCT,
    "hspmm": _PRODUCT,
    "sspaddmm": _ADDED_PRODUCT,
    "quantized::matmul": _BROADCAST_PRODUCT,
    "cudnn_affine_grid_generator": OperatorRule("matrix product", _sampling_grid, operands=(0,)),
    "_sparse_addmm": _ADDED_PRODUCT,
    "addmv": _ADDED_PRODUCT,
    "addbmm": _ADDED_PRODUCT,
    "baddbmm": _ADDED_PRODUCT,
    # convolutions
    "conv1d": _BIASED_CONVOLUTION,
    "conv2d": _BIASED_CONVOLUTION,
    "conv3d": _BIASED_CONVOLUTION,
    "_convolution_mode": _BIASED_CONVOLUTION,
    "convolution": _EITHER,
    "_convolution": _EITHER,
    "convolution_overrideable": _EITHER,
    "conv_tbc": OperatorRule("convolution", _time_batch_convolution, layer=True, bias=2),
    "thnn_conv2d": _CONVOLUTION,
    "slow_conv3d": _CONVOLUTION,
    "_slow_conv2d_forward": _CONVOLUTION,
    "slow_conv3d_forward": _CONVOLUTION,
    "slow_conv_dilated2d": _CONVOLUTION,
    "slow_conv_dilated3d": _CONVOLUTION,
    "_conv_depthwise2d": _CONVOLUTION,
    "conv_depthwise3d": _CONVOLUTION,
    "_nnpack_spatial_convolution": _CONVOLUTION,
    "mkldnn_convolution": _CONVOLUTION,
    "mkldnn::_convolution_pointwise": replace(_CONVOLUTION, macs=_pointwise_convolution),
    "cudnn_convolution": _CONVOLUTION,
    "cudnn_convolution_relu": _CONVOLUTION,
    "cudnn_convolution_add_relu": _CONVOLUTION,
    "miopen_convolution": _CONVOLUTION,
    "miopen_convolution_relu": _CONVOLUTION,
    "miopen_convolution_add_relu": _CONVOLUTION,
    "miopen_depthwise_convolution": _CONVOLUTION,
    "_mps_convolution": _CONVOLUTION,
    "torchvision::deform_conv2d": _CONVOLUTION,
    # transposed convolutions
    "conv_transpose1d": _BIASED_TRANSPOSED,
    "conv_transpose2d": _BIASED_TRANSPOSED,
    "conv_transpose3d": _BIASED_TRANSPOSED,
    "slow_conv_transpose2d": _TRANSPOSED,
    "slow_conv_transpose3d": _TRANSPOSED,
    "cudnn_convolution_transpose": _TRANSPOSED,
    "miopen_convolution_transpose": _TRANSPOSED,
    "_mps_convolution_transpose": _TRANSPOSED,
    # bilinear forms
    "bilinear": OperatorRule("bilinear", _bilinear, operands=(0, 1, 2), bias=3),
    "_trilinear": OperatorRule("bilinear", _trilinear, operands=(0, 1, 2)),
    # attention
    "scaled_dot_product_attention": _ATTENTION,
    "_scaled_dot_product_attention_math": _ATTENTION,
    "_scaled_dot_product_attention_math_for_mps": _ATTENTION,
    "_scaled_dot_product_flash_attention": _ATTENTION,
    "_scaled_dot_product_flash_attention_for_cpu": _ATTENTION,
    "_scaled_dot_product_efficient_attention": _ATTENTION,
    "_scaled_dot_product_cudnn_attention": _ATTENTION,
    "_scaled_dot_product_fused_attention_overrideable": _ATTENTION,
    "_triton_scaled_dot_attention": _ATTENTION,
    "flex_attention": _ATTENTION,
    "_flash_attention_forward": _FLASH,
    "_efficient_attention_forward": _EFFICIENT,
    "torch_attn::_varlen_attn": _FLASH,
    "torch_attn::_varlen_attn_out": _FLASH_INTO,
    "_cudnn_attention_forward": replace(_ATTENTION, macs=_cudnn_attention),
    "_native_multi_head_attention": OperatorRule(
        "attention", _attention_layer, operands=(0, 1, 2, 5, 7)
    ),
    "_triton_multi_head_attention": OperatorRule(
        "attention", _attention_layer, operands=(0, 1, 2, 5, 7)
    ),
    "_flash_attention_forward_no_dropout_inplace": _FLASH_INTO,
    "_transformer_encoder_layer_fwd": OperatorRule(
        "attention", _encoder_layer, operands=(0, 3, 5, 14, 16)
    ),
    # recurrent layers
    "lstm": _RECURRENT,
    "gru": _RECURRENT,
    "rnn_tanh": _RECURRENT,
    "rnn_relu": _RECURRENT,
    "_lstm_mps": _RECURRENT,
    "mkldnn_rnn_layer": OperatorRule("recurrent", _onednn_recurrent_layer, operands=(0, 1, 2)),
    "_cudnn_rnn": _CUDNN_RECURRENT,
    "miopen_rnn": _CUDNN_RECURRENT,
    "lstm_cell": CELL,
    "gru_cell": CELL,
    "rnn_tanh_cell": CELL,
    "rnn_relu_cell": CELL,
    **BACKWARD,
    **KERNELS,
}
