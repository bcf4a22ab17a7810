"""The claims themselves: one that does not hold, and a run that fails, cannot be overlooked."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from tests.bench import timing
from tests.bench.timing.claims import Claim, opbench_run

bench = importlib.import_module("tests.bench.__main__")


@pytest.mark.parametrize(("holds", "fine"), [(True, True), (None, True), (False, False)])
def test_a_claim_that_does_not_hold_is_written_and_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, holds: bool | None, fine: bool
) -> None:
    claim = Claim(what="a", wanted="b", seen="c", holds=holds)
    parts = {"timing": lambda: timing.table([claim]), "speed": lambda: "nothing claimed\n"}
    monkeypatch.setattr(bench, "_PARTS", parts)
    monkeypatch.setattr(sys, "argv", ["bench"])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    assert bench.main() == fine
    assert "| a | b | c | " in (tmp_path / "results" / "timing.md").read_text()


@pytest.mark.slow
def test_a_run_that_fails_stops_the_bench() -> None:
    with pytest.raises(RuntimeError, match=r"opbench run no_such_network .*exit code 2"):
        opbench_run("no_such_network")
