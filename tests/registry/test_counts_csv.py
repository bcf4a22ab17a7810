"""The facts on file."""

from __future__ import annotations

from pathlib import Path

import pytest

import opbench
from opbench.errors import BadFileError, UnknownNameError
from opbench.registry import counts_csv
from tests.builders import network_row
from tests.fixtures import Write


def test_saving_what_was_loaded_gives_the_same_bytes(tmp_path: Path) -> None:
    copy = tmp_path / "counts.csv"
    counts_csv.save(reversed(counts_csv.load()), copy)
    assert copy.read_bytes() == counts_csv.RESULTS.read_bytes()


def test_names_match_globs_without_torch() -> None:
    assert opbench.list_architectures("vgg1[19]") == ["vgg11", "vgg19"]
    assert opbench.list_architectures("VGG-16") == ["vgg16"]
    with pytest.raises(UnknownNameError, match="did you mean vgg16"):
        opbench.list_architectures("vvg16")


def test_a_damaged_line_is_named(write: Write) -> None:
    header, first, *_ = counts_csv.RESULTS.read_text().splitlines()
    path = write("counts.csv", f"{header}\n{first}\n{first.replace('3x227x227,', '3x227x227,x')}\n")
    with pytest.raises(BadFileError, match=r"counts\.csv, line 3: .*--update"):
        counts_csv.load(path)


def test_other_columns_are_refused(write: Write) -> None:
    with pytest.raises(BadFileError, match="line 1: the header lacks label, family"):
        counts_csv.load(write("counts.csv", "name,macs\nvgg16,1\n"))


def test_a_missing_file_and_a_folder_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match=r"missing from .*counts\.csv: `opbench list --update`"):
        counts_csv.load(tmp_path / "counts.csv")
    (tmp_path / "file").write_text("")
    with pytest.raises(BadFileError, match=r"file/counts\.csv cannot be written"):
        counts_csv.save([], tmp_path / "file" / "counts.csv")


def test_names_of_operators_and_missing_numbers_come_back(tmp_path: Path) -> None:
    row = network_row(uncounted=("mylib::a", "mylib::b"), fvcore_macs=None, stated_macs=7)
    counts_csv.save([row], tmp_path / "counts.csv")
    assert counts_csv.load(tmp_path / "counts.csv") == (row,)
