"""Sizes: what the file fixes, and what the request says of the axes that it leaves open."""

from __future__ import annotations

from typing import Any

import pytest

from opbench.errors import BadValueError
from opbench.inputs import TensorSpec
from opbench.spec import Shape
from tests.counting.graph.build import counted, graph, node, weight


def pooled(shape: list[Any]) -> Any:
    """A convolution, a mean over the image and a linear layer: any image fits."""
    nodes = [
        node("Conv", "x w", "c"),
        node("GlobalAveragePool", "c", "g"),
        node("Flatten", "g", "f"),
        node("Gemm", "f v"),
    ]
    return graph(nodes, {"x": shape}, [weight("w", 8, 3, 3, 3), weight("v", 8, 10)])


def described(*texts: str) -> tuple[TensorSpec, ...]:
    return tuple(map(TensorSpec.parse, texts))


def macs(batch: int, height: int, width: int) -> int:
    return batch * (8 * (height - 2) * (width - 2) * 27 + 80)


@pytest.mark.parametrize(
    ("shape", "request_", "expected"),
    [
        ([1, 3, 9, 9], {}, (1, 9, 9)),
        ([2, 3, 9, 9], {"batch_size": 2}, (2, 9, 9)),
        (["n", 3, 9, 9], {}, (1, 9, 9)),
        ([None, 3, 9, 9], {"batch_size": 4}, (4, 9, 9)),
        (["n", 3, "h", "w"], {"input_size": (3, 9, 12)}, (1, 9, 12)),
        ([None, None, None, None], {"input_size": (3, 9, 12), "batch_size": 3}, (3, 9, 12)),
        (None, {"inputs": described("x=2x3x5x7")}, (2, 5, 7)),
        (None, {"input_size": (3, 5, 7), "batch_size": 2}, (2, 5, 7)),
        (["n", 3, "h", "h"], {"inputs": described("x=2x3x7x7")}, (2, 7, 7)),
        (["n", 3, "h", "h"], {"inputs": described("2x3x7x7:float32")}, (2, 7, 7)),
        ([1, 3, 9, 9], {"input_size": (3, 9, 9)}, (1, 9, 9)),
    ],
)
def test_open_axes_take_what_is_asked_for(
    shape: Any, request_: dict[str, Any], expected: tuple[int, int, int]
) -> None:
    count = counted(pooled(shape), **request_)
    assert count.macs == macs(*expected)
    assert count.input_sizes == (Shape((3, *expected[1:])),)
    assert count.batch_size == expected[0]
    assert not count.own_inputs


def test_a_size_for_a_file_that_fixes_its_own_is_not_used_and_says_so() -> None:
    count = counted(pooled(["n", 3, 9, 9]), input_size=(3, 12, 12))
    assert count.own_inputs and count.macs == macs(1, 9, 9)


@pytest.mark.parametrize(
    ("shape", "request_", "said"),
    [
        ([1, 3, 9, 9], {"batch_size": 2}, "fixes a batch of 1: remove --batch-size"),
        ([1, 3, 9, 9], {"inputs": described("x=1x3x8x8")}, "of shape 1x3x9x9, not 1x3x8x8"),
        ([1, 3, 9, 9], {"inputs": described("z=1")}, "has no input 'z': its inputs are x"),
        ([1, 3, 9, 9], {"inputs": described("1x3x9x9", "1x2")}, "has 1 inputs, not 2"),
        ([1, 3, 9, 9], {"inputs": described("x=1x3x9x9:int64")}, "'x' as float32, not int64"),
        (["n", 3, "h", "w"], {}, r"open \(x = nx3xhxw\): add --input-size 3xNxN or --input 'x="),
        (["n", 3, "h", "w"], {"input_size": (1, 9, 9)}, "takes 'x' of shape nx3xhxw, not 1x1x9x9"),
        (["n", 3, "h", "h"], {"input_size": (3, 9, 8)}, "takes 'x' of shape nx3xhxh, not 1x3x9x8"),
        (None, {}, "x of any shape"),
    ],
)  # fmt: skip
def test_sizes_that_do_not_fit_or_are_missing_are_a_sentence(
    shape: Any, request_: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadValueError, match=said):
        counted(pooled(shape), **request_)


def test_the_same_name_is_the_same_extent_in_all_inputs() -> None:
    nodes = [node("Add", "a b", "c"), node("MatMul", "c w")]
    made = graph(nodes, {"a": ["n", "t", 8], "b": ["n", "t", 8]}, [weight("w", 8, 4)])
    count = counted(made, batch_size=2, inputs=described("a=2x5x8"))
    assert count.macs == 2 * 5 * 8 * 4
    assert count.input_sizes == (Shape((5, 8)), Shape((5, 8)))
    with pytest.raises(BadValueError, match="takes 'b' of shape nxtx8, not 3x5x8"):
        counted(made, inputs=described("a=2x5x8", "b=3x5x8"))


def test_what_the_file_states_of_a_foreign_operator_is_believed() -> None:
    nodes = [node("Own", "x", "z", "my.domain"), node("MatMul", "z w")]
    made = graph(nodes, {"x": ["n", 4]}, [weight("w", 8, 4)])
    made.value_info.add(name="z").type.CopyFrom(graph([], {"z": ["n", 8]}).input[0].type)
    count = counted(made, batch_size=3)
    assert (count.macs, count.uncounted) == (3 * 8 * 4, ("my.domain::Own",))
