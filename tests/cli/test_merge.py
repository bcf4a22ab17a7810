"""``opbench merge``: what it prints, and what its folder says afterwards."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from opbench.accuracy.measured.store import read_evaluations
from opbench.record import Cell
from opbench.runs.lines import Header
from opbench.runs.parts import of_shard
from opbench.shards import Shard
from tests.builders import cell, header, record, write_run
from tests.evaluations import write_evaluation
from tests.fixtures import Opbench, Rows

PLAN = tuple(cell(name, batch_size=batch) for name in "abcd" for batch in (1, 4, 16))


def shard(part: int, host: str) -> Header:
    """A shard of three of the plan."""
    environment = {**header().environment, "host": host}
    return of_shard(header(f"shard-{part}", plan=PLAN, environment=environment), Shard(part, 3))


def write_shard(folder: Path, first: Header, measured: int = 99) -> Path:
    """Write a shard whose first cells were measured."""
    lines = [record(each.name, batch_size=each.batch_size) for each in first.plan[:measured]]
    return write_run(folder, *lines, first=first)


def test_shards_of_three_machines_are_one_plan(tmp_path: Path, rows: Rows) -> None:
    for part in (1, 2, 3):
        write_shard(tmp_path / str(part), shard(part, f"node{part}"))
    merged = rows("merge", *(tmp_path / part for part in "312"), "--results", tmp_path / "all")
    assert [(row["name"], row["host"], row["change"]) for row in merged] == [
        (f"shard-{part}", f"node{part}", "new") for part in (3, 1, 2)
    ]
    assert all(len(row["sha256"]) == 64 for row in merged)
    listed = rows("runs", "--results", tmp_path / "all")
    assert sum(row["records"] for row in listed) == len(PLAN)
    assert listed[0]["label"].endswith("shard 1/3")


def test_what_is_missing_is_named_with_what_measures_it(tmp_path: Path, opbench: Opbench) -> None:
    """Of twelve cells each shard has four: of the second two are missing, the third is lost."""
    write_shard(tmp_path / "one", shard(1, "here"))
    second = shard(2, "there")
    write_shard(tmp_path / "two", second, measured=2)
    result = opbench("merge", tmp_path / "one", tmp_path / "two", "--results", tmp_path / "all")
    assert result.exit_code == 0
    said = result.stderr.replace("\n", " ")
    missing: tuple[Cell, ...] = second.plan[2:]
    assert f"2 of 12 cells of shard-1 are missing: {missing[0]}, {missing[1]}: measure them" in said
    assert f"`opbench run --resume shard-2 --results {tmp_path}/all`" in said
    assert "4 of 12 cells are in shards that have no file, 3/3: start" in said


def test_a_dry_run_changes_nothing(tmp_path: Path, opbench: Opbench) -> None:
    write_shard(tmp_path / "one", shard(1, "here"))
    asked = ("merge", tmp_path / "one", "--results", tmp_path / "all", "--dry-run")
    result = opbench(*asked, "--format", "json")
    assert json.loads(result.stdout)[0]["change"] == "new"
    assert "1 file, 1 new" in result.stderr
    assert "nothing was changed" in result.stderr
    assert not (tmp_path / "all").exists()


def test_damage_is_named_and_the_rest_is_merged(tmp_path: Path, opbench: Opbench) -> None:
    path = write_shard(tmp_path / "one", shard(1, "here"))
    path.write_bytes(path.read_bytes() + b'{"kind":"rec')
    (path.parent / "spoilt.jsonl").write_text("{}\n")
    result = opbench("merge", tmp_path / "one", "--results", tmp_path / "all")
    assert result.exit_code == 1
    said = result.stderr.replace("\n", "")
    assert f"{path}, line 6: not a complete JSON object" in said
    assert "2 files, 1 new, 1 left out" in result.stderr
    assert "1 damaged line" in result.stdout
    assert "line 1: not an object whose kind is" in result.stdout
    merged = (tmp_path / "all" / "runs" / path.name).read_bytes()
    assert merged == path.read_bytes()


def test_an_evaluation_in_shards_has_each_image_once(tmp_path: Path, rows: Rows) -> None:
    """Two machines took the second shard, and the third took half of it before it was killed."""
    write_evaluation(tmp_path / "one", "a", "11....", stem="one", shard="1/2", group="shards")
    for folder, stem, right in (("two", "two", "..10-1"), ("three", "three", "..10-1"),
                                ("four", "four", "..1...")):  # fmt: skip
        write_evaluation(tmp_path / folder, "a", right, stem=stem, shard="2/2", group="shards",
                         started=f"2026-11-27T12:00:0{len(folder)}Z")  # fmt: skip
    folders = [tmp_path / each for each in ("four", "three", "two", "one")]
    merged = rows("merge", *folders, "--results", tmp_path / "all")
    changes = {row["name"]: row["change"] for row in merged}
    assert sorted(changes.values()) == ["left out", "left out", "new", "new"]
    assert {changes["one"], changes["four"]} == {"new", "left out"}
    assert {row["problem"] for row in merged if row["change"] == "left out"} == {
        "other files have the same answers to all of its images"
    }
    ((evaluation,), damages) = read_evaluations(tmp_path / "all")
    assert (evaluation.images, len(evaluation.failed), evaluation.missing) == (5, 1, 0)
    assert not evaluation.twice and not damages


def test_other_answers_to_the_same_images_are_kept(tmp_path: Path, opbench: Opbench) -> None:
    """Which of them is right nobody but the reader can say."""
    for stem, right in (("one", "11"), ("two", "10")):
        write_evaluation(tmp_path / stem, "a", right, stem=stem, shard="1/1", group="shards")
    result = opbench("merge", tmp_path / "one", tmp_path / "two", "--results", tmp_path / "all")
    assert "2 files, 2 new" in result.stderr
    assert "a: 2 images answered twice, in files whose answers differ" in result.stderr
    ((evaluation,), _) = read_evaluations(tmp_path / "all")
    assert len(evaluation.twice) == 2


def test_images_of_a_shard_that_is_not_there_are_missing(tmp_path: Path, opbench: Opbench) -> None:
    write_evaluation(tmp_path / "one", "a", "11...", shard="1/2", group="shards")
    result = opbench("merge", tmp_path / "one", "--results", tmp_path / "all")
    assert "a: 3 of 5 images are missing: merge the other shards" in result.stderr


def test_a_fill_of_another_machine_completes_a_run(tmp_path: Path, opbench: Opbench) -> None:
    first = header("run", plan=PLAN[:2])
    write_run(tmp_path / "one", record("a"), first=first)
    asked = ("merge", tmp_path / "one", "--results", tmp_path / "all")
    assert "1 of 2 cells of run are missing" in opbench(*asked).stderr.replace("\n", " ")
    filling = replace(first, run="fill", plan=PLAN[1:2], plan_id="run", planned=2)
    write_run(tmp_path / "two", record("a", batch_size=4), first=filling)
    result = opbench("merge", tmp_path / "two", "--results", tmp_path / "all")
    assert "missing" not in result.stderr


def test_a_name_is_quoted_in_the_command_that_is_advised(tmp_path: Path, opbench: Opbench) -> None:
    path = write_shard(tmp_path / "one", shard(1, "here"), measured=2)
    path.rename(path.with_name("a; echo b.jsonl"))
    result = opbench("merge", tmp_path / "one", "--results", tmp_path / "all")
    assert "`opbench run --resume 'a; echo b' --results" in result.stderr.replace("\n", " ")
