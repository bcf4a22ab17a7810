"""The JSON Schemas: fresh, and true of the files of this repository and of what tests write."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from opbench.accuracy.measured.lines import EVALUATION, EvaluationEnd
from opbench.registry import counts_csv
from opbench.runs.lines import RUN
from opbench.value import Value
from tests import builders, evaluations, made_up
from tests.fixtures import Rows
from tests.schemas import FOLDER, schemas, text

RESULTS = Path(__file__).parents[1] / "results"
RUNS = sorted([*RESULTS.glob("runs/*.jsonl"), *RESULTS.glob("zoo/runs/*.jsonl")])
LINE = Draft202012Validator(schemas()["run-line.json"])


@pytest.mark.parametrize("name", schemas())
def test_a_schema_is_valid_and_as_the_classes_say(name: str) -> None:
    schema = schemas()[name]
    Draft202012Validator.check_schema(schema)
    assert (FOLDER / name).read_text() == text(schema), "`make docs` writes the schemas anew"


def test_no_schema_is_left_over() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*schemas()}


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.stem)
def test_the_runs_of_this_repository_are_of_their_schema(path: Path) -> None:
    kinds = set()
    for raw in path.read_text().splitlines():
        line = json.loads(raw)
        for key in ("samples_s", "host_samples_s"):  # long, and all alike
            line[key] = line.get(key, [])[:3]
        LINE.validate(line)
        kinds.add(line["kind"])
    assert {"header", "round", "record", "ceilings", "end"} <= kinds


@pytest.mark.parametrize(
    "line",
    [
        builders.header(plan=(builders.cell(),)),
        builders.record(attained_flops_per_s=1.0, fraction_of_peak=0.5, bound_by="memory"),
        builders.record(output_error=0.0, runtime_versions="torch 2.13.0"),
        builders.failure(),
        builders.ceilings(),
        builders.round_line(builders.cell(), builders.round_()),
    ],
    ids=lambda line: type(line).__name__,
)
def test_a_line_is_of_its_schema_and_of_no_other_kind(line: Value) -> None:
    LINE.validate(RUN.line_json(line))
    assert not LINE.is_valid(RUN.line_json(line) | {"kind": "end"}) or "reason" in RUN.line_json(
        line
    )


def test_damage_is_not_of_the_schema() -> None:
    good = RUN.line_json(builders.record())
    damages: tuple[dict[str, Any], ...] = (
        {"batch_size": 0},
        {"samples_s": []},
        {"median_s": "1"},
        {"input_size": "3x"},
    )
    for damage in damages:
        assert not LINE.is_valid(good | damage), damage


def test_lines_of_an_evaluation_are_of_their_schema() -> None:
    schema = Draft202012Validator(schemas()["evaluation-line.json"])
    first = evaluations.header("a", 5)
    ended = EvaluationEnd(reason="finished", answered=4, unanswered=1)
    written = [first, *evaluations.lines(first, "1x0-1"), ended]
    rows = [EVALUATION.line_json(line) for line in written]
    assert {row["kind"] for row in rows} == {*EVALUATION.kinds}
    for row in rows:
        schema.validate(row)
    assert not schema.is_valid(rows[0] | {"weights_sha256": "1"})
    assert not schema.is_valid(rows[1] | {"top": [[]]})


def test_the_lock_of_this_repository_is_of_its_schema() -> None:
    path = Path(__file__).parents[1] / "results" / "opbench.lock.json"
    Draft202012Validator(schemas()["lock.json"]).validate(json.loads(path.read_text()))


def test_rows_of_list_have_the_keys_of_their_schema_and_no_others(
    rows: Rows, tmp_path: Path
) -> None:
    listed = _closed("list-row.json")
    own = replace(counts_csv.load()[0], name="mine.py:net")
    builders.write_run(tmp_path, made_up.record(own, 1))
    mine = tmp_path / "mine.csv"
    mine.write_text("name,top1\nmine.py:net,34\n")
    asked = rows("list", "--accuracies", mine, "--results", tmp_path)
    assert "mine.py:net" in {row["name"] for row in asked}
    for row in (*rows("list"), *asked, *rows("list", "torchvision:*", "timm:vit_*")):
        listed.validate(row)


def test_rows_of_count_have_the_keys_of_their_schema_and_no_others(rows: Rows) -> None:
    counted = _closed("count-row.json")
    for row in rows("count", "lenet5", "conv3x3_256"):
        counted.validate(row)
    assert not counted.is_valid({"name": "a"})
    assert counted.is_valid({"name": "a", "error": "ValueError: no"})


def _closed(name: str) -> Draft202012Validator:
    """Return the validator of a schema that allows no other keys than its own."""
    return Draft202012Validator(schemas()[name] | {"additionalProperties": False})
