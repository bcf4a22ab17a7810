"""Calls of the kernels for quantised, sparse and packed weights."""

from __future__ import annotations

from typing import Any

import torch

from tests.conformance.kernel import Kernel, named, t

_INPUT = "self input inp X x qx"
_GROUPED = ("_grouped_mm", "_scaled_grouped_mm", "_scaled_grouped_mm_v2")
_DYNAMIC = ("", "_dynamic")
_PACKED = "weight mat2 W w qw W_prepack packed_weight packed_weights MKL_W"


class Packed:
    """A packed convolution weight: what torch's own objects answer."""

    def __init__(self, *shape: int, transposed: bool = False) -> None:
        self._weight, self._transposed = t(*shape), transposed

    def unpack(self) -> tuple[torch.Tensor, None]:
        return self._weight, None

    def transpose(self) -> bool:
        return self._transposed


def _recurrent(gates: int, **more: Any) -> dict[str, Any]:
    """Two layers in both directions, 3 steps of 2 sequences, 4 wide and 5 hidden.

    The steps of packed sequences are one axis of 6.
    """
    state = [t(4, 2, 5)] * 2 if gates == 4 else t(4, 2, 5)
    settings = {"has_biases": True, "num_layers": 2, "train": False, "bidirectional": True}
    source = {"input": t(3, 2, 4), "data": t(6, 4), "batch_sizes": t(3)}
    return {**source, "hx": state, "params": [], "dropout": 0.0, **settings, **more}


def _two_layers_both_ways(gates: int) -> int:
    first, second = gates * 5 * (4 + 5), gates * 5 * (2 * 5 + 5)
    return (3 * 2) * 2 * (first + second)


PACKED_KERNELS = (
    Kernel(
        (
            *("bitsandbytes::gemv_4bit", "bitsandbytes::gemm_4bit", "bitsandbytes::int8_scaled_mm"),
            *("bitsandbytes::int8_mixed_scaled_mm", "bitsandbytes::int8_linear_matmul"),
            "quanto::qbytes_mm",
        ),
        {"A": t(3, 8), "B": t(20), "shapeB": [5, 8]},
        t(3, 5),
        3 * 5 * 8,
    ),
    Kernel(
        (
            *("_weight_int4pack_mm_with_scales_and_zeros", "_dyn_quant_matmul_4bit"),
            *("_mixed_dtypes_linear", "mkl::_mkl_linear"),
            *("fbgemm_linear_fp16_weight", "fbgemm_linear_fp16_weight_fp32_activation"),
            *("fbgemm_linear_int8_weight", "fbgemm_linear_int8_weight_fp32_activation"),
            *("quantized::linear_leaky_relu", "quantized::linear_tanh"),
            *("quantized::linear_relu_dynamic_fp16", "quantized::int4mm_packed_weight_cpu"),
            "quantized::linear_dynamic_fp16_unpacked_weight",
            "quantized::linear_with_input_q_dq_qweight_dq_output_fp32",
            "quantized::linear_with_input_q_dq_qweight_dq_relu_output_fp32",
            *("_quantized::linear", "_quantized::linear_dynamic"),
            *("_quantized::wrapped_fbgemm_linear_fp16_weight",),
            *("_quantized::wrapped_quantized_linear",),
            *("_quantized::_wrapped_quantized_linear_prepacked",),
            *("sparse::qlinear", "sparse::qlinear_relu", "sparse::qlinear_dynamic"),
            *("sparse::qlinear_relu_dynamic", "onednn::linear_dynamic_fp16"),
            *("onednn::linear_relu_dynamic_fp16", "onednn::qlinear_pointwise"),
        ),
        {**named(_INPUT, t(3, 8)), **named(_PACKED, t(5, 8))},
        t(3, 5),
        3 * 5 * 8,
    ),
    Kernel(
        ("quantized::matmul", "_scaled_mm_v2", "hspmm", "symm_mem::_async_input_mm"),
        {**named("qa self mat1 a", t(3, 8)), **named("qb mat2 b", t(8, 5))},
        t(3, 5),
        3 * 5 * 8,
    ),
    Kernel(
        ("sspaddmm",),
        {"self": t(3, 5), "mat1": t(3, 8), "mat2": t(8, 5)},
        t(3, 5),
        3 * 5 * 8,
    ),
    Kernel(  # 5 of 8 weights are not zero, whatever the layout
        ("sspaddmm",),
        {"mat1": torch.ones(1, 5).to_sparse(), "mat2": t(5, 7)},
        t(1, 7),
        5 * 7,
    ),
    Kernel(  # half of the 3 x 8 are kept, as 3 x 4
        ("_sparse_semi_structured_mm", "_sparse_semi_structured_addmm", "_cslt_sparse_mm"),
        {"mat1": t(3, 4), "compressed_A": t(3, 4), **named("mat2 dense_B", t(8, 5))},
        t(3, 5),
        3 * 5 * 8 // 2,
    ),
    Kernel(
        ("_sparse_semi_structured_linear",),
        {"input": t(3, 8), "weight": t(5, 4)},
        t(3, 5),
        3 * 5 * 8 // 2,
    ),
    Kernel(  # two wanted elements
        ("sparse_sampled_addmm",),
        {"self": torch.eye(2).to_sparse_csr(), "mat1": t(2, 8), "mat2": t(8, 2)},
        None,
        2 * 8,
    ),
    Kernel(
        ("_sparse_mm_reduce_impl",),
        {"self": torch.eye(4).to_sparse_csr(), "other": t(4, 5), "reduce": "mean"},
        (t(4, 5),),
        4 * 5,
    ),
    Kernel(  # 5 of 7 rows, shared out among two matrices
        _GROUPED,
        {"self": t(7, 8), "mat2": t(2, 8, 5), "offs": torch.tensor([3, 5])},
        t(7, 5),
        5 * 5 * 8,
    ),
    Kernel(  # 6 of 9 columns, shared out among two matrices of 3 rows
        _GROUPED,
        {"self": t(2, 3, 8), "mat2": t(8, 9), "offs": torch.tensor([4, 6])},
        t(3, 9),
        3 * 6 * 8,
    ),
    Kernel(  # two products of 3 x 5, which share out 6 of 8 inner elements
        _GROUPED,
        {"self": t(3, 8), "mat2": t(8, 5), "offs": torch.tensor([2, 6])},
        t(2, 3, 5),
        3 * 5 * 6,
    ),
    Kernel(  # nobody is routed here
        _GROUPED,
        {"self": t(7, 8), "mat2": t(2, 8, 5), "offs": torch.tensor([0, 0])},
        t(7, 5),
        0,
    ),
    Kernel(
        ("_foreach_mm",),
        {"self": [t(2, 3), t(4, 5)], "mat2": [t(3, 6), t(5, 7)]},
        [t(2, 6), t(4, 7)],
        2 * 3 * 6 + 4 * 5 * 7,
    ),
    Kernel(  # three sums, each of four matrices
        ("_compute_linear_combination",),
        {"input": t(4, 5, 6), "coefficients": t(3, 4)},
        t(3, 5, 6),
        3 * 4 * 5 * 6,
    ),
    Kernel(
        ("miopen_convolution_relu", "miopen_convolution_add_relu", "_mps_convolution"),
        {"self": t(2, 4, 6, 6), "weight": t(6, 2, 3, 3)},
        t(2, 6, 4, 4),
        (2 * 6 * 4 * 4) * (2 * 3 * 3),
    ),
    Kernel(  # the weights are stored by group
        ("onednn::qconv_pointwise", "onednn::qconv2d_pointwise"),
        {"qx": t(2, 4, 6, 6), "qw": t(2, 3, 2, 3, 3)},
        t(2, 6, 4, 4),
        (2 * 6 * 4 * 4) * (2 * 3 * 3),
    ),
    Kernel(
        ("onednn::qconv1d_pointwise",),
        {"qx": t(2, 4, 6), "qw": t(6, 4, 1, 3)},
        t(2, 6, 4),
        (2 * 6 * 4) * (4 * 3),
    ),
    Kernel(
        ("onednn::qconv3d_pointwise",),
        {"qx": t(1, 2, 4, 4, 4), "qw": t(3, 2, 2, 2, 2)},
        t(1, 3, 3, 3, 3),
        (3 * 3 * 3 * 3) * (2 * 2 * 2 * 2),
    ),
    Kernel(
        ("_mps_convolution_transpose", "mkldnn::_convolution_transpose_pointwise"),
        {**named("self X", t(1, 4, 5, 5)), **named("weight W", t(4, 3, 2, 2))},
        t(1, 3, 6, 6),
        (4 * 5 * 5) * (3 * 2 * 2),
    ),
    Kernel(
        (
            *("quantized::conv2d", "quantized::conv2d_relu", "quantized::conv2d_dynamic"),
            *("quantized::conv2d_add", "quantized::conv2d_add_relu"),
            *("_quantized::conv2d", "_quantized::conv2d_relu"),
        ),
        {**named("qx qaccum", t(1, 4, 5, 5)), **named("weight packed_weight", Packed(6, 2, 3, 3))},
        t(1, 6, 3, 3),
        (6 * 3 * 3) * (2 * 3 * 3),
    ),
    Kernel(
        (
            *("quantized::conv1d", "quantized::conv1d_relu", "quantized::conv1d_dynamic"),
            *("quantized::conv3d", "quantized::conv3d_relu", "quantized::conv3d_dynamic"),
            *("_quantized::conv3d", "_quantized::conv3d_relu"),
        ),
        {"qx": t(1, 4, 9), **named("weight packed_weight", Packed(6, 4, 1, 3))},
        t(1, 6, 7),
        (6 * 7) * (4 * 3),
    ),
    Kernel(
        (
            *(f"quantized::conv_transpose{n}d{then}" for n in (1, 2, 3) for then in _DYNAMIC),
            *("_quantized::conv_transpose1d", "_quantized::conv_transpose2d"),
        ),
        {
            "qx": t(1, 4, 5, 5),
            **named("weight packed_weight", Packed(4, 3, 2, 2, transposed=True)),
        },
        t(1, 3, 6, 6),
        (4 * 5 * 5) * (3 * 2 * 2),
    ),
    Kernel(  # five rows of 6, each weighted
        (
            *("quantized::embedding_bag_byte", "quantized::embedding_bag_byte_rowwise_offsets"),
            *("quantized::embedding_bag_4bit", "quantized::embedding_bag_4bit_rowwise_offsets"),
            "quantized::embedding_bag_2bit_rowwise_offsets",
        ),
        {"weight": Packed(10, 6), "indices": t(5), "per_sample_weights": t(5)},
        t(2, 6),
        5 * 6,
    ),
    Kernel(
        ("quantized::embedding_bag_byte", "quantized::embedding_bag_4bit"),
        {"weight": Packed(10, 6), "indices": t(5)},
        t(2, 6),
        0,
    ),
    Kernel(  # 2 x 3 x 5 points in the plane, each two rows of three
        ("cudnn_affine_grid_generator",),
        {"theta": t(2, 2, 3), "N": 2, "C": 1, "H": 3, "W": 5},
        t(2, 3, 5, 2),
        (2 * 3 * 5 * 2) * 3,
    ),
    Kernel(
        ("cudnn_affine_grid_generator_backward",),
        {"grad": t(2, 3, 5, 2), "N": 2, "C": 1, "H": 3, "W": 5},
        t(2, 2, 3),
        (2 * 3 * 5 * 2) * 3,
    ),
    Kernel(
        ("_triton_scaled_dot_attention",),
        {"q": t(2, 3, 5, 8), "k": t(2, 3, 7, 8), "v": t(2, 3, 7, 8)},
        t(2, 3, 5, 8),
        (2 * 3) * (5 * 7 * 8 + 5 * 8 * 7),
    ),
    Kernel(  # four projections of 3 x 5 vectors, scores and weighted sums of 5 x 5
        ("_triton_multi_head_attention",),
        {**named("query key value", t(3, 5, 8)), "embed_dim": 8, "num_head": 2},
        t(3, 5, 8),
        3 * (4 * 5 * 8 * 8 + 2 * 5 * 5 * 8),
    ),
    Kernel(
        ("_flash_attention_forward_no_dropout_inplace",),
        {"query": t(2, 5, 3, 8), "key": t(2, 7, 3, 8), "value": t(2, 7, 3, 4)},
        t(2, 3, 5),
        (2 * 3) * (5 * 7 * 8 + 5 * 4 * 7),
    ),
    Kernel(  # sequences of 2 and 3 queries, of 4 and 1 keys, three heads
        ("torch_attn::_varlen_attn", "torch_attn::_varlen_attn_out"),
        {
            "query": t(5, 3, 8),
            "key": t(5, 3, 8),
            "value": t(5, 3, 4),
            "cu_seq_q": torch.tensor([0, 2, 5]),
            "cu_seq_k": torch.tensor([0, 4, 5]),
        },
        (t(5, 3, 4),),
        3 * (2 * 4 + 3 * 1) * (8 + 4),
    ),
    Kernel(  # the scores once more, and the gradients of query, key, scores and value
        ("torch_attn::_varlen_attn_backward",),
        {
            "query": t(5, 3, 8),
            "key": t(5, 3, 8),
            "value": t(5, 3, 4),
            "cu_seq_q": torch.tensor([0, 2, 5]),
            "cu_seq_k": torch.tensor([0, 4, 5]),
        },
        (t(5, 3, 8), t(5, 3, 8), t(5, 3, 4)),
        3 * (2 * 4 + 3 * 1) * (3 * 8 + 2 * 4),
    ),
    Kernel(
        ("semi_structured::cutlass_mm", "semi_structured::cusparselt_mm"),
        {"dense": t(3, 8), "packed": t(5, 4), "out_features": 5},
        t(3, 5),
        3 * 5 * 8 // 2,
    ),
    Kernel(("quantized_lstm",), _recurrent(4), None, _two_layers_both_ways(4)),
    Kernel(("quantized_gru",), _recurrent(3), None, _two_layers_both_ways(3)),
    *(
        Kernel(
            (f"quantized_{name}_cell", f"quantized::quantized_{name}_cell_dynamic"),
            {
                "input": t(3, 4),
                "hx": [t(3, 5), t(3, 5)] if name == "lstm" else t(3, 5),
                "w_ih": t(gates * 5, 4),
                "w_hh": t(gates * 5, 5),
            },
            None,
            3 * (gates * 5 * 4 + gates * 5 * 5),
        )
        for name, gates in (("lstm", 4), ("gru", 3), ("rnn_tanh", 1), ("rnn_relu", 1))
    ),
)
