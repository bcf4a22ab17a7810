"""``opbench claims``."""

from __future__ import annotations

from pathlib import Path

import pytest

from opbench.metrics import PER_MAC
from tests.fixtures import Opbench, Rows

KEYS = {
    "key",
    "statement",
    "source",
    "source_url",
    "test",
    "expected",
    "found",
    "verdict",
    "missing",
    "on",
}
VERDICTS = {"holds", "does not hold", "cannot tell"}


def test_every_row_has_every_key_and_a_verdict(rows: Rows, tmp_path: Path) -> None:
    found = rows("claims", "--results", tmp_path)
    assert len(found) > 40
    for row in found:
        assert set(row) == KEYS
        assert row["verdict"] in VERDICTS
        assert bool(row["missing"]) == (row["verdict"] == "cannot tell")


def test_the_articles_arithmetic_is_there(rows: Rows, tmp_path: Path) -> None:
    found = {row["key"]: row for row in rows("claims", "--results", tmp_path)}
    assert found["bottleneck-counts"]["found"] == "589,824 and 69,632 MACs"


def test_tables_say_the_convention_and_how_many_hold(opbench: Opbench, tmp_path: Path) -> None:
    done = opbench("claims", "--results", tmp_path)
    assert done.exit_code == 0
    assert PER_MAC in done.stdout
    assert "cannot tell" in done.stdout


def test_a_folder_that_is_not_there_is_answered_with_what_makes_it(
    opbench: Opbench, tmp_path: Path
) -> None:
    done = opbench("claims", "--results", tmp_path / "absent")
    assert done.exit_code == 2
    assert "opbench run" in done.stderr


def test_a_project_that_timed_nothing_has_claims(
    rows: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    verdicts = {row["verdict"] for row in rows("claims")}
    assert {"holds", "cannot tell"} <= verdicts


def test_people_are_told_how_each_is_tested(opbench: Opbench, tmp_path: Path) -> None:
    for format in ("table", "markdown"):
        printed = opbench("claims", "--results", tmp_path, "--format", format).stdout
        assert "how it is tested" in printed
        assert "ratio of the counts; almost 10 is from 9 to 10" in printed
        assert "missing: timed networks" in printed


def test_a_row_of_markdown_is_one_line_with_its_source(opbench: Opbench, tmp_path: Path) -> None:
    done = opbench("claims", "--results", tmp_path, "--format", "markdown")
    _, _, *rows = done.stdout.splitlines()
    assert all(row.count(" | ") == 4 and row.endswith(" |") for row in rows)
    assert all(row.count("<br>") == 2 for row in rows)


def test_a_damaged_line_is_named(opbench: Opbench, tmp_path: Path) -> None:
    path = tmp_path / "runs" / "1.jsonl"
    path.parent.mkdir()
    path.write_text('{"kind": "header", "format": 1}\n{"kind": "rec\n')
    done = opbench("claims", "--results", tmp_path)
    assert done.exit_code == 0
    assert f"{path}, line 2: not a complete JSON object" in done.stderr.replace("\n", "")


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("two-3x3", {"two-3x3"}),
        ("SqueezeNet", {"squeezenet-parameters", "squeezenet-accuracy", "fire"}),
        ("1605.07648", {"parallel-paths"}),
        ("larsson", {"parallel-paths"}),
        ("study-mini*", {"study-mini-batch", "study-mini-batch-rate"}),
        ("resnet1202", {"thousand-layers", "too-deep"}),
    ],
)
def test_globs_choose_by_key_network_and_source(
    rows: Rows, tmp_path: Path, glob: str, expected: set[str]
) -> None:
    found = {row["key"] for row in rows("claims", glob, "--results", tmp_path)}
    assert found == expected
    both = {row["key"] for row in rows("claims", glob, "1x7-7x1", "--results", tmp_path)}
    assert both > expected


def test_a_claim_that_is_not_there_offers_near_ones(opbench: Opbench, tmp_path: Path) -> None:
    done = opbench("claims", "vgg-costlist", "--results", tmp_path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "no claim is called 'vgg-costlist'; did you mean vgg-costliest" in done.stderr
