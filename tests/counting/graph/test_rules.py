"""The rule of each operator, beside the same by hand: output elements x length of dot product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pytest
from onnx import TensorProto

from opbench.counting.graph.rules import RULES
from tests.counting.graph.build import MICROSOFT, counted, graph, node, numbers, weight

INT8, UINT8 = TensorProto.INT8, TensorProto.UINT8


class Case(NamedTuple):
    """A node; shapes of what flows in, and of what is stored."""

    kind: str
    names: str
    flowing: Mapping[str, Any]
    stored: Mapping[str, Sequence[int]]
    macs: int
    activations: int
    attributes: Mapping[str, Any] = {}
    domain: str = ""
    outputs: str = "y"


def conv(kind: str, domain: str = "", **attributes: Any) -> Case:
    """3x3 over (2, 4, 9, 9), stride 2: (2, 6, 4, 4) outputs of 4 x 9 products."""
    channels_first = "Nhwc" not in kind
    shape = [2, 4, 9, 9] if channels_first else [2, 9, 9, 4]
    return Case(
        kind, "x w b", {"x": shape}, {"w": [6, 4, 3, 3], "b": [6]},
        2 * 6 * 4 * 4 * 36, 2 * 6 * 4 * 4, {"strides": [2, 2], **attributes}, domain,
    )  # fmt: skip


CASES = [
    conv("Conv"),
    conv("FusedConv", MICROSOFT, activation="Relu"),
    conv("NhwcConv", MICROSOFT),
    conv("NhwcFusedConv", MICROSOFT, activation="Relu"),
    Case(
        "Conv", "x w", {"x": [1, 4, 5]}, {"w": [8, 2, 3]}, 8 * 3 * 2 * 3, 8 * 3, {"group": 2}
    ),
    Case(
        "ConvInteger", "x w", {"x": ([1, 3, 5, 5], UINT8)}, {"w:u8": [2, 3, 3, 3]},
        2 * 9 * 27, 2 * 9,
    ),
    Case(
        "QLinearConv", "x s z w s z s z b", {"x": ([1, 3, 5, 5], UINT8)},
        {"w:u8": [2, 3, 3, 3], "b:i32": [2], "s": [], "z:u8": []}, 2 * 9 * 27, 2 * 9,
    ),
    Case(
        "QLinearConv", "x s z w s z s z", {"x": ([1, 5, 5, 3], UINT8)},
        {"w:u8": [2, 3, 3, 3], "s": [], "z:u8": []}, 2 * 9 * 27, 2 * 9,
        {"channels_last": 1}, MICROSOFT,
    ),
    # each of 2 x 4 x 5 x 5 inputs meets 3 x 2 x 2 weights
    Case(
        "ConvTranspose", "x w", {"x": [2, 4, 5, 5]}, {"w": [4, 3, 2, 2]},
        2 * 4 * 25 * 12, 2 * 3 * 10 * 10, {"strides": [2, 2]},
    ),
    Case(
        "DeformConv", "x w o", {"x": [1, 2, 4, 4], "o": [1, 8, 3, 3]}, {"w": [3, 2, 2, 2]},
        3 * 9 * 8, 3 * 9,
    ),
    Case("MatMul", "x w", {"x": [2, 5, 7]}, {"w": [7, 3]}, 2 * 5 * 7 * 3, 2 * 5 * 3),
    Case("MatMul", "x v", {"x": [2, 5, 7], "v": [2, 7, 3]}, {}, 2 * 5 * 7 * 3, 0),
    Case("MatMul", "x v", {"x": [7], "v": [7]}, {}, 7, 0),
    Case("MatMul", "x v", {"x": [4, 1, 5, 7], "v": [3, 7, 2]}, {}, 4 * 3 * 5 * 7 * 2, 0),
    Case(
        "MatMulInteger", "x w", {"x": ([5, 7], UINT8)}, {"w:u8": [7, 3]}, 5 * 7 * 3, 5 * 3
    ),
    Case(
        "QLinearMatMul", "x s z w s z s z", {"x": ([5, 7], UINT8)},
        {"w:u8": [7, 3], "s": [], "z:u8": []}, 5 * 7 * 3, 5 * 3,
    ),
    Case("Gemm", "x w b", {"x": [5, 7]}, {"w": [7, 3], "b": [3]}, 5 * 7 * 3, 15),
    Case("Gemm", "x w", {"x": [7, 5]}, {"w": [3, 7]}, 105, 15, {"transA": 1, "transB": 1}),
    Case(
        "Einsum", "x v", {"x": [2, 3, 4], "v": [2, 4, 5]}, {}, 120, 0,
        {"equation": "bij,bjk->bik"},
    ),
    Case("Einsum", "x w", {"x": [2, 3, 4]}, {"w": [4, 5]}, 120, 30, {"equation": "...j,jk"}),
    Case("Einsum", "x v", {"x": [2, 3], "v": [4]}, {}, 0, 0, {"equation": "ij,k->ijk"}),  # outer
    Case("Einsum", "x", {"x": [4, 4]}, {}, 0, 0, {"equation": "ii->i"}),
    # from left to right: 2 x 3 x 4, then 2 x 4 x 5
    Case(
        "Einsum", "x v u", {"x": [2, 3], "v": [3, 4], "u": [4, 5]}, {}, 24 + 40, 0,
        {"equation": "ij,jk,kl->il"},
    ),
    Case(
        "RNN", "x w r", {"x": [5, 2, 3]}, {"w": [1, 4, 3], "r": [1, 4, 4]},
        5 * 2 * (12 + 16), 0, {"hidden_size": 4}, "", "y h",
    ),
    Case(
        "GRU", "x w r", {"x": [5, 2, 3]}, {"w": [2, 12, 3], "r": [2, 12, 4]},
        5 * 2 * 2 * 12 * 7, 0, {"hidden_size": 4, "direction": "bidirectional"},
    ),
    Case(
        "LSTM", "x w r", {"x": [2, 5, 3]}, {"w": [1, 16, 3], "r": [1, 16, 4]},
        2 * 5 * 16 * 7, 0, {"hidden_size": 4, "layout": 1},
    ),
    Case(
        "DynamicQuantizeLSTM", "x w r - - - - - s z s z", {"x": [5, 2, 3]},
        {"w:u8": [1, 3, 16], "r:u8": [1, 4, 16], "s": [1], "z:u8": [1]},
        5 * 2 * 16 * 7, 0, {"hidden_size": 4}, MICROSOFT,
    ),
    # heads x queries x keys x (width + width of the value)
    Case(
        "Attention", "q k v", {"q": [2, 4, 5, 8], "k": [2, 4, 7, 8], "v": [2, 4, 7, 6]}, {},
        2 * 4 * 5 * 7 * 14, 0,
    ),
    Case(
        "Attention", "q k v - p p", {
            "q": [2, 5, 32], "k": [2, 7, 16], "v": [2, 7, 16], "p": [2, 2, 3, 8],
        }, {}, 2 * 4 * 5 * 10 * 16, 0, {"q_num_heads": 4, "kv_num_heads": 2}, "", "y a c",
    ),
    # projections 6 x 12 x 36, then 6 x 6 positions x (12 + 12)
    Case(
        "Attention", "x w b", {"x": [2, 6, 12]}, {"w": [12, 36], "b": [36]},
        2 * (6 * 12 * 36 + 6 * 6 * 24), 0, {"num_heads": 3}, MICROSOFT,
    ),
    Case(
        "Attention", "x w b - p", {"x": [2, 6, 12], "p": [2, 2, 3, 5, 4]},
        {"w": [12, 36], "b": [36]},
        2 * (6 * 12 * 36 + 6 * 11 * 24), 0, {"num_heads": 3}, MICROSOFT, "y c",
    ),
    Case(
        "QAttention", "x w b s s - z z", {"x": ([2, 6, 12], UINT8)},
        {"w:u8": [12, 36], "b": [36], "s": [], "z:u8": []},
        2 * (6 * 12 * 36 + 6 * 6 * 24), 0, {"num_heads": 3}, MICROSOFT,
    ),
    Case(
        "MultiHeadAttention", "q k v", {"q": [2, 5, 12], "k": [2, 7, 12], "v": [2, 7, 18]}, {},
        2 * 5 * 7 * 30, 0, {"num_heads": 3}, MICROSOFT,
    ),
    Case(
        "MultiHeadAttention", "q", {"q": [2, 5, 3, 3, 4]}, {}, 2 * 3 * 5 * 5 * 8, 0,
        {"num_heads": 3}, MICROSOFT,
    ),
    Case(
        "MultiHeadAttention", "q k", {"q": [2, 5, 12], "k": [2, 7, 3, 2, 4]}, {},
        2 * 5 * 7 * 24, 0, {"num_heads": 3}, MICROSOFT,
    ),
    Case(
        "MultiHeadAttention", "q k v", {"q": [2, 5, 12], "k": [2, 3, 7, 4], "v": [2, 3, 7, 4]}, {},
        2 * 5 * 7 * 24, 0, {"num_heads": 3}, MICROSOFT,
    ),
    Case(
        "GroupQueryAttention", "q k v p p l t",
        {"q": [2, 5, 32], "k": [2, 5, 16], "v": [2, 5, 16], "p": [2, 2, 3, 8],
         "l": ([2], TensorProto.INT32), "t": ([], TensorProto.INT32)}, {},
        2 * 4 * 5 * 8 * 16, 0, {"num_heads": 4, "kv_num_heads": 2}, MICROSOFT, "y a c",
    ),
    Case(
        "GroupQueryAttention", "q - - - - l t",
        {"q": [2, 5, 64], "l": ([2], TensorProto.INT32), "t": ([], TensorProto.INT32)}, {},
        2 * 4 * 5 * 5 * 16, 0, {"num_heads": 4, "kv_num_heads": 2}, MICROSOFT,
    ),
    Case(
        "FusedMatMul", "x w", {"x": [2, 7, 5]}, {"w": [3, 7]}, 2 * 5 * 7 * 3, 2 * 5 * 3,
        {"transA": 1, "transB": 1}, MICROSOFT,
    ),
    # batches stand before the last axis: (7, 2, 5) is 2 matrices of 7 x 5
    Case(
        "FusedMatMul", "x v", {"x": [7, 2, 5], "v": [2, 5, 3]}, {}, 2 * 7 * 5 * 3, 0,
        {"transBatchA": 1}, MICROSOFT,
    ),
    Case(
        "FusedMatMul", "x v", {"x": [5, 2, 7], "v": [2, 5, 3]}, {}, 2 * 7 * 5 * 3, 0,
        {"transBatchA": 1, "transA": 1}, MICROSOFT,
    ),
    Case(
        "TransposeMatMul", "x w", {"x": [2, 7, 5]}, {"w": [3, 7]}, 2 * 5 * 7 * 3, 2 * 5 * 3,
        {"transA": 1, "transB": 1}, MICROSOFT,
    ),
    Case(
        "FusedMatMulActivation", "x w", {"x": [2, 5, 7]}, {"w": [7, 3]}, 2 * 5 * 7 * 3, 2 * 5 * 3,
        {"activation": "Relu"}, MICROSOFT,
    ),
    Case(
        "FusedGemm", "x w b", {"x": [5, 7]}, {"w": [7, 3], "b": [3]}, 105, 15,
        {"activation": "Relu"}, MICROSOFT,
    ),
    Case(
        "GemmFastGelu", "x w b", {"x": [2, 5, 7]}, {"w": [7, 3], "b": [3]}, 210, 30, {}, MICROSOFT
    ),
    Case(
        "QGemm", "x s z w s z", {"x": ([5, 7], UINT8)}, {"w:u8": [3, 7], "s": [], "z:u8": []},
        105, 15, {"transB": 1}, MICROSOFT,
    ),
    Case(
        "MatMulInteger16", "x w", {"x": ([5, 7], TensorProto.INT16)}, {"w": [7, 3]},
        105, 15, {}, MICROSOFT,
    ),
    Case(
        "MatMulIntegerToFloat", "x w s s", {"x": ([5, 7], UINT8)}, {"w:u8": [7, 3], "s": []},
        105, 15, {}, MICROSOFT,
    ),
    Case(
        "DynamicQuantizeMatMul", "x w s", {"x": [5, 7]}, {"w:u8": [7, 3], "s": []},
        105, 15, {}, MICROSOFT,
    ),
    Case(
        "MatMulNBits", "x w s", {"x": [2, 5, 32]}, {"w:u8": [3, 1, 16], "s": [3]},
        2 * 5 * 32 * 3, 30, {"K": 32, "N": 3, "bits": 4, "block_size": 32}, MICROSOFT,
    ),
    Case(
        "MatMulBnb4", "x w s", {"x": [2, 5, 32]}, {"w:u8": [48], "s": [2]},
        2 * 5 * 32 * 3, 30, {"K": 32, "N": 3, "block_size": 64, "quant_type": 1}, MICROSOFT,
    ),
    Case("AffineGrid", "x n", {"x": [2, 2, 3]}, {"n=": [2, 3, 4, 5]}, 2 * 4 * 5 * 2 * 3, 0),
    Case(
        "LinearRegressor", "x", {"x": [5, 4]}, {}, 5 * 4 * 2, 10,
        {"coefficients": [1.0] * 8, "targets": 2}, "ai.onnx.ml",
    ),
    Case(
        "LinearClassifier", "x", {"x": [5, 4]}, {}, 5 * 4 * 3, 15,
        {"coefficients": [1.0] * 12, "classlabels_ints": [0, 1, 2], "intercepts": [0.0] * 3},
        "ai.onnx.ml", "l y",
    ),
]  # fmt: skip
KINDS = {"u8": UINT8, "i32": TensorProto.INT32}


def stored(name: str, shape: Sequence[int]) -> TensorProto:
    name, _, kind = name.partition(":")
    if name.endswith("="):
        return numbers(name[:-1], shape)
    return weight(name, *shape, kind=KINDS.get(kind, TensorProto.FLOAT))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}-{case.names}")
def test_a_rule_is_outputs_times_the_length_of_the_dot_product(case: Case) -> None:
    made = node(case.kind, case.names, case.outputs, case.domain, **case.attributes)
    count = counted(
        graph([made], case.flowing, [stored(*each) for each in case.stored.items()], case.outputs)
    )
    assert (count.macs, count.activations) == (case.macs, case.activations)
    assert not count.uncounted
    assert count.device == "graph"  # the sizes of all outputs are known


def test_every_rule_has_a_case() -> None:
    elsewhere = {  # tests/counting/graph/test_node_cases.py has their cases, from ONNX itself
        "CausalConvWithState",
        "LinearAttention",
        "ai.onnx.preview::FlexAttention",
    }
    tried = {f"{case.domain}::{case.kind}".removeprefix("::") for case in CASES}
    assert tried | elsewhere == RULES.keys()


@pytest.mark.parametrize(("lengths", "steps"), [([5, 2], 7), ([5, 9], 10), ([0, 0], 0)])
def test_sequences_run_their_own_lengths(lengths: list[int], steps: int) -> None:
    """Longer than the input is as long as the input."""
    kept = [weight("w", 1, 4, 3), weight("r", 1, 4, 4), numbers("l", lengths, "int32")]
    made = node("RNN", "x w r - l", hidden_size=4)
    assert counted(graph([made], {"x": [5, 2, 3]}, kept)).macs == steps * (12 + 16)


def test_a_total_length_that_the_file_holds_is_what_counts() -> None:
    made = node(
        "GroupQueryAttention", "q k v p p l t", "y a c", MICROSOFT, num_heads=4, kv_num_heads=2
    )
    given = {"q": [1, 1, 32], "k": [1, 1, 16], "v": [1, 1, 16], "p": [1, 2, 64, 8]}
    kept = [numbers("l", [9], "int32"), numbers("t", 10, "int32")]
    assert counted(graph([made], given, kept)).macs == 4 * 1 * 10 * 16


def test_what_has_neither_rule_nor_place_is_named() -> None:
    made = [node("Det", "x", "d"), node("Own", "x", "y", "my.domain")]
    count = counted(graph(made, {"x": [3, 3]}, outputs="d y"))
    assert count.uncounted == ("Det", "my.domain::Own")


def test_the_types_of_the_factors_are_said() -> None:
    nodes = [
        node("MatMul", "x w", "a"),
        node("DynamicQuantizeMatMul", "x q s", "b", MICROSOFT),
        node("MatMulNBits", "x p s", "c", MICROSOFT, K=32, N=3, bits=4, block_size=32),
    ]
    kept = [
        weight("w", 32, 3),
        weight("q", 32, 3, kind=INT8),
        weight("p", 3, 1, 16, kind=UINT8),
        weight("s", 3),
    ]
    count = counted(graph(nodes, {"x": [5, 32]}, kept, "a b c"))
    assert {each.precision for each in count.operators} == {
        "float32", "uint8 x int8", "float32 x uint4",
    }  # fmt: skip
