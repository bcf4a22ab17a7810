"""ONNX files, run as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from opbench.record import Cell
from tests.counting.graph.build import graph, info, model, node, numbers
from tests.fixtures import Opbench

QUICK = ("--in-process", "--rounds", 3, "--max-seconds", 0.05)


def write(path: Path, *axes: int | str) -> None:
    nodes = [
        node("Conv", "x w", "c", name="/conv/Conv"),
        node("Relu", "c", "y", name="/relu/Relu"),
    ]
    values = np.random.default_rng(0).normal(size=(8, 3, 3, 3))
    drawn = graph(nodes, {"x": [*axes]}, [numbers("w", values, np.float32)])
    drawn.output[0].CopyFrom(info("y", None))
    path.write_bytes(model(drawn).SerializeToString())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(Path("open.onnx"), "n", 3, "h", "w")
    write(Path("batch.onnx"), "n", 3, 9, 9)
    write(Path("fixed.onnx"), 2, 3, 9, 9)
    return tmp_path


def planned(opbench: Opbench, *words: Any) -> list[Cell]:
    plan = opbench("run", *words, "--runtime", "onnxruntime", "--dry-run", "--in-process",
                   "--format", "json")  # fmt: skip
    assert plan.exit_code == 0, plan.stderr
    return [Cell.from_json(row) for row in json.loads(plan.stdout)]


def test_a_file_says_its_sizes_and_its_batch_where_it_fixes_them(
    opbench: Opbench, folder: Path
) -> None:
    fixed, batch = planned(opbench, "fixed.onnx", "batch.onnx")
    assert (str(fixed.input_size), fixed.batch_size) == ("3x9x9", 2)
    assert (str(batch.input_size), batch.batch_size) == ("3x9x9", 1)
    sizes = planned(opbench, "batch.onnx", "--batch-size", "1,4")
    assert [each.batch_size for each in sizes] == [1, 4]
    (opened,) = planned(opbench, "open.onnx", "--input-size", "3x7x7")
    assert str(opened.input_size) == "3x7x7"


def test_an_open_size_is_asked_for(opbench: Opbench, folder: Path) -> None:
    result = opbench("run", "open.onnx", "--runtime", "onnxruntime", "--in-process")
    assert result.exit_code == 2
    assert "leaves axes of its inputs open" in " ".join(result.stderr.split())


def test_a_file_is_run_in_the_runtimes_that_take_it(
    opbench: Opbench, folder: Path, quick_rounds: None
) -> None:
    result = opbench("run", "fixed.onnx", "--runtime", "eager,onnxruntime,openvino", *QUICK)
    assert result.exit_code == 1
    (path,) = Path("results/runs").iterdir()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    records = {each["runtime"]: each for each in lines if each["kind"] == "record"}
    assert records.keys() == {"onnxruntime", "openvino"}
    for record in records.values():
        # 2 images, 8 filters of 27 at 7 x 7 places.
        assert record["macs"] == 2 * 8 * 27 * 49
        assert (record["kernels"], record["traffic_bytes"]) == (1, 4 * 8 * 27)
        assert record["artefact_bytes"] == Path("fixed.onnx").stat().st_size
        assert record["output_error"] is None
        assert record["unchecked"] == "PyTorch does not run an ONNX file"
    (failed,) = (each for each in lines if each["kind"] == "failure")
    assert "which eager does not run: add --runtime onnxruntime" in failed["reason"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--dtype", "float16"), "stores the types of its tensors: remove --dtype"),
        (("--pass", "training"), "has no backward pass"),
    ],
)
def test_what_a_file_has_not_is_a_row(
    opbench: Opbench, folder: Path, words: tuple[str, ...], said: str, quick_rounds: None
) -> None:
    result = opbench("run", "fixed.onnx", "--runtime", "onnxruntime", *words, *QUICK)
    assert result.exit_code == 1
    assert said in " ".join(result.stdout.split())
