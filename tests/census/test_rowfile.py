"""The file that rows are kept in."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from opbench.census import RowFile
from opbench.errors import BadFileError, BadValueError

COLUMNS = {"name": str, "macs": int, "error": str, "settings": str}
SUFFIXES = ["jsonl", "csv"]


def fill(path: Path, *names: str) -> None:
    with RowFile(path, COLUMNS) as file:
        for number, name in enumerate(names):
            file.append({"name": name, "macs": 10**12 + number, "settings": "one image"})


def names_in(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            return [row["name"] for row in csv.DictReader(file)]
        return [json.loads(line)["name"] for line in file]


@pytest.fixture(params=SUFFIXES)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / f"counted.{request.param}"


def test_rows_come_back_as_they_went_in(path: Path) -> None:
    fill(path, "net", 'odd, "quoted"')
    with RowFile(path, COLUMNS) as file:
        assert file.rows['odd, "quoted"']["macs"] == 10**12 + 1
        assert not file.rows["net"]["error"]
        assert not file.notes


def test_a_row_is_on_disk_before_the_next_is_made(path: Path) -> None:
    with RowFile(path, COLUMNS) as file:
        file.append({"name": "first", "macs": 1, "settings": ""})
        assert names_in(path) == ["first"]
        file.append({"name": "second", "macs": 2, "settings": ""})
        assert names_in(path) == ["first", "second"]


def test_a_damaged_last_line_is_dropped_and_reported(path: Path) -> None:
    fill(path, "kept", "torn")
    whole = path.read_bytes()
    lines = whole.count(b"\n")
    for cut in (1, 10, 20):
        path.write_bytes(whole[:-cut])
        with RowFile(path, COLUMNS) as file:
            assert list(file.rows) == ["kept"]
            (note,) = file.notes
            assert f"{path}, line {lines}" in note and "dropped" in note
            file.append({"name": "next", "macs": 3, "settings": ""})
        assert names_in(path) == ["kept", "next"]


def test_damage_elsewhere_is_refused_with_file_and_line(path: Path) -> None:
    fill(path, "first", "second", "third")
    lines = path.read_text().splitlines(keepends=True)
    lines[-2] = lines[-2][:9] + "\n"
    path.write_text("".join(lines))
    before = path.read_bytes()
    with pytest.raises(BadFileError, match=rf"{path}, line {len(lines) - 1}: "):
        RowFile(path, COLUMNS)
    assert path.read_bytes() == before


@pytest.mark.parametrize("text", ["my shopping list\n", "no end", "{}\n", '{"a": 1}\n', "[1, 2]\n"])
def test_a_file_of_another_kind_is_never_touched(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(BadFileError, match=f"{path}, line 1"):
        RowFile(path, COLUMNS)
    assert path.read_text() == text


def test_bytes_that_are_no_text_are_refused(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadFileError, match="no text"):
        RowFile(path, COLUMNS)


def test_what_failed_is_tried_again_and_the_rest_is_not(path: Path) -> None:
    fill(path, "good")
    with RowFile(path, COLUMNS) as file:
        for name in ("bad", "elsewhere"):
            file.append({"name": name, "error": "out of memory", "settings": "one image"})
    with RowFile(path, COLUMNS) as file:
        file.resume({"good": "one image", "bad": "one image"})
        assert list(file.rows) == ["good", "elsewhere"]
        file.append({"name": "bad", "macs": 7, "settings": "one image"})
    assert names_in(path) == ["good", "elsewhere", "bad"]


def test_rows_made_with_other_settings_are_refused(path: Path) -> None:
    fill(path, "net", "other")
    line = 2 if path.suffix == ".csv" else 1
    with RowFile(path, COLUMNS) as file:
        file.resume({"other": "one image", "new": "a batch of 8"})
        with pytest.raises(BadFileError, match=rf"line {line}: net was counted with one image"):
            file.resume({"net": "a batch of 8"})


def test_the_kind_of_file_is_its_suffix(tmp_path: Path) -> None:
    with pytest.raises(BadValueError, match=r"\.jsonl or \.csv"):
        RowFile(tmp_path / "counted.txt", COLUMNS)
    with pytest.raises(BadFileError, match="No such file"):
        RowFile(tmp_path / "nowhere" / "counted.csv", COLUMNS)
