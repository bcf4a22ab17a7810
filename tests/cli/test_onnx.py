"""ONNX files on the command line: counted, shown, locked, checked, and run as they are."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from onnx import GraphProto

from opbench.errors import MissingExtraError
from opbench.registry.targets import count_target, resolve
from tests.counting.graph.build import graph, model, node, weight
from tests.fixtures import Opbench, Rows


def network(width: int = 10) -> GraphProto:
    nodes = [
        node("Conv", "x w", "c", name="/features/features.0/Conv"),
        node("Relu", "c", "r", name="/features/features.1/Relu"),
        node("GlobalAveragePool", "r", "g", name="/pool/GlobalAveragePool"),
        node("Flatten", "g", "f", name="/Flatten"),
        node("Gemm", "f v", name="/head/Gemm"),
    ]
    return graph(nodes, {"x": ["n", 3, "h", "w"]}, [weight("w", 8, 3, 3, 3), weight("v", 8, width)])


CONV = 8 * 7 * 9 * 27  # of an image of 9 x 11


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("net.onnx").write_bytes(model(network()).SerializeToString())
    return Path("net.onnx")


def test_count(file: Path, rows: Rows) -> None:
    (row,) = rows("count", str(file), "--input-size", "3x9x11", "--batch-size", "2")
    assert row["macs"] == 2 * (CONV + 80)
    assert row["params"] == 8 * 27 + 80
    assert row["activations"] == 2 * (8 * 63 + 10)
    assert (row["input_sizes"], row["batch_size"], row["uncounted"]) == (["3x9x11"], 2, [])
    assert row["device"] == "graph"


def test_inputs_of_any_name_are_described(rows: Rows, file: Path) -> None:
    nodes = [node("Relu", "gpu_0/data.1", "y")]
    file.write_bytes(model(graph(nodes, {"gpu_0/data.1": ["n", "m"]})).SerializeToString())
    (row,) = rows("count", str(file), "--input", "gpu_0/data.1=2x5:float32")
    assert (row["batch_size"], row["input_sizes"]) == (2, ["5"])


def test_by_module_and_by_operator(file: Path, rows: Rows) -> None:
    by_module = rows("count", str(file), "--input-size", "3x9x11", "--by", "module")
    macs = {row["module"]: row["macs"] for row in by_module}
    assert macs == {
        "(network)": CONV + 80, "features": CONV, "features.0": CONV, "features.1": 0,
        "pool": 0, "head": 80,
    }  # fmt: skip
    by_operator = rows("count", str(file), "--input-size", "3x9x11", "--by", "operator")
    assert {row["operator"]: row["macs"] for row in by_operator} == {"Conv": CONV, "Gemm": 80}


def test_files_and_networks_in_one_command(file: Path, rows: Rows) -> None:
    Path("other.onnx").write_bytes(model(network(width=20)).SerializeToString())
    found = rows("count", "*.onnx", "nin", "--input-size", "3x224x224")
    assert [row["name"] for row in found] == ["net.onnx", "other.onnx", "nin"]
    assert found[1]["macs"] - found[0]["macs"] == 80


def test_show_says_what_reads_it(file: Path, opbench: Opbench) -> None:
    shown = opbench("show", str(file), "--input-size", "3x9x11").stdout
    assert f"{CONV + 80:,}" in shown
    assert "fvcore reads no ONNX files" in shown
    assert "features.0" in shown


def test_the_lock_finds_what_changed(file: Path, opbench: Opbench) -> None:
    opbench("check", "--update", str(file), "--input-size", "3x9x11")
    locked = json.loads(Path("opbench.lock.json").read_text())["networks"]["net.onnx"]
    assert (locked["macs"], locked["input_size_from"]) == (CONV + 80, "--input-size")
    assert "onnx" in locked["versions"]
    assert opbench("check").exit_code == 0
    file.write_bytes(model(network(width=11)).SerializeToString())
    changed = opbench("check")
    assert changed.exit_code == 1
    report = changed.stdout
    assert "net.onnx" in report and "head" in report and f"{CONV + 88:,}" in report
    file.unlink()
    gone = opbench("check")
    assert gone.exit_code == 1 and "there is no file net.onnx" in gone.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("count", "net.onnx"), "leaves axes of its inputs open (x = nx3xhxw): add --input-size"),
        (("count", "met.onnx"), "there is no file met.onnx; did you mean net.onnx"),
        (("count", "net.onnx", "--dtype", "float16"), "stores the types of its tensors"),
        (("count", "net.onnx", "--pass", "training"), "has no backward pass"),
        (("count", "net.onnx:net"), "net.onnx:net is a graph: name the file alone, net.onnx"),
        (("compare", "net.onnx", "net.onnx"), "which eager does not run"),
        (("run", "net.onnx", "--in-process"), "which eager does not run: add --runtime"),
        (
            ("run", "net.onnx", "--input-size", "3x9x9", "--runtime", "compile", "--in-process"),
            "which compile does not run: add --runtime onnxruntime or --runtime openvino",
        ),
        (
            ("count", "net.onnx", "--convention", "fvcore", "--input-size", "3x9x9"),
            "of which PyTorch makes no network",
        ),
        (("count", "empty.onnx"), "empty.onnx holds no ONNX graph"),
    ],
)
def test_what_cannot_be_is_a_sentence(
    file: Path, opbench: Opbench, arguments: tuple[str, ...], said: str
) -> None:
    Path("empty.onnx").write_bytes(b"")
    result = opbench(*arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


def test_without_onnx_the_sentence_has_the_command(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [each for each in sys.modules if each.startswith("opbench.counting.graph")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnx", None)
    (target,) = resolve([str(file)])
    with pytest.raises(MissingExtraError, match=r"pip install 'opbench\[onnx\]'"):
        count_target(target)
