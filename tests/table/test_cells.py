"""Run files as rows: the latest of each cell, everything per image, failures kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from opbench.registry import counts_csv
from opbench.spec import Shape
from opbench.table import Folder, read_folder
from opbench.table.frames import Table, load
from opbench.timing.settings import CudaOptions
from opbench.value import Value
from tests.builders import ceilings, failure, header, network_row, record, write_run

MACHINE = {"cpu": "A processor", "gpu": "A card", "cores": 2, "torch_threads": 2}


def _table(results: Path, *runs: list[Value], cuda: CudaOptions | None = None) -> Table:
    for number, lines in enumerate(runs):
        first = header(f"run{number}", environment=MACHINE, cuda=cuda or CudaOptions())
        write_run(results, *lines, first=first)
    return load(results)


def _variants(table: Table) -> list[str | None]:
    return [None if pd.isna(variant) else variant for variant in table.cells["variant"]]


def test_times_and_rates_follow_from_the_seconds_of_a_whole_batch(tmp_path: Path) -> None:
    four = record("a", 0.2, batch_size=4, macs=2000, activations=120, energy_j=10.0)
    row = _table(tmp_path, [four]).cells.iloc[0]
    assert row["latency_s"] == 0.2
    assert row["latency_per_image_s"] == pytest.approx(0.05)
    assert row["throughput_images_per_s"] == pytest.approx(20)
    assert row["throughput_images_per_s_low"] == pytest.approx(4 / 0.22)
    assert row["throughput_images_per_s_high"] == pytest.approx(4 / 0.18)
    assert row["energy_j"] == pytest.approx(2.5)
    assert row["power_w"] == pytest.approx(50)
    assert (row["macs"], row["activations"]) == (500, 30)


def test_a_power_that_was_measured_is_not_computed(tmp_path: Path) -> None:
    cells = _table(tmp_path, [record("a", 0.2, energy_j=10.0, power_w=40.0), record("b")]).cells
    power = cells.set_index("name")["power_w"]
    assert power["a"] == 40.0
    assert pd.isna(power["b"])


def test_a_gpus_energy_over_its_time_is_no_power(tmp_path: Path) -> None:
    cells = _table(tmp_path, [record("a", 0.2, device="cuda:0", energy_j=10.0)]).cells
    assert cells["energy_j"].to_list() == [10.0]
    assert cells["power_w"].isna().all()


def test_the_latest_run_of_a_cell_counts_and_is_named(tmp_path: Path) -> None:
    cells = _table(tmp_path, [record("a", 0.2), record("b", 0.3)], [record("a", 0.1)]).cells
    assert dict(zip(cells["name"], cells["latency_s"], strict=True)) == {"b": 0.3, "a": 0.1}
    assert dict(zip(cells["name"], cells["run"], strict=True)) == {"b": "run0", "a": "run1"}


def test_a_cell_whose_outputs_differ_failed_and_a_sentence_says_so(tmp_path: Path) -> None:
    exact: dict[str, Any] = {"runtime": "openvino", "output_error": 1e-6, "output_limit": 1e-4}
    broken: dict[str, Any] = {"runtime": "onnxruntime", "output_error": 0.5, "output_limit": 1e-4}
    write_run(tmp_path, record("a", **exact), record("a", **broken), record("b", **broken))
    folder = read_folder(tmp_path)
    assert [each.record.cell.runtime for each in folder.cells] == ["openvino"]
    assert [each.failure.cell.name for each in folder.failures] == ["a", "b"]
    assert all("it does not count" in each.failure.reason for each in folder.failures)
    (note,) = folder.notes
    assert note.startswith("a in onnxruntime and 1 more not shown: the outputs differ")


def test_the_machine_is_the_processor_or_the_card(tmp_path: Path) -> None:
    cells = _table(tmp_path, [record("a", 0.2), record("a", 0.1, device="cuda:0")]).cells
    assert cells["machine"].to_list() == ["A processor", "A card"]


def test_where_no_machine_is_named_the_device_stands_for_it(tmp_path: Path) -> None:
    write_run(tmp_path, record("a"), first=header(environment={"cpu": None}))
    (cell,) = load(tmp_path).folder.cells
    assert (cell.conditions.machine, str(cell.conditions)) == ("cpu", "cpu")


def test_a_failure_keeps_its_reason_until_a_run_mends_it(tmp_path: Path) -> None:
    failures = _table(
        tmp_path,
        [failure("a", "out of memory", batch_size=64), failure("b", "broken")],
        [record("b", 1.0)],
    ).failures
    assert failures[["name", "batch_size", "reason"]].to_numpy().tolist() == [
        ["a", 64, "out of memory"]
    ]


def test_training_steps_are_left_out_with_a_sentence(tmp_path: Path) -> None:
    steps = [record("a", 0.5, pass_="training"), failure("b", pass_="training")]
    table = _table(tmp_path, [record("a", 0.1), *steps])
    assert table.cells["latency_s"].to_list() == [0.1]
    assert table.failures.empty
    (sentence,) = table.folder.notes
    assert sentence.startswith("of --pass training, 1 measured cell not shown: ")


def test_an_unusual_setting_is_a_cell_of_its_own(tmp_path: Path) -> None:
    table = _table(tmp_path, [record("a", 0.2), record("a", 0.1, memory_format="channels_last")])
    assert _variants(table) == [None, "memory_format channels_last"]


def test_a_runtime_is_told_with_its_mode_and_apart_from_other_settings(tmp_path: Path) -> None:
    modes = [("eager", None), ("openvino", None), ("compile", "default"), ("compile", "max")]
    records = [record("a", runtime=runtime, compile=mode) for runtime, mode in modes]
    other = record("a", runtime="openvino", memory_format="channels_last", output_error=1e-6)
    cells = _table(tmp_path, [*records, other]).cells
    told = ["eager", "openvino", "compile", "compile max", "openvino"]
    assert cells["runtime"].to_list() == told
    assert cells["variant"].fillna("").to_list() == [""] * 4 + ["memory_format channels_last"]
    assert cells["output_error"].to_list()[-1] == 1e-6
    words = [str(each.conditions) for each in load(tmp_path).folder.cells]
    assert words[0] == "cpu (A processor)"
    assert words[-1].endswith(", openvino, memory_format channels_last")


@pytest.mark.parametrize(
    ("machine", "asked", "variant"),
    [
        ({"cores": 4, "torch_threads": 4}, None, None),
        ({"cores": 4, "torch_threads": 4}, 4, None),
        ({"cores": 4, "torch_threads": 4}, 1, "1 thread"),
        ({"cores": 4, "torch_threads": 2}, None, "2 threads"),
        ({"cores": None, "torch_threads": 2}, None, None),
        ({"torch_threads": 2}, 1, "1 thread"),
        ({}, None, None),
    ],
)
def test_threads_are_told_unless_they_are_as_many_as_cores(
    tmp_path: Path, machine: dict[str, int], asked: int | None, variant: str | None
) -> None:
    write_run(tmp_path, record("a", threads=asked), first=header(environment=machine))
    assert _variants(load(tmp_path)) == [variant]


def test_what_a_run_set_on_the_gpu_is_a_cell_of_its_own_there(tmp_path: Path) -> None:
    lines: list[Value] = [record("a", 0.2, device="cuda:0"), record("a", 0.2)]
    usual = _table(tmp_path / "usual", lines, cuda=CudaOptions())
    cold = _table(tmp_path / "cold", lines, cuda=CudaOptions(l2="cold", tf32=True))
    assert [_variants(usual), _variants(cold)] == [[None, None], ["l2 cold, tf32", None]]


def test_no_run_at_all_gives_empty_tables_with_their_columns(tmp_path: Path) -> None:
    for table in (load(tmp_path), Table.of(Folder(networks=()))):
        assert table.cells.empty
        assert table.failures.empty
        assert table.ceilings.empty
        assert {"latency_s", "throughput_images_per_s", "power_w"} <= set(table.cells.columns)
        assert table.cells["latency_s"].dtype == float
        assert table.networks["top1"].dtype == float
        assert table.folder.notes == ()


def test_a_broken_record_is_named_with_its_file_and_the_others_are_used(tmp_path: Path) -> None:
    path = write_run(tmp_path, record("a", 0.2), record("b", 0.3))
    path.write_text(path.read_text().replace('"median_s":0.2', '"median_s":-1'))
    table = load(tmp_path)
    assert table.cells["name"].to_list() == ["b"]
    (note,) = table.folder.notes
    assert note == f"{path}, line 2: damaged record: median_s: expected float >= 1e-12"


def test_a_run_without_a_header_is_named_and_the_other_runs_are_used(tmp_path: Path) -> None:
    write_run(tmp_path, record("a"), first=header("whole"))
    path = write_run(tmp_path, record("b"), first=header("damaged"))
    path.write_text(path.read_text().partition("\n")[2])
    table = load(tmp_path)
    assert table.cells["name"].to_list() == ["a"]
    assert list(table.folder.runs) == ["whole"]
    (note,) = table.folder.notes
    assert note.startswith(f"{path}, line 1: the run is skipped: not the header of a run")


def test_a_file_that_is_no_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs" / "folder.jsonl").mkdir(parents=True)
    (tmp_path / "runs" / "moved.jsonl").symlink_to(tmp_path / "nowhere")
    assert [note.partition(" is skipped: ")[2] for note in load(tmp_path).folder.notes] == [
        "Is a directory",
        "No such file or directory",
    ]


def test_a_network_of_no_registry_gets_a_row_from_its_own_record(tmp_path: Path) -> None:
    table = _table(tmp_path, [record("mine.py:net", 0.2, batch_size=4), record("vgg16", 0.1)])
    (own,) = (network for network in table.folder.networks if network.entry is None)
    assert (own.name, own.label, own.family) == ("mine.py:net", "net", "your own")
    assert (own.params, own.macs, own.activations) == (1000, 500, 30)
    assert table.networks.set_index("name").loc["mine.py:net", "flops"] == 1000
    assert (table.networks["name"] == "vgg16").sum() == 1


def test_of_the_batches_of_a_network_of_no_registry_the_smallest_stands_for_it(
    tmp_path: Path,
) -> None:
    big = record("timm:net", batch_size=4, peak_activation_bytes=900)
    table = _table(tmp_path, [big, record("timm:net", peak_activation_bytes=240)])
    (own,) = (network for network in table.folder.networks if network.entry is None)
    assert (own.family, own.peak_activation_bytes, own.macs) == ("timm", 240, 500)
    (alone,) = (each for each in _table(tmp_path / "4", [big]).folder.networks if not each.entry)
    assert alone.peak_activation_bytes is None


def test_a_cell_at_another_input_size_is_marked(tmp_path: Path) -> None:
    small = record("vgg16", 0.2, batch_size=2, input_size=Shape((3, 64, 64)))
    cells = _table(tmp_path, [record("vgg16", 0.2), small]).cells
    assert cells["own_size"].to_list() == [True, False]
    assert cells["label"].to_list() == ["VGG-16", "VGG-16"]


def test_cells_of_other_inputs_are_cells_of_their_own(tmp_path: Path) -> None:
    records = [record("vgg16", 0.2, inputs=each) for each in ("", "x=1x3x9x9", "x=2x3x9x9")]
    cells = _table(tmp_path, [*records]).cells
    assert cells["variant"].fillna("").to_list() == ["", "x=1x3x9x9", "x=2x3x9x9"]


def test_ceilings_are_the_highest_of_all_rounds_of_a_run(tmp_path: Path) -> None:
    rounds = [ceilings(number, peak) for number, peak in enumerate((1.0, 9.0, 2.0), 1)]
    (row,) = _table(tmp_path, [*rounds]).ceilings.to_dict("records")
    assert (row["peak_flops_per_s"], row["bandwidth_bytes_per_s"]) == (9.0, 10e9)
    assert (row["run"], row["machine"]) == ("run0", "A processor")


def test_the_folders_own_counts_are_read(tmp_path: Path) -> None:
    counts_csv.save([network_row("mine", macs=7)], tmp_path / "counts.csv")
    (network,) = load(tmp_path).folder.networks
    assert (network.name, network.macs) == ("mine", 7)
