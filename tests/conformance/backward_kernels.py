"""Calls of the kernels that compute gradients, each with its arithmetic."""

from __future__ import annotations

from typing import Any

import torch

from tests.conformance.kernel import Kernel, named, t

BOTH, ONLY_WEIGHT, ONLY_INPUT = (True, True, True), (False, True, True), (True, False, False)
_GRAD = "grad grad_out grad_out_ grad_output grad_y"
_HEADS = {
    **named(_GRAD, t(2, 3, 5, 4)),
    "query": t(2, 3, 5, 8),
    "key": t(2, 3, 7, 8),
    "value": t(2, 3, 7, 4),
}
_TOKENS = {
    **named(_GRAD, t(2, 5, 3, 4)),
    "query": t(2, 5, 3, 8),
    "key": t(2, 7, 3, 8),
    "value": t(2, 7, 3, 4),
}
# Sequences of 2 and 3 queries with 4 and 3 keys, one after the other.
_ENDS = {
    **named("cum_seq_q cu_seqlens_q", torch.tensor([0, 2, 5])),
    **named("cum_seq_k cu_seqlens_k", torch.tensor([0, 4, 7])),
}
_SCORES_AND_FOUR_GRADIENTS = 8 + (8 + 8 + 4 + 4)  # behind each score: q, k, then all gradients


def _packed(*first: int) -> dict[str, Any]:
    return {
        **named(_GRAD, t(*first, 5, 3, 8)),
        "query": t(*first, 5, 3, 8),
        "key": t(*first, 7, 3, 8),
        "value": t(*first, 7, 3, 8),
        **_ENDS,
    }


def _convolution(mask: tuple[bool, ...], groups: int = 2) -> dict[str, Any]:
    """Return the arguments of 4 channels of 6 x 6 and 6 of 4 x 4, by kernels of 3 x 3."""
    return {
        **named(_GRAD, t(2, 6, 4, 4)),
        **named("input self", t(2, 4, 6, 6)),
        "weight": t(6, 4 // groups, 3, 3),
        "transposed": False,
        "output_mask": mask,
    }


def _transposed(mask: tuple[bool, ...]) -> dict[str, Any]:
    return {
        "grad_output": t(2, 3, 6, 6),
        "input": t(2, 4, 5, 5),
        "weight": t(4, 3, 2, 2),
        "transposed": True,
        "output_mask": mask,
    }


def _convolved(mask: tuple[bool, ...], groups: int = 2) -> tuple[Any, ...]:
    made = (t(2, 4, 6, 6), t(6, 4 // groups, 3, 3), t(6))
    return tuple(each if wanted else None for each, wanted in zip(made, mask, strict=True))


_CONVOLUTIONS = ("convolution_backward", "convolution_backward_overrideable")
_ANY_CONVOLUTION = (*_CONVOLUTIONS, "_slow_conv2d_backward", "mps_convolution_backward")
_LINEAR = ("linear_backward", "mkldnn_linear_backward")
_HEAD_MAJOR = (
    "_scaled_dot_product_flash_attention_backward",
    "_scaled_dot_product_flash_attention_for_cpu_backward",
    "_scaled_dot_product_efficient_attention_backward",
    "_scaled_dot_product_cudnn_attention_backward",
    "_scaled_dot_product_fused_attention_overrideable_backward",
    "_cudnn_attention_backward",
)
_TOKEN_MAJOR = ("_flash_attention_backward", "_efficient_attention_backward")
_LSTM = [t(20, 4), t(20, 5), t(20), t(20)]

BACKWARD_KERNELS = (
    # Each of 2 x 6 x 4 x 4 gradients of the output meets 2 x 3 x 3 weights, or as many pixels.
    Kernel(_ANY_CONVOLUTION, _convolution(BOTH), _convolved(BOTH), 2 * (2 * 6 * 4 * 4) * (2 * 9)),
    Kernel(
        _ANY_CONVOLUTION,
        _convolution(ONLY_WEIGHT),
        _convolved(ONLY_WEIGHT),
        (2 * 6 * 4 * 4) * (2 * 9),
    ),
    Kernel(
        _ANY_CONVOLUTION,
        _convolution(ONLY_INPUT),
        _convolved(ONLY_INPUT),
        (2 * 6 * 4 * 4) * (2 * 9),
    ),
    Kernel(
        _ANY_CONVOLUTION,
        _convolution(BOTH, groups=1),
        _convolved(BOTH, groups=1),
        2 * (2 * 6 * 4 * 4) * (4 * 9),
    ),
    Kernel(
        _CONVOLUTIONS,
        _transposed(BOTH),
        (t(2, 4, 5, 5), t(4, 3, 2, 2), t(3)),
        2 * (2 * 4 * 5 * 5) * (3 * 2 * 2),
    ),
    Kernel(
        (*_CONVOLUTIONS, "mps_convolution_transpose_backward"),
        {**_transposed(ONLY_WEIGHT), "self": t(2, 4, 5, 5)},
        (None, t(4, 3, 2, 2), t(3)),
        (2 * 4 * 5 * 5) * (3 * 2 * 2),
    ),
    Kernel(
        ("torchvision::_deform_conv2d_backward",),
        {"grad": t(2, 6, 4, 4), "input": t(2, 4, 6, 6), "weight": t(6, 2, 3, 3)},
        (t(2, 4, 6, 6),),
        2 * (2 * 6 * 4 * 4) * (2 * 3 * 3),
    ),
    Kernel(
        _LINEAR,
        {
            "self": t(3, 7, 8),
            "grad_output": t(3, 7, 5),
            "weight": t(5, 8),
            "output_mask": BOTH,
        },
        (t(3, 7, 8), t(5, 8), t(5)),
        2 * (3 * 7) * (5 * 8),
    ),
    Kernel(
        _LINEAR,
        {
            "self": t(3, 7, 8),
            "grad_output": t(3, 7, 5),
            "weight": t(5, 8),
            "output_mask": ONLY_WEIGHT,
        },
        (None, t(5, 8), t(5)),
        (3 * 7) * (5 * 8),
    ),
    Kernel(
        ("mkldnn_linear_backward_input", "mkldnn_linear_backward_weights"),
        {"input": t(3, 7, 8), "grad_output": t(3, 7, 5), "weight": t(5, 8)},
        t(3, 7, 8),
        (3 * 7) * (5 * 8),
    ),
    Kernel(
        ("matmul_backward",),
        {"grad": t(2, 3, 5), "self": t(2, 3, 8), "other": t(2, 8, 5), "mask": (True, True)},
        (t(2, 3, 8), t(2, 8, 5)),
        2 * 2 * (3 * 8 * 5),
    ),
    Kernel(
        ("_embedding_bag_backward", "_embedding_bag_dense_backward"),
        {"grad": t(2, 6), "indices": t(5), "per_sample_weights": t(5)},
        t(10, 6),
        5 * 6,
    ),
    Kernel(
        ("_embedding_bag_backward", "_embedding_bag_dense_backward"),
        {"grad": t(2, 6), "indices": t(5)},
        t(10, 6),
        0,
    ),
    Kernel(
        ("_embedding_bag_per_sample_weights_backward",),
        {"grad": t(2, 6), "weight": t(10, 6), "indices": t(5)},
        t(5),
        5 * 6,
    ),
    Kernel(
        _HEAD_MAJOR,
        _HEADS,
        (t(2, 3, 5, 8), t(2, 3, 7, 8), t(2, 3, 7, 4)),
        (2 * 3) * (5 * 7) * _SCORES_AND_FOUR_GRADIENTS,
    ),
    Kernel(
        _TOKEN_MAJOR,
        _TOKENS,
        (t(2, 5, 3, 8), t(2, 7, 3, 8), t(2, 7, 3, 4)),
        (2 * 3) * (5 * 7) * _SCORES_AND_FOUR_GRADIENTS,
    ),
    Kernel(
        ("_flash_attention_backward", "_cudnn_attention_backward"),
        _packed(),
        (t(5, 3, 8), t(7, 3, 8), t(7, 3, 8)),
        3 * (2 * 4 + 3 * 3) * (5 * 8),
    ),
    Kernel(
        ("_efficient_attention_backward",),
        _packed(1),
        (t(1, 5, 3, 8), t(1, 7, 3, 8), t(1, 7, 3, 8)),
        3 * (2 * 4 + 3 * 3) * (5 * 8),
    ),
    # The forward kernels of packed sequences.
    Kernel(
        ("_flash_attention_forward", "_cudnn_attention_forward"),
        _packed(),
        (t(5, 3, 8),),
        3 * (2 * 4 + 3 * 3) * (2 * 8),
    ),
    Kernel(
        ("_efficient_attention_forward",), _packed(1), (t(1, 5, 3, 8),), 3 * (2 * 4 + 3 * 3) * 16
    ),
    # Input and state always, and the weights where they are asked for.
    Kernel(
        ("_cudnn_rnn_backward", "miopen_rnn_backward"),
        {"input": t(3, 2, 4), "weight": _LSTM, "output_mask": (True, False, False, True)},
        (t(3, 2, 4),),
        2 * (3 * 2) * (20 * 4 + 20 * 5),
    ),
    Kernel(
        ("_cudnn_rnn_backward", "miopen_rnn_backward"),
        {"input": t(3, 2, 4), "weight": _LSTM, "output_mask": (True, False, False, False)},
        (t(3, 2, 4),),
        (3 * 2) * (20 * 4 + 20 * 5),
    ),
    Kernel(
        ("mkldnn_rnn_layer_backward",),
        {"input": t(3, 2, 4), "weight1": t(20, 4), "weight2": t(20, 5)},
        (t(3, 2, 4),),
        2 * (3 * 2) * (20 * 4 + 20 * 5),
    ),
    Kernel(
        ("lstm_mps_backward",),
        {"input": t(3, 2, 4), "params": _LSTM},
        (t(3, 2, 4),),
        2 * (3 * 2) * (20 * 4 + 20 * 5),
    ),
    Kernel(
        ("_lstm_mps",),
        {"input": t(3, 2, 4), "params": _LSTM},
        (t(3, 2, 5),),
        (3 * 2) * (20 * 4 + 20 * 5),
    ),
)
