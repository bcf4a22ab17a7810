"""Run files: what is written is there at once, and what is damaged is named."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any

import pytest

from opbench.errors import BadFileError
from opbench.runs.store import FORMAT, Run, RunWriter, find_run, read_run, run_files

HEADER = {"kind": "header", "format": FORMAT}
NOTE = {"kind": "warning"}


def test_a_line_is_readable_before_the_file_is_closed(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path) as writer:
        writer.write(HEADER)
        writer.write({**NOTE, "samples_s": [0.1 + 0.2]})
        run = read_run(writer.path)
    assert run.header == HEADER
    assert run.lines == ({**NOTE, "samples_s": [0.30000000000000004]},)


def test_two_runs_of_one_second_and_process_have_their_own_files(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path) as first, RunWriter.create(tmp_path) as second:
        assert first.path != second.path
        for writer in (first, second):
            writer.write(HEADER)
    assert run_files(tmp_path) == sorted([first.path, second.path])


def test_damaged_lines_are_named_and_the_rest_is_used(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path) as writer:
        for line in (HEADER, NOTE, NOTE, {"kind": "end"}):
            writer.write(line)
    lines = writer.path.read_bytes().splitlines(keepends=True)
    lines[1] = b'{"kind": "rec\xff\n'
    writer.path.write_bytes(b"".join(lines)[:-4])
    run = read_run(writer.path)
    assert [damage.line for damage in run.damages] == [2, 4]
    assert str(run.damages[0]).startswith(f"{writer.path}, line 2: ")
    assert run.lines == (NOTE,)


CELL = {"name": "a", "input_size": "3x8x8", "batch_size": 1, "device": "cpu"}
TIMES = {"median_s": 1.0, "low_s": 1.0, "high_s": 1.0, "samples_s": [1.0], "samples_per_round": [1]}
RECORD = {"kind": "record", **CELL, "params": 1, "macs": 1, "activations": 1, **TIMES}
FAILURE = {"kind": "failure", **CELL, "reason": "killed"}


@pytest.mark.parametrize(
    ("line", "lacking"),
    [
        (RECORD, "batch_size"),
        (RECORD, "median_s"),
        (RECORD, "samples_per_round"),
        (FAILURE, "device"),
        (FAILURE, "reason"),
    ],
)
def test_a_line_that_lacks_what_its_kind_must_have_is_damaged(
    tmp_path: Path, line: dict[str, Any], lacking: str
) -> None:
    part = {key: value for key, value in line.items() if key != lacking}
    with RunWriter.create(tmp_path) as writer:
        for each in (HEADER, line, part):
            writer.write(each)
    run = read_run(writer.path)
    assert run.lines == (line,)
    assert [str(each) for each in run.damages] == [
        f"{writer.path}, line 3: a {line['kind']} without {lacking}"
    ]


@pytest.mark.parametrize("content", ["", "{}", '{"kind": "record"}', '{"kind":"header"}'])
def test_a_file_without_a_header_of_this_format_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(content)
    with pytest.raises(BadFileError, match=r"line 1: .*(remove the file|that wrote it)"):
        read_run(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match="cannot be read"):
        read_run(tmp_path / "none.jsonl")


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadFileError, match="no run file"):
        RunWriter.create(tmp_path / "file")


def test_a_full_disk_is_refused() -> None:
    writer = RunWriter(Path("/dev/full"))
    with pytest.raises(BadFileError, match="No space left"):
        writer.write(HEADER)


def test_lines_that_do_not_fit_are_taken_back_each_time(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with RunWriter.create(tmp_path) as writer:
        writer.write(HEADER)
        whole = writer.path.read_bytes()
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 100, hard))
        try:
            for length in (1000, 200, 150):
                with pytest.raises(BadFileError, match="make room"):
                    writer.write({"kind": "record", "name": "x" * length})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert writer.path.read_bytes() == whole


def test_a_file_that_is_being_written_cannot_be_opened_for_writing_again(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path) as writer:
        with pytest.raises(BadFileError, match="being written by another process"):
            RunWriter(writer.path)
        assert read_run_of_one_line(writer).header == HEADER
    RunWriter(writer.path).write(NOTE)
    assert len(read_run(writer.path).lines) == 1


def test_a_file_that_has_grown_since_it_was_read_is_not_appended_to(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path) as writer:
        run = read_run_of_one_line(writer)
        writer.write(NOTE)
    with pytest.raises(BadFileError, match="being written by another process"):
        RunWriter(writer.path, size=run.size)


def read_run_of_one_line(writer: RunWriter) -> Run:
    writer.write(HEADER)
    return read_run(writer.path)


def test_what_is_appended_to_half_a_line_starts_on_a_line_of_its_own(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path) as writer:
        writer.write(HEADER)
    with writer.path.open("ab") as file:
        file.write(b'{"kind": "rec')
    with RunWriter(writer.path) as again:
        again.write(NOTE)
    run = read_run(writer.path)
    assert [damage.line for damage in run.damages] == [2]
    assert run.lines == (NOTE,)


def test_a_run_is_found_by_path_by_name_and_by_being_the_newest(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match="there is no run in"):
        find_run(tmp_path)
    folder = tmp_path / "runs"
    folder.mkdir()
    for name in ("20260101T000000Z-1", "20270101T000000Z-1"):
        (folder / f"{name}.jsonl").write_text("not empty")
    (folder / "20290101T000000Z-1.jsonl").write_text("")  # killed before its first line
    newest = folder / "20270101T000000Z-1.jsonl"
    assert find_run(tmp_path) == newest
    assert find_run(tmp_path, "20270101T000000Z-1") == newest
    assert find_run(tmp_path, str(newest)) == newest
    with pytest.raises(BadFileError, match="it has 20260101T000000Z-1, 20270101T000000Z-1"):
        find_run(tmp_path, "20280101T000000Z-1")
