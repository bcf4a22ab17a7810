"""What ``opbench run`` says beside its rows: memory, energy, who else was there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opbench.cli.output import Format
from opbench.cli.run_progress import Progress
from opbench.cli.run_report import report
from opbench.record import Cell
from opbench.runs.state import Sheet
from opbench.timing.energy import why_not_measured
from opbench.timing.protocol import Protocol

RECORD = {
    "kind": "record",
    "params": 10**6,
    "macs": 10**6,
    "weight_bytes": 3 << 20,
    "peak_activation_bytes": 1 << 20,
    "samples_s": [0.01] * 6,
    "median_s": 0.01,
    "low_s": 0.01,
    "high_s": 0.01,
    "throughput_images_per_s": 100.0,
    "peak_memory_bytes": 5 << 20,
    "energy_j": None,
    "quality": "good",
}


def line(name: str, **changes: Any) -> dict[str, Any]:
    cell = {"name": name, "input_size": "3x8x8", "batch_size": 1, "device": "cpu"}
    cell |= {"dtype": "float32", "memory_format": "contiguous", "compile": None, "threads": None}
    return {**cell, **RECORD, **changes}


def sheet(*lines: dict[str, Any]) -> Sheet:
    filled = Sheet([Cell.from_json(each) for each in lines], Protocol(), cores=2)
    for each in lines:
        filled.add(each)
    return filled


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[str, str]]:
    """Rows on stdout and sentences on stderr, of records."""

    def said(*lines: dict[str, Any]) -> tuple[str, str]:
        report(sheet(*lines), Path("a.jsonl"), Format.markdown)
        printed = capsys.readouterr()
        return printed.out, printed.err

    return said


def test_weights_and_activations_stand_beside_the_measured_memory(
    said: Callable[..., tuple[str, str]],
) -> None:
    heading, _, row = said(line("a"))[0].splitlines()
    shown = dict(zip(heading.split(" | "), row.split(" | "), strict=True))
    assert (shown["peak MiB"], shown["analytic MiB"]) == ("5.0", "4.0")


def test_energy_that_was_not_measured_is_said_with_the_reason(
    said: Callable[..., tuple[str, str]],
) -> None:
    sentence = f"energy on cpu: not measured: {why_not_measured('cpu')}\n"
    assert sentence in said(line("a"), line("b"))[1]
    assert "not measured" not in said(line("a", energy_j=1.5), line("b"))[1]
    both = said(line("a"), line("a", device="cuda:0", energy_j=1.5))[1]
    assert sentence in both
    assert "on cuda:0" not in both


def test_another_process_on_the_gpu_is_told_at_once_and_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    watcher = Progress(sheet(line("a")), stream=False).watcher
    seen = line("a", kind="round", device="cuda:0")
    watcher.line({**seen, "device_before": {"other_processes": 0}})
    assert capsys.readouterr().err == ""
    for _ in range(2):
        watcher.line({**seen, "device_before": {"other_processes": 1}})
    assert capsys.readouterr().err == ("another process uses cuda:0: end it or take another GPU\n")
