"""``opbench runs``: what a results folder holds, and deleting a part of it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from opbench.files import Appender
from opbench.live.lines import (
    COMPARISON,
    ComparedSide,
    ComparedSides,
    ComparisonHeader,
    SideFailure,
)
from opbench.runs.lines import End
from tests.builders import cell, failure, header, record, write_run
from tests.evaluations import write_evaluation
from tests.fixtures import Opbench, Rows
from tests.live.simulation import pair


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Four runs: finished, interrupted, unreadable and empty."""
    plan = (cell("a"), cell("b"), cell("c"))
    mended = (failure("b"), record("b"))
    write_run(
        tmp_path,
        *(record("a"), *mended, failure("c"), End(reason="finished")),
        first=header("1-done", plan=plan, started="2026-11-26T12:00:00Z"),
    )
    write_run(tmp_path, record("a"), first=header("2-half", plan=plan))
    (tmp_path / "runs" / "3-spoilt.jsonl").write_text("{}\n")
    (tmp_path / "runs" / "4-empty.jsonl").write_text("")
    return tmp_path


def test_each_run_has_its_state_and_size(rows: Rows, results: Path) -> None:
    listed = rows("runs", "--results", results)
    assert [(row["name"], row["state"]) for row in listed] == [
        ("1-done", "finished"),
        ("2-half", "interrupted"),
        ("3-spoilt", "unreadable"),
        ("4-empty", "empty"),
    ]
    done = listed[0]
    assert (done["cells"], done["records"], done["failures"]) == (3, 2, 1)
    assert (done["label"], done["started"]) == ("a and 2 more", "2026-11-26T12:00:00Z")
    assert [row["bytes"] for row in listed] == [
        (results / "runs" / f"{row['name']}.jsonl").stat().st_size for row in listed
    ]
    assert "not an object whose kind is one of" in listed[2]["problem"]


def test_a_run_that_is_being_written_is_running_and_stays(
    opbench: Opbench, rows: Rows, results: Path
) -> None:
    path = results / "runs" / "2-half.jsonl"
    with Appender(path):
        assert rows("runs", "--results", results)[1]["state"] == "running"
        refused = opbench("runs", "--results", results, "--delete", "2-half")
        assert refused.exit_code == 2
        assert f"{path} is being written by another process" in refused.stderr
    assert path.exists()
    assert rows("runs", "--results", results)[1]["state"] == "interrupted"


@pytest.mark.parametrize("name", ["1-done", "2-half", "3-spoilt", "4-empty"])
def test_one_run_is_deleted_and_the_others_stay(
    opbench: Opbench, rows: Rows, results: Path, name: str
) -> None:
    deleted = opbench("runs", "--results", results, "--delete", name)
    assert deleted.exit_code == 0
    assert f"deleted {results}/runs/{name}.jsonl" in deleted.stderr
    left = [row["name"] for row in rows("runs", "--results", results)]
    assert len(left) == 3
    assert name not in left


def test_nothing_outside_of_the_folder_is_deleted(
    opbench: Opbench, results: Path, tmp_path: Path
) -> None:
    other = tmp_path / "precious.jsonl"
    other.write_text("mine")
    for name in (str(other), "../precious", "../precious.jsonl", "unknown"):
        result = opbench("runs", "--results", results, "--delete", name)
        assert result.exit_code == 2, name
    assert other.read_text() == "mine"
    assert len(list((results / "runs").iterdir())) == 4


def test_a_label_that_the_header_has_is_shown(rows: Rows, tmp_path: Path) -> None:
    write_run(tmp_path, record("a"), first=header("before the change")).rename(
        tmp_path / "runs" / "x.jsonl"
    )
    assert rows("runs", "--results", tmp_path)[0]["label"] == "before the change"


def test_a_folder_without_runs_has_none(opbench: Opbench, tmp_path: Path) -> None:
    result = opbench("runs", "--results", tmp_path)
    assert result.exit_code == 0
    assert f"0 runs, 0 comparisons and 0 evaluations in {tmp_path}" in result.stderr
    missing = opbench("runs", "--results", tmp_path / "nowhere")
    assert missing.exit_code == 2
    assert "does not exist" in missing.stderr


def test_none_is_deleted_where_one_name_is_wrong(opbench: Opbench, results: Path) -> None:
    named = ("--delete", "1-done", "--delete", "nope")
    assert opbench("runs", "--results", results, *named).exit_code == 2
    assert (results / "runs" / "1-done.jsonl").exists()
    both = ("--delete", "1-done", "--delete", "2-half", "--delete", "2-half")
    assert opbench("runs", "--results", results, *both).exit_code == 0
    left = sorted(path.stem for path in (results / "runs").iterdir())
    assert left == ["3-spoilt", "4-empty"]


@pytest.fixture
def comparison(results: Path) -> Path:
    """A comparison beside the runs: of two pairs of targets, the second of which fails."""
    with Appender.create(results / "comparisons", "5-compared") as writer:
        sides = [
            ComparedSides(
                comparison=number,
                base=ComparedSide(cell=cell(base)),
                new=ComparedSide(cell=cell("b")),
                threshold=0.05,
            )
            for number, base in enumerate("ab", start=1)
        ]
        failed = SideFailure(comparison=2, side="new", reason="it is broken")
        timed = replace(pair([0.1] * 2, [0.1] * 2), comparison=1)
        started = ComparisonHeader(format=1, started="2026-11-26T13:00:00Z")
        for line in (started, sides[0], timed, sides[1], failed, End(reason="finished")):
            writer.append(COMPARISON.encode(line))
    return writer.path


def test_a_comparison_is_listed_and_deleted_as_a_run_is(
    opbench: Opbench, rows: Rows, results: Path, comparison: Path
) -> None:
    kinds = [row["kind"] for row in rows("runs", "--results", results)]
    assert kinds == ["run"] * 4 + ["comparison"]
    listed = rows("runs", "--results", results)[-1]
    assert (listed["name"], listed["state"]) == ("5-compared", "finished")
    assert listed["label"] == "b against a and 1 more"
    assert (listed["cells"], listed["records"], listed["failures"]) == (2, 1, 1)
    assert (listed["bytes"], listed["started"]) == (
        comparison.stat().st_size,
        "2026-11-26T13:00:00Z",
    )
    assert opbench("compare", listed["name"], "--results", results).exit_code == 1
    deleted = opbench("runs", "--results", results, "--delete", "5-compared")
    assert f"deleted {comparison}" in deleted.stderr
    assert len(rows("runs", "--results", results)) == 4


def test_runs_and_comparisons_stand_in_one_order(
    rows: Rows, results: Path, comparison: Path
) -> None:
    comparison.rename(comparison.with_name("1-later.jsonl"))
    names = [row["name"] for row in rows("runs", "--results", results)]
    assert names == ["1-done", "1-later", "2-half", "3-spoilt", "4-empty"]


def test_a_comparison_that_cannot_be_read_or_has_not_ended_says_so(
    rows: Rows, results: Path, comparison: Path
) -> None:
    comparison.write_bytes(b"".join(comparison.read_bytes().splitlines(keepends=True)[:-1]))
    (comparison.parent / "6-spoilt.jsonl").write_text("{}\n")
    (comparison.parent / "7-empty.jsonl").write_text("")
    states = [row["state"] for row in rows("runs", "--results", results)[4:]]
    assert states == ["interrupted", "unreadable", "empty"]


def test_evaluations_are_listed_with_their_images_and_deleted(
    opbench: Opbench, rows: Rows, results: Path
) -> None:
    whole = write_evaluation(results, "lenet5", "1101-", stem="5-whole")
    shard = write_evaluation(results, "lenet5", "11...", stem="6-shard", shard="1/2", end=None)
    (shard.parent / "7-spoilt.jsonl").write_text("{}\n")
    (shard.parent / "8-empty.jsonl").write_text("")
    listed = rows("runs", "--results", results)[4:]
    assert {row["kind"] for row in listed} == {"evaluation"}
    assert [row["state"] for row in listed] == ["finished", "interrupted", "unreadable", "empty"]
    keys = ("label", "cells", "records", "failures")
    assert [tuple(row[key] for key in keys) for row in listed[:2]] == [
        ("lenet5", 5, 4, 1),
        ("lenet5, shard 1/2", 5, 2, 0),
    ]
    assert (listed[0]["bytes"], listed[0]["started"]) == (
        whole.stat().st_size,
        "2026-11-27T12:00:00Z",
    )
    assert "4 runs, 0 comparisons and 4 evaluations" in opbench("runs", "--results", results).stderr
    deleted = opbench("runs", "--results", results, "--delete", "5-whole", "--delete", "7-spoilt")
    assert f"deleted {whole}" in deleted.stderr
    assert len(rows("runs", "--results", results)) == 6


def test_an_evaluation_that_is_being_written_is_running_and_stays(
    opbench: Opbench, rows: Rows, results: Path
) -> None:
    path = write_evaluation(results, "lenet5", "11..", end=None)
    with Appender(path):
        assert rows("runs", "--results", results)[-1]["state"] == "running"
        assert opbench("runs", "--results", results, "--delete", "lenet5").exit_code == 2
    assert path.exists()


def test_listing_imports_neither_torch_nor_pandas(results: Path) -> None:
    code = (
        "import sys; from opbench.cli import app\n"
        "try: app(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'pandas', 'numpy'} & sys.modules.keys()"
    )
    command = [sys.executable, "-c", code, "runs", "--results", str(results)]
    subprocess.run(command, check=True, capture_output=True)
