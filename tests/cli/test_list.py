"""``opbench list``."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opbench.cli.columns import as_printed
from opbench.registry import counts_csv, entries
from opbench.spec import Shape
from tests import builders
from tests.fixtures import Opbench, Rows
from tests.made_up import record


def test_json_has_every_entry_once_with_its_facts(rows: Rows) -> None:
    listed = rows("list")
    assert [row["name"] for row in listed] == sorted(entries.names())
    keys = {"name", "family", "year", "input_size", "params", "macs", "top1", "top1_source"}
    assert all(keys <= set(row) for row in listed)
    vgg = next(row for row in listed if row["name"] == "vgg16")
    assert vgg["input_size"] == "3x224x224"
    assert (vgg["params"], vgg["macs"]) == (138_357_544, 15_470_264_320)


def test_globs_choose(rows: Rows) -> None:
    assert [row["name"] for row in rows("list", "vgg1?", "lenet5")] == [
        "lenet5",
        "vgg11",
        "vgg13",
        "vgg16",
        "vgg19",
    ]


def test_an_accuracy_never_stands_without_source_and_protocol(rows: Rows) -> None:
    for row in rows("list"):
        if row["top1"] is not None:
            assert row["top1_source"] and row["top1_protocol"] and row["top1_source_url"]


def test_markdown_and_csv_have_a_line_per_entry(opbench: Opbench) -> None:
    for format, header in (("csv", 1), ("markdown", 2)):
        out = opbench("list", "resnet*", "--format", format).stdout
        assert len(out.splitlines()) == header + len(entries.match("resnet*"))


def test_unknown_names_offer_near_matches(opbench: Opbench) -> None:
    result = opbench("list", "resnet5O")
    assert result.exit_code == 2
    assert "resnet50" in result.stderr
    assert not result.stdout


def test_neither_help_nor_list_imports_torch_or_matplotlib() -> None:
    code = (
        "import sys; from opbench.cli import app\n"
        "try: app({args!r})\n"
        "except SystemExit: pass\n"
        "print(sorted({{'torch', 'matplotlib', 'pandas'}} & set(sys.modules)), file=sys.stderr)"
    )
    for args in (["--help"], ["list"], ["list", "--help"]):
        done = subprocess.run(
            [sys.executable, "-c", code.format(args=args)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr.splitlines()[-1] == "[]", args


@pytest.mark.parametrize(
    ("value", "printed"), [(60_000_000, "60"), (589_824, "0.59"), (1_500_000_000, "1,500")]
)
def test_millions_are_printed_without_zeros_that_nobody_printed(value: int, printed: str) -> None:
    assert as_printed(1e-6)(value) == printed


def test_latencies_of_a_folder_that_is_not_there_are_refused(
    opbench: Opbench, tmp_path: Path
) -> None:
    absent = tmp_path / "absent"
    result = opbench("list", "--columns", "name,latency_s", "--results", absent)
    assert result.exit_code == 2
    assert f"the folder {absent} does not exist" in result.stderr
    assert not result.stdout


def test_latencies_are_of_the_usual_setting_at_the_networks_own_size(
    rows: Rows, tmp_path: Path
) -> None:
    (resnet,) = (row for row in counts_csv.load() if row.name == "resnet18")
    unusual: list[dict[str, Any]] = [
        {"input_size": Shape((3, 448, 448))},
        {"memory_format": "channels_last"},
        {"threads": 1},
        {"dtype": "bfloat16"},
        {"device": "cuda:0"},
    ]
    others = (builders.record_of(resnet, 1, 1000.0, **change) for change in unusual)
    builders.write_run(tmp_path, record(resnet, 1), record(resnet, 2), *others)
    (row,) = rows("list", "resnet18", "--columns", "name,latency_s", "--results", tmp_path)
    # Twice 1,814,073,344 MACs at the 100 GFLOP/s of the made-up machine.
    assert row["latency_s"] == pytest.approx(2 * 1_814_073_344 / 100e9)


def test_latencies_that_describe_no_steady_state_are_told_with_their_run(
    opbench: Opbench, tmp_path: Path
) -> None:
    (resnet,) = (row for row in counts_csv.load() if row.name == "resnet18")
    good = record(resnet, 1)
    for quality, told in (("good", False), ("noisy", True), ("unstable", True)):
        folder = tmp_path / quality
        rated = replace(good, measurement=replace(good.measurement, quality=quality))
        path = builders.write_run(folder, rated)
        done = opbench("list", "resnet18", "--results", folder)
        sentence = f"latencies that are noisy or unstable: 1 of 1 (run {path.stem});"
        assert (sentence in " ".join(done.stderr.split())) == told, done.stderr


def test_columns_choose_in_every_format(opbench: Opbench, tmp_path: Path) -> None:
    asked = ("list", "lenet5", "--columns", "name,MACs,time", "--results", tmp_path)
    assert json.loads(opbench(*asked, "--format", "json").stdout) == [
        {"name": "lenet5", "macs": 325_680, "latency_s": None}
    ]
    header, row = opbench(*asked, "--format", "csv").stdout.splitlines()
    assert (header, row) == ("name,macs,latency_s", "lenet5,325680,")


def test_accuracies_of_the_readers_own_win_and_add_measured_networks(
    rows: Rows, tmp_path: Path
) -> None:
    (resnet,) = (row for row in counts_csv.load() if row.name == "resnet18")
    builders.write_run(tmp_path, record(replace(resnet, name="mine.py:net"), 1))
    mine = tmp_path / "mine.csv"
    mine.write_text("name,top1\nResNet-18,12\nmine.py:net,34\n")
    listed = rows("list", "--accuracies", mine, "--results", tmp_path)
    top1 = {row["name"]: row["top1"] for row in listed}
    assert (top1["resnet18"], top1["mine.py:net"]) == (12, 34)
    assert top1["lenet5"] == rows("list", "lenet5")[0]["top1"]
    asked = ("list", "resnet18", "--accuracies", mine, "--results", tmp_path)
    assert [row["name"] for row in rows(*asked)] == ["resnet18"]


def test_results_bring_their_latencies(rows: Rows, tmp_path: Path) -> None:
    (resnet,) = (row for row in counts_csv.load() if row.name == "resnet18")
    builders.write_run(tmp_path, record(resnet, 1))
    latencies = {row["name"]: row["latency_s"] for row in rows("list", "--results", tmp_path)}
    assert {name for name, seconds in latencies.items() if seconds} == {"resnet18"}


def test_an_update_writes_the_file_that_is_read(
    opbench: Opbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an installed package that is the one inside it, and not one beside site-packages."""
    inside, beside = tmp_path / "counts.csv", tmp_path / "results" / "counts.csv"
    inside.write_text("out of date\n")
    first = counts_csv.load()[0]
    monkeypatch.setattr("opbench.registry.audit.network_rows", lambda: [first])
    monkeypatch.setattr(counts_csv, "_CANDIDATES", (inside, beside))
    monkeypatch.setattr(counts_csv, "RESULTS", beside)
    try:
        result = opbench("list", "--update", "--format", "csv")
        assert result.exit_code == 0, result.stderr
        assert [fact.name for fact in counts_csv.load()] == [first.name]
    finally:
        monkeypatch.undo()
        counts_csv.load.cache_clear()
    assert inside.read_text().startswith("name,label,family")
    assert not beside.exists()


def test_an_update_counts_the_networks_that_are_named_and_keeps_the_others(
    opbench: Opbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "counts.csv"
    stale = [replace(each, macs=1) for each in counts_csv.load() if "a" <= each.name < "n"]
    assert {"alexnet", "lenet5"} < {each.name for each in stale}
    counts_csv.save(stale, path)
    monkeypatch.setattr(counts_csv, "_CANDIDATES", (path,))
    counts_csv.load.cache_clear()
    try:
        result = opbench("list", "LeNet-5", "--update", "--format", "json")
        assert result.exit_code == 0, result.stderr
        macs = {each.name: each.macs for each in counts_csv.load()}
    finally:
        monkeypatch.undo()
        counts_csv.load.cache_clear()
    assert [row["macs"] for row in json.loads(result.stdout)] == [325_680]
    assert macs == {each.name: 325_680 if each.name == "lenet5" else 1 for each in stale}


def test_a_network_that_is_not_built_in_is_sent_to_count(opbench: Opbench) -> None:
    for name, quoted in (
        ("keras:resnet18", "keras:resnet18"),
        ("mymodels.py:net", "mymodels.py:net"),
        ("keras:resnet*", "'keras:resnet*'"),
    ):
        result = opbench("list", name)
        said = f"the built-in networks, torchvision and timm: use `opbench count {quoted}`"
        assert (result.exit_code, result.stdout) == (2, "")
        assert said in result.stderr


def test_a_network_of_the_readers_is_listed_by_its_name(rows: Rows, tmp_path: Path) -> None:
    builders.write_run(tmp_path, record(replace(counts_csv.load()[0], name="mine.py:net"), 1))
    mine = tmp_path / "mine.csv"
    mine.write_text("name,top1\nmine.py:net,34\n")
    for glob in ("mine.py:net", "mine*"):
        (row,) = rows("list", glob, "--accuracies", mine, "--results", tmp_path)
        assert (row["name"], row["top1"], row["paper"]) == ("mine.py:net", 34, None)


def test_latencies_that_were_not_measured_are_said_with_the_command(
    opbench: Opbench, tmp_path: Path
) -> None:
    asked = ("--columns", "name,latency_s", "--results", tmp_path)
    for names in ("alexnet lenet5 ", ""):
        result = opbench("list", *names.split(), *asked)
        command = f"opbench run --device cpu {names}--results {tmp_path}"
        assert result.exit_code == 0
        assert f"is in {tmp_path}: `{command}` measures it" in " ".join(result.stderr.split())
    (alexnet,) = (row for row in counts_csv.load() if row.name == "alexnet")
    builders.write_run(tmp_path, record(alexnet, 1))
    assert "opbench run" not in opbench("list", "alexnet", "lenet5", *asked).stderr
