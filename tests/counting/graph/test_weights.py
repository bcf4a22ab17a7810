"""Which stored tensors are parameters, by what reads them, and the bytes of all."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper

from opbench.counting.graph.memory import Memory
from opbench.counting.graph.values import GraphValue, tensor
from opbench.errors import CountError
from tests.counting.graph.build import counted, graph, model, node, numbers, weight

FLOAT, INT8 = TensorProto.FLOAT, TensorProto.INT8


def test_statistics_scales_bounds_and_shapes_are_no_parameters() -> None:
    nodes = [
        node("Conv", "x w b", "c"),
        node("BatchNormalization", "c gain shift mean var", "n"),
        node("Clip", "n low high", "k"),
        node("Reshape", "k to", "r"),
        node("Mul", "r half", "y"),
    ]
    kept = [
        weight("w", 8, 3, 3, 3),
        *(weight(each, 8) for each in ("b", "gain", "shift", "mean", "var")),
        *(weight(each) for each in ("low", "high")),
        numbers("to", [1, -1]),
        numbers("half", 0.5, "float32"),
        weight("unread", 7),
    ]
    count = counted(graph(nodes, {"x": [1, 3, 5, 5]}, kept))
    assert count.params == 8 * 27 + 8 + 2 * 8
    assert count.weight_bytes == 4 * (8 * 27 + 8 + 4 * 8 + 2 + 1 + 7) + 2 * 8


def test_initial_states_and_single_numbers_are_no_parameters_but_a_single_slope_is() -> None:
    nodes = [
        node("LSTM", "x w r - - h c", "l", hidden_size=4),
        node("Mul", "l third", "m"),
        node("PRelu", "m slope", "y"),
    ]
    states = (weight("h", 1, 2, 4), weight("c", 1, 2, 4))
    kept = [weight("w", 1, 16, 3), weight("r", 1, 16, 4), *states, weight("third", 1)]
    count = counted(graph(nodes, {"x": [5, 2, 3]}, [*kept, weight("slope", 1)]))
    assert count.params == 16 * 7 + 1


def test_a_shared_weight_counts_once_and_belongs_to_both_modules() -> None:
    nodes = [
        node("MatMul", "x w", "h", name="/a/one/MatMul"),
        node("MatMul", "h w", name="/b/MatMul"),
    ]
    count = counted(graph(nodes, {"x": [2, 4]}, [weight("w", 4, 4)]))
    params = {each.name: each.params for each in count.modules}
    assert params == {"": 16, "a": 16, "a.one": 16, "b": 16}
    assert {each.name: each.macs for each in count.modules} == {
        "": 64,
        "a": 32,
        "a.one": 32,
        "b": 32,
    }


def test_a_weight_that_is_moved_and_converted_on_its_way_is_one() -> None:
    """Integers that are converted for a product; the shape of a reshape is not a weight."""
    nodes = [
        node("DequantizeLinear", "q s z", "w"),
        node("Transpose", "w", "t", perm=[1, 0]),
        node("Reshape", "t to", "r"),
        node("MatMul", "x r"),
    ]
    kept = [
        weight("q", 6, 4, kind=INT8),
        weight("s", 6),
        weight("z", 6, kind=INT8),
        numbers("to", [4, 6]),
    ]
    made = graph(nodes, {"x": [2, 4]}, kept)
    count = counted(made)
    assert (count.params, count.activations) == (24, 12)
    assert count.weight_bytes == 24 + 4 * 6 + 6 + 16


def test_packed_weights_take_half_a_byte() -> None:
    nodes = [node("DequantizeLinear", "q s", "w"), node("MatMul", "x w")]
    kept = [weight("q", 5, 5, kind=TensorProto.INT4), weight("s")]
    count = counted(graph(nodes, {"x": [2, 5]}, kept))
    assert (count.params, count.weight_bytes) == (25, 13 + 4)


def test_constants_are_parameters_where_a_layer_reads_them() -> None:
    """A weight in a node, a bias that is a spread number, a table that is added."""
    tensors = {
        "w": helper.make_tensor("w", FLOAT, (4, 4), np.zeros(16)),
        "zero": helper.make_tensor("z", FLOAT, (), [0.0]),
        "table": helper.make_tensor("t", FLOAT, (2, 4), np.zeros(8)),
    }
    nodes = [node("Constant", "", name, value=each) for name, each in tensors.items()]
    nodes += [node("Expand", "zero four", "b"), node("Gemm", "x w b", "g"), node("Add", "g table")]
    count = counted(graph(nodes, {"x": [2, 4]}, [numbers("four", [4])]))
    assert (count.params, count.weight_bytes) == (16, 4 * 16 + 8)


def test_a_subgraph_and_a_function_store_what_they_hold() -> None:
    body = helper.make_graph(
        [node("MatMul", "x w", "t")],
        "b",
        [],
        [helper.make_empty_tensor_value_info("t")],
        [weight("w", 4, 3)],
    )
    choice = node("If", "c", then_branch=body, else_branch=body)
    count = counted(graph([choice], {"x": [2, 4], "c": ([], TensorProto.BOOL)}))
    assert (count.params, count.macs) == (24, 24)  # the file stores both


def test_the_peak_is_that_of_the_order_of_the_file() -> None:
    """x lives to the end; a is read last by the second sum, whose result is made beside it."""
    nodes = [
        node("Relu", "x", "a"),
        node("Concat", "a a", "b", axis=0),
        node("Concat", "b a", "y", axis=0),
    ]
    one = 4 * 10
    count = counted(graph(nodes, {"x": [10]}))
    assert count.peak_activation_bytes == (1 + 1 + 2 + 3) * one


def test_views_and_constants_take_no_memory_and_what_is_read_is_freed() -> None:
    nodes = [
        node("Relu", "x", "a"),
        node("Flatten", "a", "b"),
        node("Add", "b k", "c"),
        node("Relu", "c", "d"),
        node("Relu", "d", "y"),
    ]
    count = counted(graph(nodes, {"x": [2, 10]}, [weight("k", 10)]))
    # x, and two of the others at a time
    assert count.peak_activation_bytes == 4 * (20 + 20 + 20)


def test_a_body_holds_what_it_makes_only_while_it_runs() -> None:
    body = helper.make_graph(
        [node("Concat", "x x x", "u", axis=0), node("ReduceSum", "u", "t", keepdims=0)],
        "b", [], [helper.make_empty_tensor_value_info("t")],
    )  # fmt: skip
    nodes = [node("If", "c", "s", then_branch=body, else_branch=body), node("Add", "x s")]
    made = graph(nodes, {"x": [100]}, [numbers("c", True, "bool")])
    assert counted(model(made)).peak_activation_bytes == 4 * (100 + 300 + 1)


def test_names_of_one_memory_keep_it_alive() -> None:
    memory = Memory()
    value = GraphValue(tensor(FLOAT, (3,)), buffer=memory.new_buffer())
    for _ in range(2):
        memory.hold(value)
    memory.release(value)
    memory.hold(GraphValue(tensor(FLOAT, (5,)), buffer=memory.new_buffer()))
    assert memory.peak == 4 * (3 + 5)
    memory.release(value)
    memory.hold(GraphValue(tensor(FLOAT, (4,)), buffer=memory.new_buffer()))
    assert memory.peak == 4 * (5 + 4)


def test_a_size_that_depends_on_values_is_missing_from_the_peak_and_said() -> None:
    """The products beside it are exact; those of it are a sentence."""
    beside = [node("MatMul", "x w"), node("NonZero", "x", "places")]
    count = counted(graph(beside, {"x": [4, 8]}, [weight("w", 8, 3)], "y places"))
    assert (count.macs, count.device) == (96, "graph, 1 size unknown")
    after = [
        node("NonZero", "x", "p"),
        node("Cast", "p", "f", to=FLOAT),
        node("MatMul", "v f", name="last"),
    ]
    with pytest.raises(CountError, match=r"'last' .*'y' is not known: .* values \(NonZero 'p'\)"):
        counted(graph(after, {"x": [4, 8], "v": [5, 2]}))
