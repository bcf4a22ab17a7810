"""What ``opbench run`` says beside its rows: memory, energy, who else was there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opbench.cli.render import Format
from opbench.cli.run_progress import RunProgress
from opbench.cli.run_report import render_rows, say_outcome
from opbench.record import Record
from opbench.runs.state import RunState
from opbench.timing.energy import why_not_measured
from opbench.timing.protocol import Protocol
from tests.builders import cell, record, round_, round_line


def state(*records: Record) -> RunState:
    filled = RunState([each.cell for each in records], Protocol(), cores=2)
    for each in records:
        filled.add(each)
    return filled


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[str, str]]:
    """Rows and sentences of records."""

    def said(*records: Record) -> tuple[str, str]:
        taken = state(*records)
        say_outcome(taken, Path("a.jsonl"))
        return render_rows(taken, Format.markdown), capsys.readouterr().err

    return said


def test_weights_and_activations_stand_beside_the_measured_memory(
    said: Callable[..., tuple[str, str]],
) -> None:
    shown = record(weight_bytes=3 << 20, peak_activation_bytes=1 << 20, peak_memory_bytes=5 << 20)
    heading, _, row = said(shown)[0].splitlines()
    cells = dict(zip(heading.split(" | "), row.split(" | "), strict=True))
    assert (cells["peak MiB"], cells["analytic MiB"]) == ("5.0", "4.0")


def test_an_interrupted_cell_has_times_and_neither_interval_nor_rating() -> None:
    begun = RunState([cell("a"), cell("b")], Protocol(rounds=4), cores=2)
    begun.add(record("b"))
    begun.add(round_line(cell("a"), round_(samples_s=(0.002, 0.003, 0.007))))
    row = json.loads(render_rows(begun, Format.json))[0]
    assert (row["name"], row["median_s"], row["quality"]) == ("a", 0.003, "interrupted")
    assert (row["low_s"], row["high_s"], row["reason"]) == (None, None, "1 of 4 rounds")
    table = render_rows(begun, Format.markdown).splitlines()
    assert "| 3.000 | interrupted |" in table[2]
    assert (row["latency_low_s"], row["latency_high_s"]) == (None, None)


def test_a_table_without_rows_has_no_header() -> None:
    none = RunState([cell("a")], Protocol(), cores=2)
    assert render_rows(none, Format.table) == ""
    assert json.loads(render_rows(none, Format.json)) == []


def test_energy_that_was_not_measured_is_said_with_the_reason(
    said: Callable[..., tuple[str, str]],
) -> None:
    sentence = f"energy on cpu: not measured: {why_not_measured('cpu')}\n"
    assert sentence in said(record("a"), record("b"))[1]
    assert "not measured" not in said(record("a", energy_j=1.5), record("b"))[1]
    both = said(record("a"), record("a", device="cuda:0", energy_j=1.5))[1]
    assert sentence in both
    assert "on cuda:0" not in both


def test_a_layout_that_a_gpu_likes_is_advised_where_it_was_not_tried(
    said: Callable[..., tuple[str, str]],
) -> None:
    half: dict[str, Any] = {"device": "cuda:0", "dtype": "bfloat16"}
    asked = "convolutions in bfloat16 are often faster on a GPU with --memory-format channels_last"
    assert asked in said(record("a", **half), record("b"))[1]
    tried = record("a", **half, memory_format="channels_last")
    on_cpu, full = record("a", dtype="bfloat16"), record("a", device="cuda:0")
    assert "channels_last" not in said(record("a", **half), tried, on_cpu, full)[1]
    assert "channels_last" not in said(on_cpu, full)[1]


@pytest.mark.parametrize(
    ("launches", "why"),
    [("seen", "more kernels than a queue holds; --cuda-graph"), ("synchronises", "waits for the")],
)
def test_a_gpu_time_that_contains_launches_is_said_to(
    said: Callable[..., tuple[str, str]], launches: str, why: str
) -> None:
    seen = record("a", device="cuda:0", launches=launches)
    hidden = record("b", device="cuda:0", launches="hidden")
    assert "includes launches" not in said(hidden)[1]
    told = said(seen, hidden, record("c", device="cuda:0", launches=launches))[1]
    assert "the GPU time of a and 1 more includes launches: it " in told
    assert why in told


def test_another_process_on_the_gpu_is_told_at_once_and_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    watcher = RunProgress(state(record()), stream=False).watcher
    alone, shared = (
        round_line(cell(device="cuda:0"), round_(device_before={"other_processes": others}))
        for others in (0, 1)
    )
    watcher.line(alone)
    assert capsys.readouterr().err == ""
    for _ in range(2):
        watcher.line(shared)
    assert capsys.readouterr().err == ("another process uses cuda:0: end it or take another GPU\n")


def test_on_a_gpu_latency_and_gpu_time_stand_side_by_side(
    said: Callable[..., tuple[str, str]],
) -> None:
    times: dict[str, Any] = {"latency_s": 0.012, "latency_low_s": 0.011, "latency_high_s": 0.013}
    times |= {"device_s": 0.01, "device_low_s": 0.009, "device_high_s": 0.0105}
    shown = record(device="cuda:0", launches="hidden", **times)
    heading, _, row = said(shown)[0].splitlines()
    cells = dict(zip(heading.split(" | "), row.split(" | "), strict=True))
    assert cells["latency ms (from-to)"] == "12.000 (11.000-13.000)"
    assert cells["GPU time ms (from-to)"] == "10.000 (9.000-10.500)"
    assert cells["launches"] == "hidden"
    assert "GPU time" not in said(record())[0]
