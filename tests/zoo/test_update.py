"""``opbench list --update`` of a library: continued where it stopped, nothing lost."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from opbench.errors import BadFileError, CountError
from opbench.spec import Shape
from opbench.zoo import counting, rows
from opbench.zoo.journal import Journal
from tests.builders import zoo_row
from tests.fixtures import Opbench, Write
from tests.zoo.test_results import BENCHMARK, HEADER

COUNTS = {
    "params": 10,
    "macs": 20,
    "activations": 5,
    "weight_bytes": 40,
    "peak_activation_bytes": 8,
    "uncounted": [],
}


class Library:
    """A timm of three networks, one set of weights each; ``fails`` says what counting one does."""

    def __init__(self) -> None:
        self.fails: dict[str, BaseException] = {}
        self.sizes: dict[str, list[int]] = {}  # of a network with more than one
        self.asked: list[str] = []

    def facts(self, question: Mapping[str, Any]) -> list[dict[str, Any]]:
        top1 = {each["weights"]: each["top1"] for each in question["results"]}
        return [
            zoo_row(
                f"timm:{name}.in1k",
                top1=top1.get(f"{name}.in1k"),
                top5=None,
                protocol="single central crop" if f"{name}.in1k" in top1 else "",
                input_size=Shape((3, side, side)),
            ).to_json()
            for name in ("a", "b", "c")
            for side in self.sizes.get(name, [224])
        ]

    def counted(self, question: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append(question["name"])
        for what in (question["name"], f"{question['name']} {question['input_size']}"):
            if what in self.fails:
                raise self.fails[what]
        return COUNTS


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of the rows of timm, which is not there yet."""
    path = tmp_path / "timm.csv"
    monkeypatch.setattr(rows, "csv_file", lambda library: path)
    rows.load.cache_clear()
    yield path
    rows.load.cache_clear()


@pytest.fixture
def library(file: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    timm = Library()
    monkeypatch.setattr(counting, "facts", timm.facts)
    monkeypatch.setattr(counting, "counted", timm.counted)
    return timm


def test_an_update_that_was_interrupted_goes_on(
    opbench: Opbench, library: Library, file: Path
) -> None:
    library.fails = {"timm:b.in1k": KeyboardInterrupt()}
    stopped = opbench("list", "--update", "timm:*")
    assert stopped.exit_code == 130
    assert "the same command goes on from there" in stopped.stderr
    assert not file.exists()
    library.fails, library.asked = {}, []
    result = opbench("list", "--update", "timm:*", "--format", "json")
    assert result.exit_code == 0, result.stderr
    assert library.asked == ["timm:b.in1k", "timm:c.in1k"]
    assert [(row["name"], row["macs"]) for row in json.loads(result.stdout)] == [
        (f"timm:{name}.in1k", 20) for name in "abc"
    ]
    assert [each.name for each in file.parent.iterdir()] == [file.name]
    library.asked = []
    opbench("list", "--update", "timm:*")
    assert library.asked == [f"timm:{name}.in1k" for name in "abc"]


def test_a_network_that_cannot_be_counted_keeps_its_row(
    opbench: Opbench, library: Library, file: Path
) -> None:
    rows.save("timm", [zoo_row("timm:b.in1k"), zoo_row("timm:gone.in1k")])  # gone from timm
    library.fails = {"timm:b.in1k": CountError("no such size")}
    result = opbench("list", "--update", "timm:*", "--format", "json")
    assert result.exit_code == 1
    assert "error: timm:b.in1k at 3x224x224: no such size" in result.stderr
    kept = {row.name: row.macs for row in rows.load("timm")}
    assert kept == {"timm:a.in1k": 20, "timm:b.in1k": 500, "timm:c.in1k": 20}


def test_a_size_that_cannot_be_counted_keeps_its_row_beside_another_that_can(
    opbench: Opbench, library: Library, file: Path
) -> None:
    sizes = [Shape((3, side, side)) for side in (160, 224, 288)]
    rows.save("timm", [zoo_row(input_size=size) for size in sizes])
    library.sizes = {"a": [224, 288]}  # 160 is gone from timm
    library.fails = {"timm:a.in1k 3x288x288": CountError("too large")}
    result = opbench("list", "--update", "timm:a")
    assert result.exit_code == 1
    assert "error: timm:a.in1k at 3x288x288: too large" in result.stderr
    kept = {str(row.input_size): row.macs for row in rows.load("timm") if "a.in1k" in row.name}
    assert kept == {"3x224x224": 20, "3x288x288": 500}


def test_rows_beside_a_damaged_line_are_not_dropped(
    opbench: Opbench, library: Library, file: Path
) -> None:
    rows.save("timm", [zoo_row("timm:b.in1k"), zoo_row("timm:gone.in1k")])
    damaged = file.read_text().replace("500", "five hundred", 1)
    file.write_text(damaged)
    rows.load.cache_clear()
    result = opbench("list", "--update", "timm:a*")
    assert result.exit_code == 2
    assert file.name in result.stderr
    assert file.read_text() == damaged
    assert opbench("list", "--update", "timm:*").exit_code == 0
    rows.load.cache_clear()
    assert [row.name for row in rows.load("timm")] == [f"timm:{name}.in1k" for name in "abc"]


def test_accuracies_are_joined_and_kept(
    opbench: Opbench, library: Library, file: Path, write: Write
) -> None:
    results = write("results.csv", f"{HEADER}\na.in1k,224,71.5,28.5,90,10,1.00,0.95,bicubic\n")
    assert opbench("list", "--update", "timm:*", "--accuracies", results).exit_code == 0
    assert [row.top1 for row in rows.load("timm")] == [71.5, None, None]
    assert opbench("list", "--update", "timm:*").exit_code == 0
    assert [row.top1 for row in rows.load("timm")] == [71.5, None, None]


def test_the_tables_are_named_by_their_files_and_unmatched_rows_are_told(
    opbench: Opbench, library: Library, file: Path, write: Write
) -> None:
    line = "224,71.5,28.5,90,10,1.00,0.95,bicubic"
    results = write("results.csv", f"{HEADER}\na.in1k,{line}\nold.in1k,{line}\n")
    benchmark = write("benchmark-infer-new.csv", f"{BENCHMARK}a,224,1,1,1,1.00,1,1\n")
    tables = ("--accuracies", results, "--benchmark", benchmark)
    told = opbench("list", "--update", "timm:*", *tables)
    assert told.exit_code == 0, told.stderr
    assert f"{results}: 1 of 2 rows match no weights of the library" in told.stderr
    for _ in range(2):
        assert "stated_macs: benchmark-infer-new.csv of the library" in file.read_text()
        opbench("list", "--update", "timm:*")


def test_a_full_disk_and_another_update_say_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path / "journal", "timm 1")

    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with journal.appending() as file:
        journal.add(file, "a", COUNTS)
        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(BadFileError, match="make room and repeat the command"):
            journal.add(file, "b", COUNTS)
        with pytest.raises(BadFileError, match="by another process"), journal.appending():
            pass


def test_tables_that_would_not_be_read_are_refused(opbench: Opbench, write: Write) -> None:
    table = write("table.csv", "")
    for args, told in (
        (("--update", "torchvision:*", "--accuracies", table), "of timm only"),
        (("--update", "--benchmark", table), "of timm only"),
        (("--update", "timm:*", "--benchmark", table), "--benchmark needs the table of"),
        (("timm:*", "--benchmark", table), "--benchmark is read by --update only"),
        (("timm:*", "--jobs", 1), "--jobs is read by --update only"),
    ):
        result = opbench("list", *args)
        assert result.exit_code == 2
        assert told in result.stderr


def test_counts_of_another_release_and_half_a_line_are_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path, "timm 1")
    with journal.appending() as file:
        journal.add(file, "a", COUNTS)
    path.write_bytes(path.read_bytes() + b'{"by": "timm 1", "ke')
    assert Journal(path, "timm 1").counted["a"].macs == 20
    assert not Journal(path, "timm 2").counted
