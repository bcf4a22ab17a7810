"""Run files: what is written is there at once, and what is damaged is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from opbench.errors import BadFileError
from opbench.store import FORMAT, RunWriter, read_run, run_files

HEADER = {"kind": "header", "format": FORMAT}


def test_a_line_is_readable_before_the_file_is_closed(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path) as writer:
        writer.write(HEADER)
        writer.write({"kind": "record", "samples_s": [0.1 + 0.2]})
        run = read_run(writer.path)
    assert run.header == HEADER
    assert run.of_kind("record") == [{"kind": "record", "samples_s": [0.30000000000000004]}]


def test_two_runs_of_one_second_and_process_have_their_own_files(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path) as first, RunWriter.create(tmp_path) as second:
        assert first.path != second.path
    assert run_files(tmp_path) == sorted([first.path, second.path])


def test_damaged_lines_are_named_and_the_rest_is_used(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path) as writer:
        for line in (HEADER, {"kind": "record"}, {"kind": "record"}, {"kind": "end"}):
            writer.write(line)
    lines = writer.path.read_bytes().splitlines(keepends=True)
    lines[1] = b'{"kind": "rec\xff\n'
    writer.path.write_bytes(b"".join(lines)[:-4])
    run = read_run(writer.path)
    assert [damage.line for damage in run.damages] == [2, 4]
    assert str(run.damages[0]).startswith(f"{writer.path}, line 2: ")
    assert run.lines == ({"kind": "record"},)


@pytest.mark.parametrize("content", ["", "{}", '{"kind": "record"}', '{"kind":"header"}'])
def test_a_file_without_a_header_of_this_format_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(content)
    with pytest.raises(BadFileError, match="line 1"):
        read_run(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match="cannot be read"):
        read_run(tmp_path / "none.jsonl")


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadFileError, match="no run file"):
        RunWriter.create(tmp_path / "file")


def test_a_full_disk_leaves_whole_lines() -> None:
    writer = RunWriter(Path("/dev/full"))
    with pytest.raises(BadFileError, match="No space left"):
        writer.write(HEADER)
