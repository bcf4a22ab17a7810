"""Run files as rows: the latest of each cell, everything per image, failures kept."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from opbench.errors import BadFileError
from opbench.runs.store import read_run
from opbench.table.cells import measured, read_ceilings, read_cells, strangers
from opbench.table.networks import join_networks


def record(name: str, batch_size: int, median_s: float, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "record",
        "name": name,
        "input_size": "3x224x224",
        "batch_size": batch_size,
        "device": "cpu",
        "dtype": "float32",
        "params": 1000,
        "macs": 500 * batch_size,
        "activations": 30 * batch_size,
        "samples_s": [median_s],
        "samples_per_round": [1],
        "median_s": median_s,
        "low_s": 0.9 * median_s,
        "high_s": 1.1 * median_s,
        "peak_memory_bytes": 4096,
        "energy_j": None,
        **changes,
    }


def failure(name: str, batch_size: int, reason: str) -> dict[str, Any]:
    row = record(name, batch_size, 1.0)
    keys = ("name", "input_size", "batch_size", "device", "dtype")
    return {"kind": "failure", **{key: row[key] for key in keys}, "reason": reason}


def _cells(
    folder: Path, *runs: list[dict[str, Any]], cuda: dict[str, Any] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    read = []
    for number, lines in enumerate(runs):
        path = folder / f"{number}.jsonl"
        header = {
            "kind": "header",
            "format": 1,
            "run": f"run{number}",
            "environment": {"cpu": "A processor", "gpu": "A card"},
            "cuda": cuda or {},
        }
        path.write_text("".join(json.dumps(line) + "\n" for line in [header, *lines]))
        read.append(read_run(path))
    return read_cells(read)


def test_times_and_rates_follow_from_the_seconds_of_a_whole_batch(tmp_path: Path) -> None:
    cells, _ = _cells(tmp_path, [record("a", 4, 0.2, energy_j=10.0)])
    row = cells.iloc[0]
    assert row["latency_s"] == 0.2
    assert row["latency_per_image_s"] == pytest.approx(0.05)
    assert row["throughput_images_per_s"] == pytest.approx(20)
    assert row["throughput_images_per_s_low"] == pytest.approx(4 / 0.22)
    assert row["throughput_images_per_s_high"] == pytest.approx(4 / 0.18)
    assert row["energy_j"] == pytest.approx(2.5)
    assert row["power_w"] == pytest.approx(50)
    assert (row["macs"], row["activations"]) == (500, 30)


def test_the_latest_run_of_a_cell_counts_and_is_named(tmp_path: Path) -> None:
    cells, _ = _cells(tmp_path, [record("a", 1, 0.2), record("b", 1, 0.3)], [record("a", 1, 0.1)])
    assert dict(zip(cells["name"], cells["latency_s"], strict=True)) == {"b": 0.3, "a": 0.1}
    assert dict(zip(cells["name"], cells["run"], strict=True)) == {"b": "run0", "a": "run1"}


def test_the_machine_is_the_processor_or_the_card(tmp_path: Path) -> None:
    cells, _ = _cells(tmp_path, [record("a", 1, 0.2), record("a", 1, 0.1, device="cuda:0")])
    assert cells["machine"].to_list() == ["A processor", "A card"]


def test_a_failure_keeps_its_reason_until_a_run_mends_it(tmp_path: Path) -> None:
    _, failures = _cells(
        tmp_path,
        [failure("a", 64, "out of memory"), failure("b", 1, "broken")],
        [record("b", 1, 1)],
    )
    assert failures[["name", "batch_size", "reason"]].to_numpy().tolist() == [
        ["a", 64, "out of memory"]
    ]


def test_an_unusual_setting_is_a_cell_of_its_own(tmp_path: Path) -> None:
    cells, _ = _cells(
        tmp_path, [record("a", 1, 0.2), record("a", 1, 0.1, memory_format="channels_last")]
    )
    variants = [None if pd.isna(variant) else variant for variant in cells["variant"]]
    assert variants == [None, "memory_format channels_last"]


def test_what_a_run_set_on_the_gpu_is_a_cell_of_its_own_there(tmp_path: Path) -> None:
    lines = [record("a", 1, 0.2, device="cuda:0"), record("a", 1, 0.2)]
    variants = []
    for cuda in ({"graph": False, "l2": "warm", "tf32": False}, {"l2": "cold", "tf32": True}):
        cells, _ = _cells(tmp_path, lines, cuda=cuda)
        variants.append([None if pd.isna(variant) else variant for variant in cells["variant"]])
    assert variants == [[None, None], ["l2 cold, tf32", None]]


def test_no_run_at_all_gives_empty_tables_with_their_columns() -> None:
    cells, failures = read_cells([])
    assert cells.empty
    assert failures.empty
    assert {"latency_s", "throughput_images_per_s", "power_w"} <= set(cells.columns)


def test_a_broken_record_is_named_with_its_file(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match=r"0\.jsonl: median_s of a is -1"):
        _cells(tmp_path, [record("a", 1, -1.0)])


def test_a_network_of_no_registry_gets_a_row_from_its_own_record(tmp_path: Path) -> None:
    cells, _ = _cells(tmp_path, [record("mine.py:net", 4, 0.2), record("known", 1, 0.1)])
    (stranger,) = strangers(cells, {"known"})
    assert (stranger.name, stranger.label, stranger.family) == ("mine.py:net", "net", "your own")
    assert (stranger.params, stranger.macs, stranger.activations) == (1000, 500, 30)
    assert join_networks([stranger], {}).iloc[0]["flops"] == 1000


def test_a_cell_at_another_input_size_is_marked(tmp_path: Path) -> None:
    cells, _ = _cells(tmp_path, [record("a", 1, 0.2), record("a", 2, 0.2, input_size="3x64x64")])
    fact = strangers(cells.iloc[:1], set())[0]
    joined = measured(cells, join_networks([SimpleNamespace(**vars(fact))], {}))
    assert joined["own_size"].to_list() == [True, False]


def test_ceilings_are_medians_over_the_rounds_of_a_run(tmp_path: Path) -> None:
    path = tmp_path / "1.jsonl"
    header = {"kind": "header", "format": 1, "run": "r", "environment": {"cpu": "A processor"}}
    rounds = [
        {"kind": "ceilings", "device": "cpu", "dtype": "float32", "threads": None,
         "peak_flops_per_s": peak, "bandwidth_bytes_per_s": 5.0, "launch_s": 1e-6}
        for peak in (1.0, 9.0, 2.0)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in [header, *rounds]))
    (row,) = read_ceilings([read_run(path)]).to_dict("records")
    assert (row["peak_flops_per_s"], row["bandwidth_bytes_per_s"]) == (2.0, 5.0)
    assert read_ceilings([]).empty
