"""Branches and loops: bodies are counted as often as they run, or named."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from onnx import GraphProto, NodeProto, TensorProto, helper

from opbench.errors import CountError
from tests.counting.graph.build import (
    counted,
    graph,
    info,
    model,
    node,
    numbers,
    weight,
)

BOOL = TensorProto.BOOL
PRODUCT = 4 * 8 * 8  # (4, 8) times (8, 8)


def body(nodes: list[NodeProto], inputs: list[Any], outputs: str) -> GraphProto:
    made = [helper.make_empty_tensor_value_info(name) for name in outputs.split()]
    return helper.make_graph(nodes, "body", inputs, made)


def choice(condition: str, *, else_products: int) -> NodeProto:
    then = body([node("MatMul", "x w", "t")], [], "t")
    names = ["x", *(f"e{each}" for each in range(else_products))]
    nodes = [node("MatMul", f"{one} w", other) for one, other in pairwise(names)]
    nodes += [node("Relu", names[-1], "e")]
    return node("If", condition, then_branch=then, else_branch=body(nodes, [], "e"))


@pytest.mark.parametrize(("taken", "macs"), [(True, PRODUCT), (False, 3 * PRODUCT)])
def test_the_branch_that_a_constant_chooses_is_the_one_that_counts(taken: bool, macs: int) -> None:
    kept = [weight("w", 8, 8), numbers("c", taken, "bool")]
    count = counted(graph([choice("c", else_products=3)], {"x": [4, 8]}, kept))
    assert (count.macs, count.uncounted) == (macs, ())


def test_a_condition_on_a_shape_is_known() -> None:
    """``x.shape[0] > 3``"""
    nodes = [node("Shape", "x", "s"), node("Gather", "s i", "n"), node("Greater", "n three", "c")]
    kept = [weight("w", 8, 8), numbers("i", 0), numbers("three", 3)]
    made = graph([*nodes, choice("c", else_products=3)], {"x": ["n", 8]}, kept)
    assert counted(made, batch_size=4).macs == PRODUCT
    assert counted(made, batch_size=2).macs == 3 * PRODUCT // 2


@pytest.mark.parametrize(
    ("products", "macs", "named"), [(1, PRODUCT, ()), (2, 0, ("If",)), (0, 0, ("If",))]
)
def test_where_values_choose_both_branches_must_do_the_same_work(
    products: int, macs: int, named: tuple[str, ...]
) -> None:
    given: dict[str, Any] = {"x": [4, 8], "c": ([], BOOL)}
    count = counted(graph([choice("c", else_products=products)], given, [weight("w", 8, 8)]))
    assert (count.macs, count.uncounted) == (macs, named)


def repeated(extra: list[NodeProto], going_on: str = "going") -> GraphProto:
    """One turn: the state times the weights, and whether to go on."""
    inputs = [info("i", [], TensorProto.INT64), info("going", [], BOOL), info("state", None)]
    nodes = [node("MatMul", "state w", "next"), node("Identity", going_on, "still"), *extra]
    return body(nodes, inputs, "still next")


@pytest.mark.parametrize("turns", [0, 1, 5, 9, 12, 1_000_000])
def test_a_loop_counts_its_trip_count(turns: int) -> None:
    kept = [weight("w", 8, 8), numbers("n", turns), numbers("c", True, "bool")]
    made = graph([node("Loop", "n c x", body=repeated([]))], {"x": [4, 8]}, kept)
    count = counted(made)
    assert (count.macs, count.uncounted, count.device) == (turns * PRODUCT, (), "graph")


@pytest.mark.parametrize("stop", [1, 7, 30])
def test_a_loop_ends_when_its_condition_does(stop: int) -> None:
    """``i + 1 < stop`` is computed by the body, from the number of the turn."""
    after = [node("Add", "i one", "j"), node("Less", "j stop", "less")]
    turn = repeated(after)
    turn.node.sort(key=lambda each: each.output[0] in ("still", "next"))
    turn.node[-1].input[0] = "less" if turn.node[-1].op_type == "Identity" else "state"
    for each in turn.node:
        if each.op_type == "Identity":
            each.input[0] = "less"
    kept = [weight("w", 8, 8), numbers("one", 1), numbers("stop", stop), numbers("c", 1, "bool")]
    made = graph([node("Loop", "- c x", body=turn)], {"x": [4, 8]}, kept)
    assert counted(made).macs == stop * PRODUCT


def test_a_loop_whose_state_grows_counts_every_size() -> None:
    """Turn k concatenates once more: rows 4, 8, 12, …"""
    inputs = [info("i", [], TensorProto.INT64), info("going", [], BOOL), info("state", None)]
    turn = body(
        [
            node("MatMul", "state w", "made"),
            node("Concat", "state x", "next", axis=0),
            node("Identity", "going", "still"),
        ],
        inputs,
        "still next",
    )
    kept = [weight("w", 8, 8), numbers("n", 20), numbers("c", 1, "bool")]
    count = counted(graph([node("Loop", "n c x", body=turn)], {"x": [4, 8]}, kept))
    assert count.macs == PRODUCT * sum(range(1, 21))


@pytest.mark.parametrize("products", [True, False])
def test_a_loop_of_unknown_length_is_named_unless_it_has_no_products(products: bool) -> None:
    inputs = [info("i", [], TensorProto.INT64), info("going", [], BOOL), info("state", None)]
    kind = node("MatMul", "state w", "next") if products else node("Relu", "state", "next")
    turn = body([kind, node("Identity", "going", "still")], inputs, "still next")
    given: dict[str, Any] = {"x": [4, 8], "n": ([], TensorProto.INT64)}
    kept = [weight("w", 8, 8), numbers("c", 1, "bool")]
    count = counted(graph([node("Loop", "n c x", body=turn)], given, kept))
    assert (count.macs, count.uncounted) == (0, ("Loop",) if products else ())


def test_what_follows_a_loop_of_unknown_length_says_why_it_is_not_known() -> None:
    inputs = [info("i", [], TensorProto.INT64), info("going", [], BOOL)]
    nodes = [node("Identity", "going", "still"), node("Identity", "x", "row")]
    loop = node("Loop", "n c", "rows", body=body(nodes, inputs, "still row"))
    given: dict[str, Any] = {"x": [8], "n": ([], TensorProto.INT64)}
    made = graph(
        [loop, node("MatMul", "rows w", name="last")],
        given,
        [weight("w", 8, 8), numbers("c", 1, "bool")],
    )
    with pytest.raises(
        CountError, match=r"'last' \(MatMul\).*'(rows|y)' is not known.*turns of a loop"
    ):
        counted(made)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_scan_runs_once_for_each_slice(axis: int) -> None:
    shape = [6, 8] if axis == 0 else [8, 6]
    turn = body(
        [
            node("MatMul", "row w", "new"),
            node("Add", "state new", "next"),
            node("Identity", "next", "out"),
        ],
        [info("state", None), info("row", None)],
        "next out",
    )
    scan = node("Scan", "s x", "y ys", body=turn, num_scan_inputs=1, scan_input_axes=[axis])
    kept = [weight("w", 8, 8), weight("s", 8)]
    count = counted(graph([scan], {"x": shape}, kept, "y ys"))
    assert (count.macs, count.uncounted) == (6 * 64, ())


def test_functions_of_the_file_are_walked_with_their_attributes() -> None:
    """A function of a function; the inner one's attribute is the outer one's."""
    opsets = [helper.make_opsetid("", 23), helper.make_opsetid("own", 1)]
    product = node("Gemm", "a b", "c")
    product.attribute.add(name="transB", ref_attr_name="turned", type=2)
    inner = helper.make_function("own", "Inner", ["a", "b"], ["c"], [product], opsets, ["turned"])
    call = node("Inner", "a b", "c", "own")
    call.attribute.add(name="turned", ref_attr_name="flag", type=2)
    outer = helper.make_function("own", "Outer", ["a", "b"], ["c"], [call], opsets, ["flag"])
    nodes = [node("Outer", "x w", "h", "own", flag=1), node("Outer", "h v", "y", "own", flag=0)]
    made = graph(nodes, {"x": [5, 7]}, [weight("w", 3, 7), weight("v", 3, 2)])
    count = counted(model(made, functions=[inner, outer]))
    assert count.macs == 5 * 7 * 3 + 5 * 3 * 2
    assert count.params == 21 + 6


def test_a_function_that_calls_itself_is_a_sentence() -> None:
    opsets = [helper.make_opsetid("own", 1)]
    own = helper.make_function("own", "F", ["a"], ["b"], [node("F", "a", "b", "own")], opsets)
    with pytest.raises(CountError, match="calls itself"):
        counted(model(graph([node("F", "x", "y", "own")], {"x": [1]}), functions=[own]))


def test_an_operator_that_onnx_defines_by_others_is_walked() -> None:
    """``SequenceMap`` is a loop over a sequence of unknown length: named, where it multiplies."""
    turn = helper.make_graph(
        [node("MatMul", "e w", "f")], "f", [info("e", [4, 8])], [info("f", [4, 8])]
    )
    nodes = [node("SequenceConstruct", "x x", "s"), node("SequenceMap", "s", "y", body=turn)]
    assert counted(graph(nodes, {"x": [4, 8]}, [weight("w", 8, 8)])).uncounted == ("Loop",)


def test_shapes_are_computed_as_a_network_does() -> None:
    """``x.reshape(x.shape[0], -1) @ w`` with the shape taken apart and put together."""
    nodes = [
        node("Shape", "x", "s"),
        node("Gather", "s i", "n", axis=0),
        node("Unsqueeze", "n i0", "n1"),
        node("Concat", "n1 rest", "to", axis=0),
        node("Reshape", "x to", "flat"),
        node("MatMul", "flat w"),
    ]
    kept = [numbers("i", 0), numbers("i0", [0]), numbers("rest", [-1]), weight("w", 24, 10)]
    made = graph(nodes, {"x": ["batch", 2, 3, 4]}, kept)
    assert counted(made, batch_size=5).macs == 5 * 24 * 10


def test_dead_values_do_not_matter() -> None:
    kept = [numbers("n", np.arange(4)), weight("w", 8, 8)]
    made = graph([node("Add", "n n", "z"), node("MatMul", "x w")], {"x": [4, 8]}, kept)
    assert counted(made).macs == PRODUCT
