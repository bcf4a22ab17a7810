"""The whole way on real measurements: run, resume, plot, report, claims, compare, list."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from typer.testing import Result

from opbench.record import Record
from opbench.runs.lines import RoundLine
from opbench.runs.store import read_run, run_files

QUICK = ("--rounds", "3", "--max-seconds", "0.05")
NETWORKS = ("squeezenet1_0", "squeezenet1_1")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


@pytest.mark.usefixtures("quick_rounds")
def test_what_the_runner_writes_is_what_everything_else_reads(
    opbench: Callable[..., Result],
    results: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As many as the tests' threads: of any other number `list` shows no latency.
    monkeypatch.setattr(psutil, "cpu_count", lambda logical=True: 1)
    for _ in range(2):
        done = opbench("run", *NETWORKS, *QUICK, "--results", str(results), "--in-process")
        assert done.exit_code == 0, done.output
    base, new = run_files(results)

    run = read_run(new)
    assert run.damages == ()
    assert run.finished
    # A cell is settled when it is known precisely enough, whichever comes first.
    assert {record.cell.name for record in run.of(Record)} == {*NETWORKS}
    assert len(run.of(RoundLine)) >= 3 * len(NETWORKS)
    for record in run.of(Record):
        samples = [line.round.samples_s for line in run.of(RoundLine) if line.cell == record.cell]
        assert record.measurement.rounds == samples

    drawn = opbench("plot", "accuracy-vs-ops", "--results", str(results), "--output", str(tmp_path))
    assert drawn.exit_code == 0, drawn.output
    assert (tmp_path / "accuracy-vs-ops.svg").read_text().startswith("<?xml")

    page = tmp_path / "page.html"
    written = opbench("report", "--results", str(results), "--output", str(page), "--no-figures")
    assert written.exit_code == 0, written.output
    assert run.name in page.read_text()

    found = opbench("claims", "--results", str(results), "--format", "json")
    assert found.exit_code == 0, found.output
    assert any(row["on"].startswith("cpu") for row in json.loads(found.stdout))

    listed = opbench(
        "list", *NETWORKS, "--results", str(results), "--columns", "name,latency_s",
        "--format", "json",
    )  # fmt: skip
    latencies = {row["name"]: row["latency_s"] for row in json.loads(listed.stdout)}
    assert latencies == {
        record.cell.name: record.measurement.latency_s for record in run.of(Record)
    }

    compared = opbench("compare", str(base), str(new), "--format", "json")
    assert compared.exit_code in (0, 1), compared.output
    rows = json.loads(compared.stdout)
    assert {row["name"] for row in rows} == {*NETWORKS}
    for row in rows:
        assert row["ratio_low"] <= row["new_s"] / row["base_s"] <= row["ratio_high"]
