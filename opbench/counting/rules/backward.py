"""The multiply-accumulates of the operators that compute gradients.

The gradient of a product with respect to each factor is a product of the same size, so that

    convolutions, linear   as much as the forward operator for each of the gradients of input and
                           weight that is asked for; that of the bias is a sum
    attention              two products for the gradients of query and key, two for those of
                           scores and value; a fused kernel computes the scores once more
    recurrent layers       as much as the forward operator for input and state, which are always
                           computed, and once more for the weights

Most gradients need no rule, because they are carried out with operators that have one.  So are
those of attention and recurrent layers in a count: it keeps to plain kernels, which are the same on
every device (``opbench.counting.tracing.gradients``), and meets fused ones only where a network
names them.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from opbench.counting.rules.operator_rule import (
    Arguments,
    NoRuleError,
    OperatorRule,
    matrices,
    meets,
    steps,
    token_major_scores,
)


def _asked(mask: Any) -> int:
    """Return how many of the gradients of input and weight are computed."""
    return sum(map(bool, mask[:2]))


def _convolution(args: Arguments, out: Any, *, transposed_at: int) -> int:
    """grad_output, input, weight, ..., transposed, ..., output_mask."""
    pixels = args[1] if args[transposed_at] else args[0]
    return int(pixels.numel() * meets(args[2]) * _asked(args[-1]))


def _plain_convolution(args: Arguments, out: Any) -> int:
    return int(args[0].numel() * meets(args[2]) * _asked(args[-1]))


def _deformed_convolution(args: Arguments, out: Any) -> int:
    """grad, input, weight, ...: all gradients, of which offsets and masks have no products of
    their own."""
    return int(2 * args[0].numel() * meets(args[2]))


def _swapped_convolution(args: Arguments, out: Any) -> int:
    """input, grad_output, weight, ..., output_mask."""
    return int(args[1].numel() * meets(args[2]) * _asked(args[-1]))


def _transposed_convolution(args: Arguments, out: Any) -> int:
    return int(args[0].numel() * meets(args[2]) * _asked(args[-1]))


def _linear(args: Arguments, out: Any) -> int:
    """input, grad_output, weight, output_mask."""
    return int(args[1].numel() * args[2].shape[-1] * _asked(args[3]))


def _linear_input(args: Arguments, out: Any) -> int:
    """size of the input, grad_output, weight."""
    return int(args[1].numel() * args[2].shape[-1])


def _linear_weight(args: Arguments, out: Any) -> int:
    """grad_output, input, weight, ...."""
    return int(args[0].numel() * args[2].shape[-1])


def _matmul(args: Arguments, out: Any) -> int:
    """grad, left, right, mask."""
    return int(args[0].numel() * args[1].shape[-1] * _asked(args[3]))


def _bag(args: Arguments, out: Any, *, weights_at: int) -> int:
    """grad, indices, ..., weight of each index, ...: rows that are weighted and added."""
    weighted = len(args) > weights_at and args[weights_at] is not None
    return int(args[1].numel() * args[0].shape[-1]) if weighted else 0


def _bag_weights(args: Arguments, out: Any) -> int:
    """grad, weight, indices, ...: the product of a row and its gradient for each index."""
    return int(args[2].numel() * args[0].shape[-1])


def _gradients(args: Arguments, scores: int) -> int:
    """grad_out, query, key, value, ...: the scores again, and four gradients."""
    return int(scores * (3 * args[1].shape[-1] + 2 * args[3].shape[-1]))


def _attention(args: Arguments, out: Any) -> int:
    """grad_out, query (..., L, E), key (..., S, E), value (..., S, Ev), ...."""
    query, key = args[1], args[2]
    if query.is_nested:
        raise NoRuleError("nested tensors")
    return _gradients(args, math.prod(query.shape[:-1]) * key.shape[-2])


def _flexible_attention(args: Arguments, out: Any) -> int:
    """query, key, value, ...: as the fused kernels, from its first three arguments."""
    return _attention((None, *args), out)


def _packed_attention(args: Arguments, out: Any, *, ends_at: int) -> int:
    ends = args[ends_at : ends_at + 2]
    return _gradients(args, token_major_scores(args[1], args[2], ends))


def _cudnn_attention(args: Arguments, out: Any) -> int:
    packed = args[9] is not None
    return _packed_attention(args, out, ends_at=9) if packed else _attention(args, out)


def _onednn_recurrent_layer(args: Arguments, out: Any) -> int:
    """One layer and direction: input, two weight matrices, ...."""
    return int(2 * steps(args[0]) * matrices(args[1:3]))


def _recurrent_layer(args: Arguments, out: Any) -> int:
    """input, weights, ..., whether gradients of input, state, cell and weights are asked for."""
    return int((1 + bool(args[-1][3])) * steps(args[0]) * matrices(args[1]))


def _mps_recurrent_layer(args: Arguments, out: Any) -> int:
    return int(2 * steps(args[5]) * matrices(args[8]))


_CONVOLUTION = OperatorRule(
    "convolution", partial(_convolution, transposed_at=7), operands=(0, 1, 2)
)
_LINEAR = OperatorRule("linear", _linear, operands=(0, 1, 2))
_ATTENTION = OperatorRule("attention", _attention, operands=(0, 1, 2, 3))
_PACKED = OperatorRule("attention", partial(_packed_attention, ends_at=6), operands=(0, 1, 2, 3))
_RECURRENT = OperatorRule("recurrent", _recurrent_layer)

BACKWARD: dict[str, OperatorRule] = {
    # convolutions
    "convolution_backward": _CONVOLUTION,
    "convolution_backward_overrideable": OperatorRule(
        "convolution", partial(_convolution, transposed_at=6), operands=(0, 1, 2)
    ),
    "_slow_conv2d_backward": OperatorRule("convolution", _plain_convolution, operands=(0, 1, 2)),
    "mps_convolution_backward": OperatorRule(
        "convolution", _swapped_convolution, operands=(0, 1, 2)
    ),
    "mps_convolution_transpose_backward": OperatorRule(
        "transposed convolution", _transposed_convolution, operands=(0, 1, 2)
    ),
    "torchvision::_deform_conv2d_backward": OperatorRule(
        "convolution", _deformed_convolution, operands=(0, 1, 2)
    ),
    # linear layers and matrix products
    "linear_backward": _LINEAR,
    "mkldnn_linear_backward": _LINEAR,
    "mkldnn_linear_backward_input": OperatorRule("linear", _linear_input, operands=(1, 2)),
    "mkldnn_linear_backward_weights": OperatorRule("linear", _linear_weight),
    "matmul_backward": OperatorRule("matrix product", _matmul, operands=(0, 1, 2)),
    "_embedding_bag_backward": OperatorRule(
        "matrix product", partial(_bag, weights_at=10), operands=(0, 1)
    ),
    "_embedding_bag_dense_backward": OperatorRule(
        "matrix product", partial(_bag, weights_at=8), operands=(0, 1)
    ),
    "_embedding_bag_per_sample_weights_backward": OperatorRule("matrix product", _bag_weights),
    # attention
    "_scaled_dot_product_flash_attention_backward": _ATTENTION,
    "_scaled_dot_product_flash_attention_for_cpu_backward": _ATTENTION,
    "_scaled_dot_product_efficient_attention_backward": _ATTENTION,
    "_scaled_dot_product_cudnn_attention_backward": _ATTENTION,
    "_scaled_dot_product_fused_attention_overrideable_backward": _ATTENTION,
    "flex_attention_backward": OperatorRule("attention", _flexible_attention, operands=(0, 1, 2)),
    "_flash_attention_backward": _PACKED,
    "_efficient_attention_backward": _PACKED,
    "torch_attn::_varlen_attn_backward": _PACKED,
    "_cudnn_attention_backward": OperatorRule("attention", _cudnn_attention, operands=(0, 1, 2, 3)),
    # recurrent layers
    "mkldnn_rnn_layer_backward": OperatorRule(
        "recurrent", _onednn_recurrent_layer, operands=(0, 1, 2)
    ),
    "_cudnn_rnn_backward": _RECURRENT,
    "miopen_rnn_backward": _RECURRENT,
    "lstm_mps_backward": OperatorRule("recurrent", _mps_recurrent_layer, operands=(5, 8)),
}
