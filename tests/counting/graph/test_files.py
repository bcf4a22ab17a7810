"""Files that are damaged, foreign, newer or hostile: a count or one sentence."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from opbench.counting.graph import GraphRequest, count_file
from opbench.errors import BadFileError, CountError, OpbenchError
from opbench.record import Count
from tests.counting.graph.build import counted, graph, info, model, node, numbers, weight


def whole() -> bytes:
    """A file with a branch, a loop, a function, stored tensors of many kinds and open axes."""
    opsets = [helper.make_opsetid("", 23)]
    function = helper.make_function("own", "F", ["a"], ["b"], [node("Relu", "a", "b")], opsets)
    empty = helper.make_empty_tensor_value_info
    branch = helper.make_graph([node("MatMul", "r w", "t")], "t", [], [empty("t")])
    turn = helper.make_graph(
        [node("Add", "s s", "next"), node("Identity", "g", "still")],
        "turn",
        [info("i", [], TensorProto.INT64), info("g", [], TensorProto.BOOL), info("s", None)],
        [empty("still"), empty("next")],
    )
    nodes = [
        node("Conv", "x k", "c"),
        node("Flatten", "c", "f"),
        node("Reshape", "f to", "r"),
        node("If", "yes", "u", then_branch=branch, else_branch=branch),
        node("Loop", "n yes u", "v", body=turn),
        node("F", "v", "y", "own"),
    ]
    kept = [
        weight("k", 2, 1, 3, 3), weight("w", 8, 5), numbers("to", [-1, 8]), numbers("n", 3),
        numbers("yes", True, "bool"),
    ]  # fmt: skip
    made = graph(nodes, {"x": ["batch", 1, 4, 4]}, kept)
    return model(made, functions=[function]).SerializeToString()


WHOLE = whole()


def tried(path: Path, data: bytes) -> Count | None:
    path.write_bytes(data)
    with suppress(OpbenchError):
        return count_file(path, GraphRequest(name="made.onnx"))
    return None


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged") / "made.onnx"


def test_the_whole_file_counts(path: Path) -> None:
    count = tried(path, WHOLE)
    assert count is not None and count.macs == 2 * 2 * 2 * 9 + 8 * 5


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=4
    ),
    st.integers(0, len(WHOLE)),
)
def test_changed_and_missing_bytes_are_a_count_or_a_sentence(
    path: Path, changes: list[tuple[int, int]], end: int
) -> None:
    data = bytearray(WHOLE)
    for place, value in changes:
        data[place] = value
    for damaged in (bytes(data), bytes(data[:end]), bytes(data[:end] + data[end + 1 :])):
        count = tried(path, damaged)
        assert count is None or count.macs >= 0


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_count_or_a_sentence(path: Path, data: bytes) -> None:
    tried(path, data)


@pytest.mark.parametrize("data", [b"", b"hello, world\n", b"\x80\x02}q\x00.", b"\x08\x0a"])
def test_a_file_of_another_kind_is_a_sentence(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with pytest.raises(BadFileError, match=r"made\.onnx (holds no|is not an) ONNX"):
        count_file(path, GraphRequest(name="made.onnx"))


def test_a_missing_file_and_a_folder_are_a_sentence(tmp_path: Path) -> None:
    for where in (tmp_path, tmp_path / "absent.onnx"):
        with pytest.raises(BadFileError, match="cannot be read"):
            count_file(where, GraphRequest(name="made.onnx"))


def test_newer_files_say_what_to_install() -> None:
    made = model(graph([node("Relu", "x")], {"x": [1]}), opset=onnx.defs.onnx_opset_version() + 1)
    with pytest.raises(BadFileError, match=r"uses opset \d+ and .* pip install --upgrade onnx"):
        counted(made)
    made = model(graph([node("Relu", "x")], {"x": [1]}))
    made.ir_version = onnx.IR_VERSION + 1
    with pytest.raises(BadFileError, match=r"uses IR version \d+ .* pip install --upgrade onnx"):
        counted(made)


def test_a_cycle_and_a_missing_name_are_a_sentence() -> None:
    cycle = [node("Add", "x b", "a"), node("Relu", "a", "b")]
    with pytest.raises(CountError, match=r"node 'a' \(Add\) reads 'b', which nothing before it"):
        counted(graph(cycle, {"x": [1]}, outputs="b"))
    with pytest.raises(CountError, match="the graph reads 'z'"):
        counted(graph([node("Relu", "x")], {"x": [1]}, outputs="z"))


def test_inputs_that_do_not_fit_are_a_sentence_with_the_node() -> None:
    made = graph([node("MatMul", "x w", name="last")], {"x": [2, 5]}, [weight("w", 4, 3)])
    with pytest.raises(CountError, match=r"made\.onnx: node 'last' \(MatMul\) cannot be counted"):
        counted(made)


def test_huge_extents_are_exact_or_a_sentence() -> None:
    wide = 2**40
    count = counted(graph([node("MatMul", "x w")], {"x": [wide, 4]}, [weight("w", 4, 3)]))
    assert count.macs == wide * 12
    nodes = [node("Expand", "one to", "e"), node("Relu", "e")]
    kept = [numbers("one", 1.0, "float32"), numbers("to", [2**20, 2**20, 2**20])]
    assert counted(graph(nodes, {"x": [1]}, kept)).macs == 0


def test_graphs_may_be_as_deep_as_a_file_can_have_them() -> None:
    empty = helper.make_empty_tensor_value_info("t")
    inner = helper.make_graph([node("MatMul", "x w", "t")], "g", [], [empty])
    for _ in range(28):  # a protobuf message has at most 100 levels, three for each graph
        inner = helper.make_graph([node("If", "c", "t", then_branch=inner)], "g", [], [empty])
    kept = [numbers("c", True, "bool"), weight("w", 4, 3)]
    assert counted(graph([node("If", "c", then_branch=inner)], {"x": [2, 4]}, kept)).macs == 24


def test_extents_that_a_broken_exporter_wrote_as_negative_are_open() -> None:
    made = graph([node("Relu", "x")], {"x": [-1, 3]})
    assert counted(made, batch_size=2).batch_size == 2
