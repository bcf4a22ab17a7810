"""Every shortcut says what the operator itself says on real tensors, or leaves it to torch."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map_only

from opbench.counting.meta.shapes import SHORTCUTS, result_of

aten = torch.ops.aten
LAST = torch.channels_last


def real(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.rand(shape, dtype=dtype)


def operator(name: str) -> Any:
    packet, _, overload = name.partition(".")
    return getattr(getattr(aten, packet), overload)


def shortcut(name: str, *args: Any, **kwargs: Any) -> Any:
    arguments = tree_map_only(Tensor, _on_meta, args)
    return result_of(SHORTCUTS[name], arguments, kwargs)


def _on_meta(tensor: Tensor) -> Tensor:
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")


def agrees(name: str, *args: Any, **kwargs: Any) -> bool:
    """Whether there is an answer; an answer has to be the operator's."""
    answer = shortcut(name, *args, **kwargs)
    if answer is None:
        return False
    with torch.inference_mode():
        expected = operator(name)(*args, **kwargs)
    for one, other in zip(tree_leaves(answer), tree_leaves(expected), strict=True):
        assert one.is_meta
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        assert layout(one) == layout(other)
    return True


def layout(tensor: Tensor) -> list[int]:
    """Strides of the axes along which there is more than one element."""
    return [s for s, n in zip(tensor.stride(), tensor.shape, strict=True) if n > 1]


UNARY = [name for name in SHORTCUTS if SHORTCUTS[name].__name__ in ("_same", "_in_place")]
SETTINGS = {
    "pow.Tensor_Scalar": (0.75,),
    "clamp.default": (0.0, 1.0),
    "clamp_.default": (0.0, 1.0),
}


@pytest.mark.parametrize("name", UNARY)
def test_elementwise_operators_keep_shape_type_and_layout(name: str) -> None:
    settings = SETTINGS.get(name, ())
    assert agrees(name, real(2, 3, 4, 4), *settings)
    assert agrees(name, real(2, 3, 4, 4).to(memory_format=LAST), *settings)
    assert agrees(name, real(5, dtype=torch.float64), *settings)
    if not name.split(".")[0].endswith("_"):
        assert agrees(name, real(2, 3, 4).transpose(1, 2), *settings)
        assert agrees(name, real(2, 9, 4)[:, ::2].transpose(0, 2), *settings)
        assert agrees(name, real(2, 1, 4).expand(2, 3, 4), *settings)


@pytest.mark.parametrize("name", UNARY)
def test_integers_are_left_to_torch(name: str) -> None:
    assert shortcut(name, torch.ones(3, dtype=torch.int64), *SETTINGS.get(name, ())) is None


BINARY = [f"{name}{suffix}.Tensor" for name in ("add", "sub", "mul", "div") for suffix in ("", "_")]


@pytest.mark.parametrize("name", BINARY)
def test_pairs_keep_or_broadcast(name: str) -> None:
    x = real(2, 3, 4, 4)
    assert agrees(name, x.clone(), real(2, 3, 4, 4))
    assert agrees(name, x.clone(), 2.0)
    assert agrees(name, x.clone(), 3)
    assert agrees(name, x.clone(), real(2, 3, 1, 1))
    assert agrees(name, x.clone(), real(3, 1, 1))
    assert agrees(name, x.clone(), real(4))
    assert agrees(name, x.to(memory_format=LAST), real(2, 3, 4, 4).to(memory_format=LAST))
    for odd in (x.double(), x.transpose(1, 2), x.to(memory_format=LAST)):
        agrees(name, odd, real(2, 3, 4, 4).transpose(2, 3))
    assert shortcut(name, x, real(2, 3, 4, 4, dtype=torch.float64)) is None
    assert shortcut(name, x, real(5)) is None


def test_the_larger_of_two_tensors_may_come_second() -> None:
    assert agrees("add.Tensor", real(4), real(3, 4))
    assert agrees("mul.Tensor", real(3, 1, 1), real(2, 3, 4, 4))
    assert agrees("add.Tensor", real(3, 1), real(1, 4))
    assert agrees("sub.Tensor", real(2, 1, 4, 1), real(3, 1, 5))
    assert agrees("maximum.default", real(1, 1, 4), real(5, 4))
    assert shortcut("add.Tensor", real(3, 2), real(3)) is None


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_concatenation(axis: int) -> None:
    assert agrees("cat.default", [real(2, 3, 4), real(2, 3, 4), real(2, 3, 4)], axis)
    shapes = [[2, 3, 4], [2, 3, 4]]
    shapes[1][axis] = 7
    assert agrees("cat.default", [real(*shape) for shape in shapes], axis)


@pytest.mark.parametrize(
    "args",
    [
        ([real(2, 3), real(2, 4)], 0),
        ([real(2, 3), real(2, 3)], 2),
        ([real(2, 3), real(2, 3, 1)], 0),
        ([real(2, 3), real(2, 3, dtype=torch.float64)], 0),
        ([], 0),
    ],
)
def test_odd_concatenations_are_left_to_torch(args: tuple[Any, ...]) -> None:
    assert shortcut("cat.default", *args) is None


@pytest.mark.parametrize("name", ["sum.dim_IntList", "mean.dim"])
def test_reductions(name: str) -> None:
    for axes in ([2], [2, 3], [-1], [0, 1, 2, 3], [1, -1]):
        assert agrees(name, real(2, 3, 4, 5), axes)
        assert agrees(name, real(2, 3, 4, 5), axes, True)
    assert shortcut(name, real(2, 3), [2]) is None
    assert shortcut(name, real(2, 3), [1, -1]) is None
    assert shortcut(name, real(2, 3), [1], dtype=torch.float64) is None


def test_scattering() -> None:
    index = torch.zeros(2, 3, dtype=torch.int64)
    assert agrees("scatter.src", real(2, 5), 1, index, real(2, 3))
    assert agrees("scatter.src", real(2, 5), -1, index, real(2, 4))
    assert shortcut("scatter.src", real(2, 5), 1, index, real(2, 2)) is None
    assert shortcut("scatter.src", real(1, 5), 1, index, real(2, 3)) is None
    assert shortcut("scatter.src", real(2, 5, 1), 1, index, real(2, 3)) is None
    assert shortcut("scatter.src", real(2, 5), 2, index, real(2, 3)) is None


def test_normalisation_and_softmax() -> None:
    x = real(2, 6, 4, 4)
    statistics = [real(6) for _ in range(4)]
    assert agrees("batch_norm.default", x, *statistics, False, 0.1, 1e-5, False)
    channels_last = x.to(memory_format=LAST)
    assert agrees("batch_norm.default", channels_last, *statistics, False, 0.1, 1e-5, False)
    assert agrees("batch_norm.default", real(5, 6), *statistics, False, 0.1, 1e-5, False)
    plain = [None, None, *statistics[2:]]
    assert agrees("batch_norm.default", x, *plain, False, 0.1, 1e-5, False)
    assert agrees("layer_norm.default", x, [4], real(4), real(4), 1e-5)
    assert agrees("layer_norm.default", x, [4, 4], None, None, 1e-5)
    assert agrees("group_norm.default", x, 3, real(6), real(6), 1e-5)
    assert agrees("rrelu.default", x, 0.1, 0.3)
    for axis in range(-4, 4):
        assert agrees("softmax.int", x, axis)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("batch_norm.default", (real(2, 5), *[real(6)] * 4, False, 0.1, 1e-5, False)),
        ("batch_norm.default", (real(2, 6), *[real(6)] * 4, True, 0.1, 1e-5, False)),
        ("batch_norm.default", (real(2, 6), None, None, None, None, False, 0.1, 1e-5, False)),
        ("layer_norm.default", (real(2, 6), [5], None, None)),
        ("layer_norm.default", (real(2, 6), [6], real(5), None)),
        ("group_norm.default", (real(2, 6, 4), 4)),
        ("softmax.int", (real(2, 6), 2)),
        ("softmax.int", (real(2, 6), 1, torch.float64)),
        ("prelu.default", (real(2, 6), real(5))),
    ],
)
def test_odd_normalisations_are_left_to_torch(name: str, args: tuple[Any, ...]) -> None:
    assert shortcut(name, *args) is None


def test_prelu() -> None:
    assert agrees("prelu.default", real(2, 6, 3), real(6))
    assert agrees("prelu.default", real(2, 6, 3), real(1))


@pytest.mark.parametrize("lead", [(), (2,), (2, 3), (2, 3, 4)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear(lead: tuple[int, ...], bias: bool) -> None:
    assert agrees("linear.default", real(*lead, 8), real(5, 8), real(5) if bias else None)


@pytest.mark.parametrize(
    "args",
    [
        (real(2, 7), real(5, 8)),
        (real(2, 8), real(5, 8), real(4)),
        (real(2, 8), real(8)),
        (real(2, 8), real(5, 8, dtype=torch.float64)),
    ],
)
def test_odd_linear_layers_are_left_to_torch(args: tuple[Any, ...]) -> None:
    assert shortcut("linear.default", *args) is None


@pytest.mark.parametrize(
    ("name", "left", "right"),
    [
        ("mm.default", (3, 4), (4, 5)),
        ("bmm.default", (2, 3, 4), (2, 4, 5)),
        ("matmul.default", (3, 4), (4, 5)),
        ("matmul.default", (2, 3, 4), (4, 5)),
        ("matmul.default", (2, 3, 4), (2, 4, 5)),
        ("matmul.default", (2, 6, 3, 4), (2, 6, 4, 5)),
    ],
)
def test_products(name: str, left: tuple[int, ...], right: tuple[int, ...]) -> None:
    assert agrees(name, real(*left), real(*right))
    turned = real(*right).transpose(-1, -2).contiguous().transpose(-1, -2)
    assert agrees(name, real(*left), turned)


@pytest.mark.parametrize(
    ("left", "right"),
    [((3, 4), (5, 4)), ((4,), (4, 5)), ((3, 4), (4,)), ((3, 4), (2, 4, 5)), ((1, 3, 4), (2, 4, 5))],
)
def test_other_products_are_left_to_torch(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    assert shortcut("matmul.default", real(*left), real(*right)) is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_grouped_products(dtype: torch.dtype) -> None:
    rows, weights = real(10, 8, dtype=dtype), real(3, 8, 16, dtype=dtype)
    ends = torch.tensor([3, 5, 10], dtype=torch.int32)
    assert agrees("_grouped_mm.default", rows, weights, ends)
    assert agrees("_grouped_mm.default", rows, real(3, 16, 8, dtype=dtype).transpose(1, 2), ends)
    assert shortcut("_grouped_mm.default", rows, real(3, 8, 3, dtype=dtype), ends) is None
    assert shortcut("_grouped_mm.default", rows, real(3, 16, 8, dtype=dtype), ends) is None
    assert shortcut("_grouped_mm.default", real(3, 4, 8, dtype=dtype), weights) is None


@pytest.mark.parametrize(("queries", "keys"), [(5, 5), (5, 7), (1, 7)])
def test_attention(queries: int, keys: int) -> None:
    query, key, value = real(2, 3, queries, 8), real(2, 3, keys, 8), real(2, 3, keys, 8)
    assert agrees("scaled_dot_product_attention.default", query, key, value)
    assert agrees("scaled_dot_product_attention.default", query, key, value, scale=0.5)
    heads_last = [real(2, 5, 3, 8).transpose(1, 2) for _ in range(3)]
    assert agrees("scaled_dot_product_attention.default", *heads_last)
    packed = real(2, 5, 3, 3, 8).permute(2, 0, 3, 1, 4).unbind(0)
    assert agrees("scaled_dot_product_attention.default", *packed)


def test_odd_attention_is_left_to_torch() -> None:
    x = real(2, 3, 5, 8)
    name = "scaled_dot_product_attention.default"
    assert shortcut(name, x, real(2, 3, 7, 8), real(2, 3, 7, 6)) is None
    assert shortcut(name, x, x, x, real(5, 5)) is None
    assert shortcut(name, x, real(2, 1, 5, 8), real(2, 1, 5, 8), enable_gqa=True) is None
    assert shortcut(name, x[0], x[0], x[0]) is None


STRIDES, PADDINGS, DILATIONS = (1, 2, 3), (0, 1, 2), (1, 2)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 2])
def test_convolutions(axes: int, groups: int) -> None:
    for kernel, extent in product((1, 2, 3), (5, 8)):
        x, weight = real(2, 4, *[extent] * axes), real(6, 4 // groups, *[kernel] * axes)
        settings: tuple[Any, ...]
        for stride, padding, dilation in product(STRIDES, PADDINGS, DILATIONS):
            settings = ([stride] * axes, [padding] * axes, [dilation] * axes, groups)
            assert agrees(f"conv{axes}d.default", x, weight, real(6), *settings)
        for named in ("same", "valid"):
            settings = ([1] * axes, named, [2] * axes, groups)
            assert agrees(f"conv{axes}d.padding", x, weight, None, *settings)


@pytest.mark.parametrize(
    ("axes", "overload"), [(1, "default"), (2, "input"), (3, "input")], ids=["1d", "2d", "3d"]
)
@pytest.mark.parametrize("groups", [1, 2])
def test_transposed_convolutions(axes: int, overload: str, groups: int) -> None:
    x = real(2, 4, *[4] * axes)
    for kernel, stride, padding, dilation in product((2, 3), STRIDES, (0, 1), DILATIONS):
        weight = real(4, 3, *[kernel] * axes)
        for extra in range(max(stride, dilation)):
            each = [[value] * axes for value in (stride, padding, extra)]
            settings = (None, *each, groups, [dilation] * axes)
            assert agrees(f"conv_transpose{axes}d.{overload}", x, weight, *settings)


def test_defaults_of_convolutions() -> None:
    assert agrees("conv2d.default", real(1, 3, 5, 5), real(4, 3, 3, 3))
    assert agrees("conv2d.default", real(1, 3, 5, 5), real(4, 3, 3, 3), real(4), [2], [1])
    assert agrees("conv_transpose2d.input", real(1, 3, 5, 5), real(3, 4, 3, 3))
    assert agrees("conv_transpose2d.input", real(1, 3, 5, 5), real(3, 4, 3, 3), real(4), [2])


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("conv2d.default", (real(1, 4, 5, 5), real(4, 3, 3, 3))),
        ("conv2d.default", (real(1, 3, 2, 2), real(4, 3, 3, 3))),
        ("conv2d.default", (real(3, 5, 5), real(4, 3, 3, 3))),
        ("conv2d.default", (real(1, 3, 5, 5), real(4, 3, 3, 3), real(5))),
        ("conv2d.default", (real(1, 3, 5, 5), real(4, 3, 3, 3), None, [0, 0])),
        ("conv2d.default", (real(1, 3, 5, 5), real(5, 1, 3, 3), None, [1], [0], [1], 3)),
        ("conv2d.default", (real(1, 3, 5, 5).to(memory_format=LAST), real(4, 3, 3, 3))),
        ("conv2d.padding", (real(1, 3, 5, 5), real(4, 3, 3, 3), None, [2, 2], "same")),
        ("conv_transpose2d.input", (real(1, 4, 5, 5), real(3, 4, 3, 3))),
        (
            "conv_transpose2d.input",
            (real(1, 3, 5, 5), real(3, 4, 3, 3), None, [1, 1], [0, 0], [1, 1]),
        ),
        ("conv_transpose2d.input", (real(1, 3, 1, 1), real(3, 4, 1, 1), None, [1], [1])),
    ],
)
def test_odd_convolutions_are_left_to_torch(name: str, args: tuple[Any, ...]) -> None:
    assert shortcut(name, *args) is None


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_max_pooling(axes: int) -> None:
    x = real(2, 3, *[9] * axes)
    for kernel, stride, dilation, ceil in product((2, 3), (1, 2, 3), (1, 2), (False, True)):
        for padding in range(kernel // 2 + 1):
            each = [[value] * axes for value in (kernel, stride, padding, dilation)]
            assert agrees(f"max_pool{axes}d.default", x, *each, ceil)
    assert agrees(f"max_pool{axes}d.default", x, [3] * axes)
    assert agrees(f"max_pool{axes}d.default", x, [2] * axes, [])


def test_max_pooling_that_remembers_where() -> None:
    assert agrees("max_pool2d_with_indices.default", real(2, 3, 9, 9), [3, 3], [2, 2], [1, 1])


@pytest.mark.parametrize("axes", [2, 3])
def test_mean_pooling(axes: int) -> None:
    for extent in (7, 8):
        x = real(2, 3, *[extent] * axes)
        for kernel, stride, ceil in product((2, 3), (1, 2, 3), (False, True)):
            for padding in range(kernel // 2 + 1):
                each = [[value] * axes for value in (kernel, stride, padding)]
                assert agrees(f"avg_pool{axes}d.default", x, *each, ceil, False)
        assert agrees(f"avg_pool{axes}d.default", x, [2] * axes)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_adaptive_pooling(axes: int) -> None:
    name = f"adaptive_avg_pool{axes}d.default"
    for size in (1, 3, 9):
        assert agrees(name, real(2, 3, *[7] * axes), [size] * axes)
    assert shortcut(name, real(2, 3, *[7] * axes), [0] * axes) is None


@pytest.mark.parametrize(
    "args",
    [
        (real(3, 9, 9), [2, 2]),
        (real(1, 3, 9, 9), [2, 2], [0, 0]),
        (real(1, 3, 9, 9), [2, 2], [2, 2], [2, 2]),
        (real(1, 3, 1, 1), [2, 2]),
        (real(1, 3, 9, 9), [2, 2, 2]),
    ],
)
def test_odd_poolings_are_left_to_torch(args: tuple[Any, ...]) -> None:
    assert shortcut("max_pool2d.default", *args) is None


def test_every_shortcut_is_of_an_operator() -> None:
    for name in SHORTCUTS:
        assert isinstance(operator(name), torch._ops.OpOverload)
