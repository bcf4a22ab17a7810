"""What the claims rest on: counts, accuracies and run files of a results folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from opbench.claims import load_evidence
from opbench.claims.evidence import LackingError
from opbench.errors import BadFileError


def record(name: str, median_s: float, **more: Any) -> dict[str, Any]:
    line = {
        "kind": "record",
        "name": name,
        "input_size": "3x227x227",
        "batch_size": 1,
        "device": "cpu",
        "dtype": "float32",
        **dict.fromkeys(("params", "macs", "activations"), 1),
        "samples_s": [median_s],
        "samples_per_round": [1],
        "median_s": median_s,
        "low_s": median_s,
        "high_s": median_s,
        "peak_memory_bytes": None,
        "energy_j": None,
    }
    return line | more


def write_run(
    results: Path,
    run: str,
    lines: list[dict[str, Any]],
    cuda: dict[str, Any] | None = None,
    **environment: Any,
) -> Path:
    header = {"kind": "header", "format": 1, "run": run, "environment": environment}
    header |= {"cuda": cuda} if cuda else {}
    path = results / "runs" / f"{run}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in [header, *lines]))
    return path


def test_a_folder_without_runs_still_has_counts_and_accuracies(tmp_path: Path) -> None:
    evidence = load_evidence(tmp_path)
    assert evidence.cells == ()
    assert evidence.macs("conv3x3_256") == 9 * 256 * 256
    assert evidence.top1("alexnet") == 57.1
    assert evidence.point("ENet").params_millions == 5.86


def test_the_newest_of_equal_cells_counts(tmp_path: Path) -> None:
    write_run(tmp_path, "20260101T000000Z-1", [record("alexnet", 2.0)], cpu="a")
    write_run(tmp_path, "20260102T000000Z-1", [record("alexnet", 1.0)], cpu="a")
    (cell,) = load_evidence(tmp_path).cells
    assert cell.seconds == 1.0


def test_other_machines_types_and_threads_are_other_conditions(tmp_path: Path) -> None:
    write_run(tmp_path, "1", [record("alexnet", 2.0)], cpu="a", torch_threads=1)
    write_run(tmp_path, "2", [record("alexnet", 2.0)], cpu="b", torch_threads=2)
    write_run(tmp_path, "3", [record("alexnet", 2.0, dtype="bfloat16")], cpu="b", torch_threads=2)
    write_run(tmp_path, "4", [record("alexnet", 2.0, device="cuda:0")], cpu="b", gpu="c")
    conditions = [str(condition) for condition in load_evidence(tmp_path).conditions]
    assert conditions == [
        "cpu (a), 1 thread",
        "cpu (b), 2 threads",
        "cpu (b), bfloat16, 2 threads",
        "cuda (c)",
    ]


def test_threads_of_a_cell_go_before_those_of_the_machine(tmp_path: Path) -> None:
    swept = [record("alexnet", 2.0 / threads, threads=threads) for threads in (1, 2)]
    write_run(tmp_path, "1", swept, cpu="a", torch_threads=4)
    cells = load_evidence(tmp_path).cells
    assert {str(cell.condition): cell.seconds for cell in cells} == {
        "cpu (a), 1 thread": 2.0,
        "cpu (a), 2 threads": 1.0,
    }


def test_what_a_run_set_on_the_gpu_is_another_condition(tmp_path: Path) -> None:
    usual = {"graph": False, "l2": "warm", "tf32": False}
    for run, odd in enumerate(({}, {"graph": True}, {"l2": "cold"}, {"tf32": True})):
        gpu, cpu = record("alexnet", 2.0, device="cuda:0"), record("alexnet", 2.0)
        write_run(tmp_path, str(run), [gpu, cpu], cuda=usual | odd, gpu="c", cpu="a")
    conditions = [str(condition) for condition in load_evidence(tmp_path).conditions]
    assert conditions == [
        "cuda (c)",
        "cpu (a)",
        "cuda (c), graph",
        "cuda (c), l2 cold",
        "cuda (c), tf32",
    ]


def test_power_and_idle_power_are_read(tmp_path: Path) -> None:
    write_run(tmp_path, "1", [record("alexnet", 2.0, energy_j=30.0, idle_power_w=5.0)])
    (cell,) = load_evidence(tmp_path).cells
    assert (cell.power_w, cell.idle_power_w) == (15.0, 5.0)


def test_failures_are_no_cells(tmp_path: Path) -> None:
    failure = record("vgg19", 1.0, kind="failure", reason="out of memory")
    write_run(tmp_path, "1", [failure, record("alexnet", 2.0)])
    assert [cell.name for cell in load_evidence(tmp_path).cells] == ["alexnet"]


def test_a_file_that_is_no_run_is_named(tmp_path: Path) -> None:
    path = write_run(tmp_path, "1", [])
    path.write_text("{}\n")
    with pytest.raises(BadFileError, match=r"1\.jsonl"):
        load_evidence(tmp_path)


def test_a_record_without_its_keys_is_named_and_the_rest_is_used(tmp_path: Path) -> None:
    lines = [{"kind": "record", "name": "vgg19"}, record("alexnet", 2.0)]
    path = write_run(tmp_path, "1", lines)
    evidence = load_evidence(tmp_path)
    (damage,) = evidence.damages
    assert str(damage).startswith(f"{path}, line 2: a record without activations, batch_size")
    assert [cell.name for cell in evidence.cells] == ["alexnet"]


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    evidence = load_evidence(tmp_path)
    with pytest.raises(LackingError, match="counts of resnet9000"):
        evidence.macs("resnet9000")
    with pytest.raises(LackingError, match="accuracy of conv3x3_256"):
        evidence.top1("conv3x3_256")
    with pytest.raises(LackingError, match="the point ZFNet"):
        evidence.point("ZFNet")
