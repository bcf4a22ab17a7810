"""Run files: what is written is there at once, and what is damaged is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opbench.errors import BadFileError
from opbench.record import Failure, Record
from opbench.runs.lines import RUN, End
from opbench.runs.store import find_run, read_run, read_runs, run_files
from tests.builders import cell, failure, header, record, round_, round_line, write_run

ROUND = round_line(cell(), round_(1, 0.1 + 0.2))


def test_a_line_is_readable_before_the_file_is_closed(tmp_path: Path) -> None:
    with RUN.new(tmp_path) as writer:
        writer.append(RUN.encode(header()))
        writer.append(RUN.encode(ROUND))
        run = read_run(writer.path)
    assert run.header == header()
    assert run.lines == (ROUND,)
    assert run.of(type(ROUND))[0].round.samples_s == (0.30000000000000004,)


def test_two_runs_of_one_second_and_process_have_their_own_files(tmp_path: Path) -> None:
    with RUN.new(tmp_path) as first, RUN.new(tmp_path) as second:
        assert first.path != second.path
        for writer in (first, second):
            writer.append(RUN.encode(header()))
    assert run_files(tmp_path) == sorted([first.path, second.path])


def test_damaged_lines_are_named_and_the_rest_is_used(tmp_path: Path) -> None:
    path = write_run(tmp_path, ROUND, ROUND, End(reason="finished"))
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = b'{"kind": "rec\xff\n'
    path.write_bytes(b"".join(lines)[:-4])
    run = read_run(path)
    assert [damage.line for damage in run.damages] == [2, 4]
    assert str(run.damages[0]).startswith(f"{path}, line 2: not a complete JSON object")
    assert run.lines == (ROUND,)
    assert not run.finished


@pytest.mark.parametrize(
    ("line", "lacking"),
    [
        (record(), "batch_size"),
        (record(), "median_s"),
        (record(), "samples_per_round"),
        (failure(), "device"),
        (failure(), "reason"),
    ],
)
def test_a_line_that_lacks_what_its_kind_must_have_is_damaged(
    tmp_path: Path, line: Record | Failure, lacking: str
) -> None:
    path = write_run(tmp_path, line, line)
    first, whole, part = path.read_text().splitlines()
    row = json.loads(part)
    del row[lacking]
    path.write_text("\n".join([first, whole, json.dumps(row)]))
    run = read_run(path)
    assert run.lines == (line,)
    kind = json.loads(whole)["kind"]
    assert [str(each) for each in run.damages] == [
        f"{path}, line 3: damaged {kind}: {lacking} is missing"
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "not a complete JSON object .*: repair the line or remove the file"),
        (b"{}", "kind is one of header, .*: repair the line or remove the file"),
        (RUN.encode(record()), "not the header of a run: repair the line or remove the file"),
        (b'{"kind":"header"}', "format is missing: repair the line or remove the file"),
        (
            RUN.encode(header(format=9)),
            "format 9 is not 1: read it with the version .* that wrote it",
        ),
    ],
)
def test_a_file_without_a_header_of_this_format_is_refused(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(content)
    with pytest.raises(BadFileError, match=f"run.jsonl, line 1: .*{problem}"):
        read_run(path)


def test_a_run_that_cannot_be_read_is_a_damage_and_the_others_are_read(tmp_path: Path) -> None:
    whole = write_run(tmp_path, ROUND, first=header("2"))
    broken = write_run(tmp_path, ROUND, first=header("1", format=9))
    runs, damages = read_runs(tmp_path)
    assert [run.path for run in runs] == [whole]
    assert [(damage.path, damage.line) for damage in damages] == [(broken, 1)]
    assert damages[0].reason.startswith("the run is skipped: format 9 is not 1")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match="cannot be read"):
        read_run(tmp_path / "none.jsonl")


def test_a_run_is_found_by_path_by_name_and_by_being_the_newest(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match="there is no run in"):
        find_run(tmp_path)
    names = ("20260101T000000Z-1", "20270101T000000Z-1")
    _, newest = (write_run(tmp_path, first=header(name)) for name in names)
    (newest.parent / "20290101T000000Z-1.jsonl").touch()  # killed before its first line
    assert find_run(tmp_path) == newest
    assert find_run(tmp_path, newest.stem) == newest
    assert find_run(tmp_path, str(newest)) == newest
    with pytest.raises(BadFileError, match="did you mean 20270101T000000Z-1 or 2026"):
        find_run(tmp_path, "20280101T000000Z-1")
