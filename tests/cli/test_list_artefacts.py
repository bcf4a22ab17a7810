"""``list --runtime`` and ``show``: which network, in which runtime, and what accuracy it keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from opbench.accuracy.interval import TEST_IMAGES
from opbench.cli.show_artefacts import render_artefacts
from opbench.record import Artefact
from opbench.registry import counts_csv
from tests.builders import record_of, write_run
from tests.evaluations import write_evaluation
from tests.fixtures import Opbench, Rows
from tests.measured_board import answers, protocol
from tests.schemas import schemas

NET = "lenet5"
IMAGES = 100
# Milliseconds, and right answers of a hundred; None where it was not evaluated.
TIMED: dict[tuple[str, str], tuple[float, int | None]] = {
    ("lenet5", "eager"): (8.0, 80),
    ("lenet5", "openvino"): (2.0, 78),
    ("lenet5", "onnxruntime"): (4.0, None),
    ("ciresan_mlp", "eager"): (20.0, 90),
    ("ciresan_mlp", "openvino"): (9.0, 89),
}


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two networks in three runtimes, on a test set of a hundred images."""
    monkeypatch.setitem(TEST_IMAGES, "fashion_mnist", IMAGES)
    known = {row.name: row for row in counts_csv.load()}
    records = []
    for (name, runtime), (milliseconds, right) in TIMED.items():
        made: dict[str, Any] = {
            "artefact": f"{name} {runtime}",
            "weights_sha256": name,
            "output_error": 1e-6,
        }
        seconds = milliseconds / 1000
        times = {"samples_s": (seconds,) * 4, "samples_per_round": (2, 2)}
        records.append(record_of(known[name], 1, seconds, runtime=runtime, **made, **times))
        if right is not None:
            artefact = Artefact(precision="float32", **made)
            how: dict[str, Any] = {
                "runtime": runtime,
                "artefact": artefact,
                "dataset": "fashion_mnist",
                "preprocessing": protocol(known[name].input_size),
            }
            write_evaluation(
                tmp_path, name, answers(right, IMAGES), stem=f"{name}-{runtime}", **how
            )
    broken = {"artefact": "b", "output_error": 0.5, "output_limit": 1e-4, "runtime": "aot"}
    write_run(tmp_path, *records, record_of(known[NET], 1, 0.0001, **broken))
    return tmp_path


def test_the_engineer_gets_one_row_of_one_artefact(rows: Rows, results: Path) -> None:
    asked = ("--max-latency", "10ms", "--runtime", "all", "--best", 1, "--results", results)
    (row,) = rows("list", *asked)
    assert (row["name"], row["runtime"], row["precision"]) == ("ciresan_mlp", "openvino", "float32")
    assert (row["latency_s"], row["top1"]) == (0.009, 89.0)
    assert row["top1_low"] < 89 < row["top1_high"]
    assert row["times_faster"] == pytest.approx(20 / 9)
    assert row["top1_lost"] == pytest.approx(1.0)
    assert row["top1_lost_low"] < 1 < row["top1_lost_high"]
    assert row["artefact"] == "ciresan_mlp openvino"
    assert row["evaluation"] == "ciresan_mlp-openvino"
    # The one that was timed, not what the literature has of it on MNIST.
    assert row["dataset"] == "fashion_mnist"
    assert row["top1_source"] == "measured here, evaluation ciresan_mlp-openvino"


def test_rows_are_of_the_schema(rows: Rows, results: Path) -> None:
    listed = Draft202012Validator(schemas()["list-row.json"] | {"additionalProperties": False})
    for row in rows("list", "--runtime", "all", "--results", results):
        listed.validate(row)


def test_a_row_for_each_artefact_the_most_accurate_first(rows: Rows, results: Path) -> None:
    listed = rows("list", "--runtime", "all", "--results", results)
    assert [(row["name"], row["runtime"]) for row in listed] == [
        ("ciresan_mlp", "eager"),
        ("ciresan_mlp", "openvino"),
        ("lenet5", "eager"),
        ("lenet5", "openvino"),
        ("lenet5", "onnxruntime"),  # whose accuracy was not measured
    ]
    assert listed[-1]["top1"] is None and listed[-1]["top1_source"] is None


@pytest.mark.parametrize(
    ("options", "left"),
    [
        (("--runtime", "eager"), {"lenet5 eager", "ciresan_mlp eager"}),
        (("lenet5", "--runtime", "eager,openvino"), {"lenet5 eager", "lenet5 openvino"}),
        (("--runtime", "all", "--max-latency", "3ms"), {"lenet5 openvino"}),
        (
            ("--runtime", "all", "--max-params", "1M", "--best", 9),
            {"lenet5 eager", "lenet5 openvino"},
        ),
        (
            ("--runtime", "all", "--frontier"),
            {"lenet5 openvino", "lenet5 eager", "ciresan_mlp openvino", "ciresan_mlp eager"},
        ),
    ],
)
def test_limits_choose_artefacts(
    rows: Rows, results: Path, options: tuple[object, ...], left: set[str]
) -> None:
    listed = rows("list", *options, "--results", results)
    assert {row["artefact"] for row in listed} == left


def test_what_was_not_evaluated_or_differs_is_said(opbench: Opbench, results: Path) -> None:
    result = opbench("list", "--runtime", "all", "--best", 9, "--results", results)
    assert "1 artefact left out of the ranking: not evaluated on Fashion-MNIST" in result.stderr
    assert "lenet5 in aot not shown: the outputs differ" in result.stderr
    assert "aot" not in result.stdout


def test_where_nothing_was_timed_the_commands_are_named(opbench: Opbench, tmp_path: Path) -> None:
    result = opbench("list", "lenet5", "--runtime", "openvino", "--results", tmp_path)
    assert result.exit_code == 2
    assert "opbench run lenet5 --weights FILE --runtime openvino" in result.stderr
    result = opbench("list", "--runtime", "openvinno", "--results", tmp_path)
    assert result.exit_code == 2 and "did you mean openvino" in result.stderr
    result = opbench("list", "--runtime", "all", "--near", "lenet5", "--results", tmp_path)
    assert result.exit_code == 2 and "remove --near" in result.stderr


def test_show_lists_a_networks_artefacts_side_by_side(results: Path) -> None:
    table = render_artefacts(NET, results).partition("Artefacts: time won and accuracy lost")[2]
    lines = [line.split() for line in table.splitlines()[2:5]]
    assert [line[line[0] == "*"] for line in lines] == ["openvino", "onnxruntime", "eager"]
    assert [line[0] for line in lines] == ["*", "onnxruntime", "*"]
    assert "4.00" in lines[0] and "2.00" in lines[1]
    assert "aot, float32: its outputs differ" in " ".join(table.split())
