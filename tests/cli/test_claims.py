"""``opbench claims``."""

from __future__ import annotations

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


def test_every_row_has_every_key_and_a_verdict(rows, tmp_path) -> None:
    found = rows("claims", "--results", tmp_path)
    assert len(found) > 40
    for row in found:
        assert set(row) == KEYS
        assert row["verdict"] in VERDICTS
        assert bool(row["missing"]) == (row["verdict"] == "cannot tell")


def test_the_articles_arithmetic_is_there(rows, tmp_path) -> None:
    found = {row["key"]: row for row in rows("claims", "--results", tmp_path)}
    assert found["bottleneck-counts"]["found"] == "589,824 and 69,632 MACs"


def test_tables_say_the_convention_and_how_many_hold(opbench, tmp_path) -> None:
    done = opbench("claims", "--results", tmp_path)
    assert done.exit_code == 0
    assert "One MAC is one multiply-add" in done.stdout
    assert "cannot tell" in done.stdout


def test_a_folder_that_is_not_there_is_answered_with_what_makes_it(opbench, tmp_path) -> None:
    done = opbench("claims", "--results", tmp_path / "absent")
    assert done.exit_code == 2
    assert "opbench run" in done.stderr
