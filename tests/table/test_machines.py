"""A cell measured twice: one row of equal machines, two of different ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opbench.runs.store import RunFile, read_runs
from opbench.table import read_folder
from opbench.table.machines import tell_apart
from tests.builders import header, record, write_run

CPU = {"cpu": "A processor", "cpu_model": "2", "cores": 2, "torch_threads": 2}
GPU = {"gpu": "A GPU", "gpu_power_limit_w": 700.0}


def write(results: Path, run: str, median_s: float, device: str = "cpu", **facts: Any) -> None:
    """Write a run of one cell, measured where ``facts`` are true."""
    environment = {**CPU, **GPU, "host": run, **facts}
    write_run(
        results,
        record("a", median_s, device=device),
        first=header(run, environment={key: each for key, each in environment.items() if each}),
    )


def machines(results: Path) -> dict[str, float]:
    """Return the latency of the only cell, by machine."""
    return {
        cell.conditions.machine: cell.record.measurement.median_s
        for cell in read_folder(results).cells
    }


def test_of_equal_machines_the_latest_counts(tmp_path: Path) -> None:
    """Their hosts, and what an older version did not record, make no difference."""
    write(tmp_path, "1", 0.01, cpu_model=None)
    write(tmp_path, "2", 0.02)
    write(tmp_path, "3", 0.03)
    assert machines(tmp_path) == {"A processor": 0.03}
    assert [len(run.lines) for run in read_runs(tmp_path)[0]] == [1, 1, 1]


def test_different_machines_of_one_name_are_two_rows(tmp_path: Path) -> None:
    write(tmp_path, "1", 0.01)
    write(tmp_path, "2", 0.02, cores=16, torch_threads=16)
    assert machines(tmp_path) == {"A processor (2 cores)": 0.01, "A processor (16 cores)": 0.02}
    write(tmp_path, "3", 0.03, cpu_model="7")
    assert machines(tmp_path)["A processor (model 7, 2 cores)"] == 0.03


def test_a_gpu_s_cells_do_not_care_about_the_processor(tmp_path: Path) -> None:
    write(tmp_path, "1", 0.01, "cuda:0")
    write(tmp_path, "2", 0.02, "cuda:0", cores=16)
    assert machines(tmp_path) == {"A GPU": 0.02}
    write(tmp_path, "3", 0.03, "cuda:0", gpu_power_limit_w=350.0)
    assert machines(tmp_path) == {"A GPU (700.0 W)": 0.02, "A GPU (350.0 W)": 0.03}


@pytest.mark.parametrize("value", [["a"], {"a": 1}, True, "{}", -1, 10**18, ""])
def test_a_fact_may_be_anything(tmp_path: Path, value: object) -> None:
    write(tmp_path, "1", 0.01)
    write(tmp_path, "2", 0.02, cores=value)
    write(tmp_path, "3", 0.03, cpu=value)
    runs = tell_apart(read_runs(tmp_path)[0])
    assert [each.name for each in runs] == ["1", "2", "3"]
    assert all(isinstance(each, RunFile) for each in runs)
