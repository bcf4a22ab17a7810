"""The types of the factors of an operator's products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.ao.quantization as quantization
from torch import Tensor, nn

from opbench.counting import count
from opbench.counting.rules.precision import precision
from opbench.record import Count
from tests.counting import quantised_tensor
from tests.counting.function_network import Runs

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

Arguments = tuple[Any, ...]


def counted(function: Callable[..., Any], *inputs: Any) -> Count:
    return count(Runs(function), inputs)


def sums(found: Count) -> dict[tuple[str, str], int]:
    return {both: each.macs for both, each in found.by_precision().items()}


PRODUCTS = {
    torch.float32: "float32",
    torch.bfloat16: "bfloat16",
    torch.float64: "float64",
    torch.complex64: "complex64",
    torch.int64: "int64",
}


@pytest.mark.parametrize(("dtype", "said"), PRODUCTS.items(), ids=PRODUCTS.values())
def test_a_product_of_equal_types_is_of_that_type(dtype: torch.dtype, said: str) -> None:
    left, right = torch.zeros(2, 3, dtype=dtype), torch.zeros(3, 4, dtype=dtype)
    assert sums(counted(torch.mm, left, right)) == {("mm", said): 2 * 3 * 4}


def test_integers_of_eight_bits() -> None:
    left, right = torch.zeros(32, 64, dtype=torch.int8), torch.zeros(64, 16, dtype=torch.int8)
    assert sums(counted(torch._int_mm, left, right)) == {("_int_mm", "int8"): 32 * 64 * 16}


def test_floats_of_eight_bits() -> None:
    left, right = (torch.zeros(n, 32).to(torch.float8_e4m3fn) for n in (16, 48))

    def product(left: Tensor, right: Tensor) -> Tensor:
        one = torch.ones(())
        return torch._scaled_mm(left, right.t(), one, one, out_dtype=torch.bfloat16)

    assert sums(counted(product, left, right)) == {("_scaled_mm", "float8_e4m3fn"): 16 * 32 * 48}


@pytest.mark.skipif(not hasattr(torch, "float4_e2m1fn_x2"), reason="since torch 2.8")
def test_floats_of_four_bits_are_two_in_an_element() -> None:
    pairs = torch.zeros(128, 64, dtype=torch.uint8).view(torch.float4_e2m1fn_x2)
    scales = torch.ones(128 * 128 // 16).to(torch.float8_e4m3fn)

    def product(left: Tensor, right: Tensor) -> Tensor:
        return torch._scaled_mm(left, right.t(), scales, scales, out_dtype=torch.bfloat16)

    found = sums(counted(product, pairs, pairs))
    assert found == {("_scaled_mm", "float4_e2m1fn"): 128 * 128 * 128}


def test_packed_weights_of_four_and_eight_bits_beside_bfloat16() -> None:
    x = torch.zeros(2, 128, dtype=torch.bfloat16)
    four = torch._convert_weight_to_int4pack_for_cpu(torch.ones(64, 128, dtype=torch.int32), 1)
    scales = torch.zeros(128 // 32, 64, 2, dtype=torch.bfloat16)
    eight, scale = torch.zeros(48, 128, dtype=torch.int8), torch.zeros(48, dtype=torch.bfloat16)

    def both(x: Tensor) -> Any:
        return (
            torch._weight_int4pack_mm_for_cpu(x, four, 32, scales),
            torch._weight_int8pack_mm(x, eight, scale),
        )

    assert sums(counted(both, x)) == {
        ("_weight_int4pack_mm_for_cpu", "bfloat16 x int4"): 2 * 128 * 64,
        ("_weight_int8pack_mm", "bfloat16 x int8"): 2 * 128 * 48,
    }


def test_a_weighted_bag_multiplies_rows_and_not_indices() -> None:
    def bag(indices: Tensor, table: Tensor, weights: Tensor) -> Tensor:
        return nn.functional.embedding_bag(indices, table, per_sample_weights=weights, mode="sum")

    found = counted(bag, torch.zeros(3, 4, dtype=torch.int64), torch.zeros(9, 8), torch.ones(3, 4))
    assert sums(found) == {("embedding_bag", "float32"): 3 * 4 * 8}


def test_one_operator_in_two_types_is_two_rows_and_one_sum() -> None:
    def twice(x: Tensor, weight: Tensor) -> Any:
        return x @ weight, x.bfloat16() @ weight.bfloat16()

    found = counted(twice, torch.zeros(2, 3), torch.zeros(3, 4))
    assert sums(found) == {("matmul", "float32"): 24, ("matmul", "bfloat16"): 24}
    assert found.by_operator()["matmul"].macs == 48
    assert {(row.precision, row.calls) for row in found.operators} == {
        ("float32", 1),
        ("bfloat16", 1),
    }


def _quantised(dtype: torch.dtype, engine: str) -> nn.Module:
    torch.backends.quantized.engine = engine
    network: Any = quantization.quantize_dynamic(
        nn.Sequential(nn.Linear(8, 6), nn.ReLU()), {nn.Linear}, dtype=dtype
    )
    return network


DYNAMIC = {torch.qint8: ("onednn", "uint8 x int8"), torch.float16: ("fbgemm", "float32 x float16")}


@pytest.mark.parametrize("dtype", DYNAMIC, ids=str)
def test_activations_quantised_inside_an_operator_are_what_it_multiplies(
    dtype: torch.dtype,
) -> None:
    engine, said = DYNAMIC[dtype]
    if engine not in torch.backends.quantized.supported_engines:
        pytest.skip(f"this torch has no {engine}")
    (row,) = (each for each in count(_quantised(dtype, engine), (8,)).operators if each.macs)
    assert (row.precision, row.macs) == (said, 8 * 6)


def test_statically_quantised_layers_multiply_eight_bits() -> None:
    torch.backends.quantized.engine = "onednn"
    network: Any = nn.Sequential(
        quantization.QuantStub(), nn.Conv2d(2, 4, 3), quantization.DeQuantStub()
    ).eval()
    network.qconfig = quantization.get_default_qconfig("onednn")
    prepared = quantization.prepare(network)
    prepared(torch.randn(1, 2, 5, 5))
    (row,) = (
        each for each in count(quantization.convert(prepared), (2, 5, 5)).operators if each.macs
    )
    assert (row.precision, row.macs) == ("uint8 x int8", 4 * 9 * (2 * 9))


@pytest.mark.parametrize(
    ("operator", "said"),
    [
        ("quantized::conv_transpose2d", "uint8 x int8"),
        ("quantized::matmul", "uint8"),
        ("bitsandbytes::gemv_4bit", "uint8 x 4-bit"),
        ("bitsandbytes::int8_scaled_mm", "int8"),
        ("quantized::quantized_gru_cell_dynamic", "uint8 x int8"),
        ("quantized::embedding_bag_4bit", "float32 x uint4"),
        ("quantized::linear_dynamic_fp16", "uint8 x float16"),
        ("_dyn_quant_matmul_4bit", "int8 x int4"),
    ],
)
def test_the_names_of_operators_with_packed_weights_say_their_types(
    operator: str, said: str
) -> None:
    assert precision(operator, (torch.quint8,)) == said


def test_an_operator_without_a_rule_has_no_precision() -> None:
    found = counted(torch.linalg.inv, torch.eye(3))
    assert [row.precision for row in found.operators] == [""]


class Stores(nn.Module):
    """Stores a weight, and makes the factor of a product of it and of the input."""

    def __init__(self, weight: Tensor, product: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.product = product

    def forward(self, x: Tensor) -> Tensor:
        weight: Any = self.weight
        return self.product(x, weight)


def of(weight: Tensor, product: Callable[[Tensor, Tensor], Tensor], x: Tensor) -> str:
    found = count(Stores(weight, product), (x,))
    (row,) = (each for each in found.operators if each.macs)
    return row.precision


X = torch.ones(2, 6)
INT8, UINT8 = torch.ones(5, 6, dtype=torch.int8), torch.ones(5, 3, dtype=torch.uint8)


def test_weights_of_eight_bits_converted_before_a_product_are_of_eight_bits() -> None:
    def product(x: Tensor, weight: Tensor) -> Tensor:
        return x @ (weight.to(x.dtype) * torch.ones(5, 1, dtype=x.dtype)).t()

    assert of(INT8, product, X.bfloat16()) == "bfloat16 x int8"
    assert of(INT8.to(torch.float8_e5m2), product, X) == "float32 x float8_e5m2"


def test_weights_unpacked_from_halves_of_bytes_are_of_four_bits() -> None:
    def product(x: Tensor, weight: Tensor) -> Tensor:
        unpacked = torch.stack((weight & 15, weight >> 4), -1).flatten(1)
        return nn.functional.linear(x, (unpacked - 8.0) * torch.ones(5, 1))

    assert of(UINT8, product, X) == "float32 x uint4"


def test_both_factors_of_a_quantised_graph_have_the_range_they_were_given() -> None:
    pytest.importorskip("torch.ao.quantization.fx._decomposed")
    to, back = (
        getattr(torch.ops.quantized_decomposed, f"{name}_per_tensor").default
        for name in ("quantize", "dequantize")
    )

    def product(x: Tensor, weight: Tensor) -> Tensor:
        x = back(to(x, 0.1, 3, 0, 255, torch.uint8), 0.1, 3, 0, 255, torch.uint8)
        return nn.functional.linear(x, back(weight, 0.1, 0, -8, 7, torch.int8))

    assert of(INT8, product, X) == "uint8 x int4"


def test_a_sum_of_narrow_numbers_and_numbers_that_are_not_stored_are_as_wide_as_they_are() -> None:
    def summed(x: Tensor, weight: Tensor) -> Tensor:
        return x @ (weight.float() + weight.float()).t()

    assert of(INT8, summed, X) == "float32"

    def image(x: Tensor, weight: Tensor) -> Tensor:
        return (x / 255) @ (weight.float()).t()

    assert of(INT8, image, X.to(torch.uint8)) == "float32 x int8"


def test_a_tensor_class_shows_the_types_of_its_parts() -> None:
    found = count(quantised_tensor.linear(6, 5), (6,))
    (row,) = (each for each in found.operators if each.macs)
    assert (row.precision, row.macs) == ("float32 x int8", 6 * 5)
