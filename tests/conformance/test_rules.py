"""Every rule has a case: a network that meets it, or a call by the names in its kernel's schema.

Many kernels run on other devices only.  Their schemas say in which order they take their factors;
the arguments are put there by name, and what is not named is None.
"""

from __future__ import annotations

import pytest
import torch

from opbench.counting.rules.products import RULES
from tests.conformance.backward_kernels import BACKWARD_KERNELS
from tests.conformance.cases import CASES, counted
from tests.conformance.kernel import Kernel, named, signatures, t
from tests.conformance.packed_kernels import PACKED_KERNELS

_IN, _WEIGHT = "self input X", "weight W mat2"
_GROUPED = ("_grouped_mm", "_scaled_grouped_mm", "_scaled_grouped_mm_v2")
_EITHER = ("_convolution", "convolution_overrideable")

KERNELS = (
    Kernel(
        (
            *("_conv_depthwise2d", "_convolution_mode", "_nnpack_spatial_convolution"),
            *("_slow_conv2d_forward", "cudnn_convolution", "cudnn_convolution_add_relu"),
            *("cudnn_convolution_relu", "miopen_convolution", "miopen_depthwise_convolution"),
            *("mkldnn::_convolution_pointwise", "mkldnn_convolution", "slow_conv_dilated2d"),
            *("thnn_conv2d", "torchvision::deform_conv2d", *_EITHER),
        ),
        {
            **named(_IN, t(2, 4, 6, 6)),
            **named(_WEIGHT, t(6, 2, 3, 3)),
            **named("bias B", t(6)),
            **named("z other", t(2, 6, 4, 4)),
            "transposed": False,
        },
        t(2, 6, 4, 4),
        (2 * 6 * 4 * 4) * (2 * 3 * 3),
    ),
    Kernel(
        ("conv_depthwise3d", "slow_conv3d", "slow_conv3d_forward", "slow_conv_dilated3d"),
        {"self": t(1, 2, 4, 4, 4), "weight": t(3, 2, 2, 2, 2)},
        t(1, 3, 3, 3, 3),
        (3 * 3 * 3 * 3) * (2 * 2 * 2 * 2),
    ),
    Kernel(
        (
            *("cudnn_convolution_transpose", "miopen_convolution_transpose"),
            *("slow_conv_transpose2d", *_EITHER),
        ),
        {**named(_IN, t(1, 4, 5, 5)), "weight": t(4, 3, 2, 2), "transposed": True},
        t(1, 3, 6, 6),
        (4 * 5 * 5) * (3 * 2 * 2),
    ),
    Kernel(
        ("slow_conv_transpose3d",),
        {"self": t(1, 4, 3, 3, 3), "weight": t(4, 3, 2, 2, 2)},
        t(1, 3, 4, 4, 4),
        (4 * 3 * 3 * 3) * (3 * 2 * 2 * 2),
    ),
    Kernel(
        (
            *("mkldnn_linear", "mkldnn::_linear_pointwise", "_weight_int8pack_mm"),
            *("_weight_int4pack_mm", "_weight_int4pack_mm_for_cpu"),
            *("quantized::linear", "quantized::linear_relu", "quantized::linear_dynamic"),
            *("quantized::linear_relu_dynamic", "quantized::linear_dynamic_fp16"),
        ),
        {**named(_IN, t(3, 8)), **named(_WEIGHT, t(5, 8)), "other": t(3, 5)},
        t(3, 5),
        3 * 5 * 8,
    ),
    Kernel(
        ("linalg_matmul", "_int_mm", "_scaled_mm"),
        {"self": t(3, 8), **named("mat2 other", t(8, 5))},
        t(3, 5),
        3 * 5 * 8,
    ),
    Kernel(
        ("_addmm_activation", "_sparse_addmm"),
        {"self": t(3, 5), "mat1": t(3, 8), "mat2": t(8, 5)},
        t(3, 5),
        3 * 5 * 8,
    ),
    Kernel(  # two matrices of 3 rows, each with its own 8 x 5
        _GROUPED,
        {"self": t(2, 3, 8), "mat2": t(2, 8, 5)},
        t(2, 3, 5),
        2 * (3 * 5 * 8),
    ),
    Kernel(  # 7 rows, shared out among two matrices
        _GROUPED,
        {"self": t(7, 8), "mat2": t(2, 8, 5)},
        t(7, 5),
        7 * 5 * 8,
    ),
    Kernel(  # 9 columns, shared out among two matrices of 3 rows
        _GROUPED,
        {"self": t(2, 3, 8), "mat2": t(8, 9)},
        t(3, 9),
        3 * 9 * 8,
    ),
    Kernel(
        ("_embedding_bag", "_embedding_bag_forward_only"),
        {"weight": t(10, 6), "indices": t(5), "per_sample_weights": t(5)},
        (t(2, 6),),
        5 * 6,
    ),
    Kernel(
        ("_embedding_bag", "_embedding_bag_forward_only"),
        {"weight": t(10, 6), "indices": t(5)},
        (t(2, 6),),
        0,
    ),
    Kernel(
        (
            *("_scaled_dot_product_attention_math", "_scaled_dot_product_attention_math_for_mps"),
            *("_scaled_dot_product_cudnn_attention", "_scaled_dot_product_flash_attention"),
            *("_scaled_dot_product_efficient_attention",),
            *("_scaled_dot_product_flash_attention_for_cpu",),
            *("_scaled_dot_product_fused_attention_overrideable",),
        ),
        {"query": t(2, 3, 5, 8), "key": t(2, 3, 7, 8), "value": t(2, 3, 7, 4)},
        (t(2, 3, 5, 4),),
        (2 * 3) * (5 * 7 * 8 + 5 * 4 * 7),
    ),
    Kernel(
        ("_flash_attention_forward", "_efficient_attention_forward"),
        {"query": t(2, 5, 3, 8), "key": t(2, 7, 3, 8), "value": t(2, 7, 3, 4)},
        (t(2, 5, 3, 4),),
        (2 * 3) * (5 * 7 * 8 + 5 * 4 * 7),
    ),
    Kernel(
        ("_cudnn_rnn", "miopen_rnn"),
        {"input": t(3, 2, 4), "weight": [t(20, 4), t(20, 5), t(20), t(20)]},
        (t(3, 2, 5),),
        (3 * 2) * (20 * 4 + 20 * 5),
    ),
    Kernel(
        ("mkldnn_rnn_layer",),
        {
            "input": t(3, 2, 4),
            "weight0": t(20, 4),
            "weight1": t(20, 5),
            **named("weight2 weight3", t(20)),
        },
        (t(3, 2, 5),),
        (3 * 2) * (20 * 4 + 20 * 5),
    ),
)
ALL_KERNELS = (*KERNELS, *BACKWARD_KERNELS, *PACKED_KERNELS)
QUANTISED = tuple(f"quantized::conv{n}d{then}" for n in (1, 2, 3) for then in ("", "_relu"))
# tests/counting/rules/test_operators.py runs them and counts what runs.
RUN_ELSEWHERE = {
    "flex_attention",  # a higher-order operator, which has no schema
    "flex_attention_backward",
    "_native_multi_head_attention",
    "_transformer_encoder_layer_fwd",
    "_trilinear",
}

_named_after_torch_2_13 = pytest.mark.skipif(
    torch.__version__ < "2.13", reason="the rules name operators of torch 2.13"
)


@_named_after_torch_2_13
def test_a_rule_finds_the_factors_where_the_schema_of_the_kernel_has_them() -> None:
    names_of = signatures()
    for kernel in ALL_KERNELS:
        for name in kernel.operators:
            for names in names_of[name]:
                call = [kernel.arguments.get(each) for each in names]
                assert RULES[name].macs(call, kernel.out) == kernel.macs, (name, names)


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_a_packed_weight_is_unpacked(axes: int) -> None:
    plain = torch.zeros(6, 2, *[3] * axes)
    weight = torch.quantize_per_tensor(plain, 0.1, 0, torch.qint8)
    prepack = getattr(torch.ops.quantized, f"conv{axes}d_prepack")
    packed = prepack(weight, None, [1] * axes, [0] * axes, [1] * axes, 2)
    for name in (f"quantized::conv{axes}d", f"quantized::conv{axes}d_relu"):
        found = RULES[name].macs((t(1, 4, *[5] * axes), packed), t(1, 6, *[3] * axes))
        assert found == (6 * 3**axes) * (2 * 3**axes)


@_named_after_torch_2_13
def test_every_rule_has_a_case() -> None:
    met = {row.operator for case in CASES for row in counted(case).operators}
    called = {name for kernel in ALL_KERNELS for name in kernel.operators}
    assert {*RULES} - met - called - {*QUANTISED} - RUN_ELSEWHERE == set()
    assert called | {*QUANTISED} | RUN_ELSEWHERE <= {*RULES}
