"""Each part runs to its end with the processor in the GPU's place; a part that crashes, hangs or
raises is a line, and the next one begins."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from opbench.cli import app
from opbench.errors import BadValueError
from opbench.processes import calls
from tests.gpu import command, process, report
from tests.gpu.bed import Bed
from tests.gpu.child import findings
from tests.gpu.command import Said
from tests.gpu.outcome import STARTED, Finding, Line, append, failed, line_of, no_time, read
from tests.gpu.part import CARD, PARTS, Part, chosen

# What a part yields at least in a dry run; others yield one.
_SEVERAL = {"hidden": 3, "state": 2, "worker": 2, "energy": 3, "ceilings": 4, "truth": 4}
# They start processes that import torch, or a profiler.
_SLOW = {
    "worker",
    "tests",
    "run",
    "roofline",
    "sweep",
    "capture",
    "hidden",
    "ceilings",
    "truth",
    "live",
}


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let parts use the command line, and runs be taken, in this process."""

    def opbench(*args: str, seconds: float) -> Said:
        runs = args[0] == "run"
        with monkeypatch.context() as patched:
            patched.setattr(calls, "FORKS", not runs)
            result = CliRunner().invoke(app, [*args, *["--in-process"] * runs])
        return Said(code=result.exit_code, out=result.stdout, err=result.stderr, seconds=1.0)

    monkeypatch.setattr(command, "opbench", opbench)


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(part, marks=[pytest.mark.slow] if part.name in _SLOW else [])
        for part in (CARD, *PARTS)
    ],
    ids=lambda part: part.name,
)
@pytest.mark.usefixtures("in_process")
def test_a_part_runs_to_its_end_on_the_processor(part: Part, tmp_path: Path) -> None:
    findings(part.name, part.call, Bed(folder=tmp_path, seconds=60, dry=True))
    lines = read(tmp_path)
    assert [line.verdict for line in lines if line.verdict.startswith("failed")] == []
    assert len(lines) >= _SEVERAL.get(part.name, 1)


def good(bed: Bed) -> Iterator[Finding]:
    yield Finding(what="a", expected="b", seen="c | d", holds=True, numbers={"x": float("nan")})


def raises(bed: Bed) -> Iterator[Finding]:
    yield from good(bed)
    raise RuntimeError("CUDA error: an illegal memory access was encountered\nmore")


def hangs(bed: Bed) -> Iterator[Finding]:
    yield from good(bed)
    time.sleep(600)


def crashes(bed: Bed) -> Iterator[Finding]:
    yield from good(bed)
    os._exit(7)


def _part(call: Callable[[Bed], Iterator[Finding]]) -> Part:
    return Part("checks", call.__name__, f"tests.gpu.test_gpu:{call.__name__}", 60)


def test_what_is_raised_is_a_line_beside_what_was_found(tmp_path: Path) -> None:
    findings("p", _part(raises).call, Bed(folder=tmp_path, seconds=9, dry=True))
    kept = [line.verdict for line in read(tmp_path)]
    assert kept == [
        "confirmed",
        "failed: RuntimeError: CUDA error: an illegal memory access was encountered",
    ]


@pytest.mark.slow
def test_a_part_that_hangs_or_crashes_ends_nothing_but_itself(tmp_path: Path) -> None:
    process.prepare()
    began = time.monotonic()
    process.carry_out(_part(crashes), tmp_path, 60, dry=True)
    process.carry_out(_part(hangs), tmp_path, 10, dry=True)
    process.carry_out(_part(good), tmp_path, 60, dry=True)
    assert time.monotonic() - began < 200
    kept = [(line.part, line.verdict) for line in read(tmp_path)]
    assert kept == [
        ("crashes", "confirmed"),
        ("crashes", "failed: its process ended with 7"),
        ("hangs", "confirmed"),
        ("hangs", "failed: it did not end within 10 s"),
        ("good", "confirmed"),
    ]


def test_of_a_part_that_ran_twice_the_last_time_counts(tmp_path: Path) -> None:
    for why in ("first", "second"):
        append(tmp_path, Line(part="p", verdict=STARTED))
        append(tmp_path, failed("p", why))
    append(tmp_path, no_time("p"))
    assert [line.verdict for line in read(tmp_path)] == ["failed: second"]


def test_parts_are_chosen_by_name_and_by_group() -> None:
    assert [part.name for part in chosen(["truth", "spin"], [])] == ["card", "spin", "truth"]
    assert {part.group for part in chosen([], ["checks"])} == {
        "card", "tests", "truth", "live", "roofline", "counts", "sweep",
    }  # fmt: skip
    with pytest.raises(BadValueError, match="no part 'tronth': choose from checks"):
        chosen(["tronth"], [])


def test_the_report_tells_each_finding_and_escapes_what_it_says(tmp_path: Path) -> None:
    append(tmp_path, line_of("spin", Finding(what="a", expected="b", seen="c | d", holds=True), 1))
    append(tmp_path, failed("truth", "it did not end within 9 s"))
    page = report.written(tmp_path)
    assert "| a | b | c \\| d | confirmed |" in page
    assert "- 1 confirmed, 1 failed\n" in page
    assert "| truth |  |  | failed: it did not end within 9 s |" in page


def test_what_a_dry_run_left_is_no_page_of_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "results").mkdir()
    monkeypatch.chdir(tmp_path)
    card = Finding(what="the card", expected="", seen="torch 2.11", holds=None)
    append(tmp_path, line_of("card", card, 0))
    assert report.main([tmp_path]) == 2
    assert not list((tmp_path / "results").iterdir())
    seen = replace(card, numbers={"gpu": "NVIDIA Paper 100"})
    append(tmp_path, Line(part="card", verdict=STARTED))
    append(tmp_path, line_of("card", seen, 0))
    assert report.main([tmp_path]) == 0
    assert "- torch 2.11" in (tmp_path / "results" / "gpu.md").read_text("utf-8")
