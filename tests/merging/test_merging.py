"""Merging: the same folder in any order and however often, and nothing lost."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opbench.errors import BadFileError
from opbench.files import Appender
from opbench.merging.folder import Change, plan_merge
from opbench.runs.lines import RUN
from tests.builders import failure, header, record, write_run

FIRST = header("20261127T050323Z-7", started="2026-11-27T05:03:23Z")
HEADERS = (FIRST, replace(FIRST, started="2026-11-27T05:03:24Z"))
LINES = [RUN.encode(failure(name)) + b"\n" for name in "abcd"]
DAMAGED = b'{"kind":"record","name":"a"\n'


def merge(results: Path, *paths: Path) -> list[Change]:
    """Merge and return what changed, by file."""
    merging = plan_merge(paths, results, (RUN,), lambda copies: ())
    changes = [Change(row.change) for row in merging.rows()]
    merging.write()
    return changes


def contents(results: Path) -> dict[str, bytes]:
    """Return the bytes of each file, by name."""
    return {path.name: path.read_bytes() for path in (results / "runs").iterdir()}


def _file(folder: Path, name: str, content: bytes) -> Path:
    path = folder / "runs" / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@st.composite
def copies(draw: st.DrawFn) -> bytes:
    """A run's file, whole or until it was stopped or continued elsewhere, or damaged."""
    first = RUN.encode(draw(st.sampled_from(HEADERS))) + b"\n"
    return first + b"".join(draw(st.lists(st.sampled_from([*LINES, DAMAGED]), max_size=5)))


def _readable(content: bytes) -> set[bytes]:
    return {line for line in content.splitlines() if line + b"\n" != DAMAGED}


FOLDERS = st.lists(
    st.dictionaries(
        st.sampled_from(["20261127T050323Z-7", "20261127T050323Z-8", "mine"]), copies(), max_size=3
    ).filter(bool),
    min_size=1,
    max_size=3,
)


@settings(max_examples=15)
@given(folders=FOLDERS, data=st.data())
def test_the_order_and_the_number_of_merges_make_no_difference(
    folders: Sequence[dict[str, bytes]], data: st.DataObject
) -> None:
    # Writing is as safe as ever; only waiting for the disk would take most of the time.
    with TemporaryDirectory() as temporary, patch("os.fsync"):
        top = Path(temporary)
        paths = [top / str(number) for number in range(len(folders))]
        for path, files in zip(paths, folders, strict=True):
            for name, content in files.items():
                _file(path, name, content)
        merge(top / "at once", *paths)
        for path in data.draw(st.permutations([*paths, *paths[:2]])):
            merge(top / "one by one", path)
        assert contents(top / "one by one") == contents(top / "at once")
        # Nothing is lost: each readable line is in a file with its header, and no file is made up.
        merged = contents(top / "at once").values()
        given_ = [content for files in folders for content in files.values()]
        assert set(merged) <= set(given_)
        for content in given_:
            assert any(_readable(content) <= _readable(other) for other in merged)
        assert len(merged) == len(set(merged)), "a file is there twice"
        before = contents(top / "at once")
        assert set(merge(top / "at once", *paths)) == {Change.known}
        assert contents(top / "at once") == before


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[tuple[Path, Path, Path]]:
    """Two folders to merge and the one to merge into."""
    yield tmp_path / "one", tmp_path / "two", tmp_path / "results"


def test_a_file_keeps_its_name_and_its_bytes(folders: tuple[Path, Path, Path]) -> None:
    one, two, results = folders
    first = write_run(one, record("a"), first=header("a"))
    second = write_run(two, record("b"), first=header("b"))
    assert merge(results, one, second) == [Change.new, Change.new]
    assert contents(results) == {path.name: path.read_bytes() for path in (first, second)}


def test_a_run_that_went_on_replaces_the_copy_of_before_and_not_the_other_way_round(
    folders: tuple[Path, Path, Path],
) -> None:
    one, two, results = folders
    first = RUN.encode(FIRST) + b"\n"
    _file(one, "run", first + LINES[0])
    _file(two, "run", first + LINES[0] + LINES[1])
    assert merge(results, one) == [Change.new]
    assert merge(results, two) == [Change.longer]
    assert merge(results, one) == [Change.known]
    assert contents(results) == {"run.jsonl": first + LINES[0] + LINES[1]}


def test_copies_that_went_on_apart_are_both_kept(folders: tuple[Path, Path, Path]) -> None:
    one, two, results = folders
    first = RUN.encode(FIRST) + b"\n"
    apart = [first + LINES[0] + LINES[1], first + LINES[0] + LINES[2]]
    for folder, content in zip((one, two), apart, strict=True):
        _file(folder, "run", content)
    merge(results, one, two)
    names = [f"run~{hashlib.sha256(content).hexdigest()[:8]}.jsonl" for content in apart]
    assert contents(results) == dict(zip(names, apart, strict=True))


def test_two_machines_that_gave_one_name_keep_both_runs(folders: tuple[Path, Path, Path]) -> None:
    """In containers started at one moment the processes have equal numbers."""
    one, two, results = folders
    name = "20261127T050323Z-7"
    both = [RUN.encode(each) + b"\n" + LINES[0] for each in HEADERS]
    for folder, content in zip((one, two), both, strict=True):
        _file(folder, name, content)
    merge(results, two)
    assert list(contents(results)) == [f"{name}.jsonl"]
    merge(results, one)
    assert sorted(contents(results).values()) == sorted(both)
    assert all(each.startswith(f"{name}~") for each in contents(results))


def test_a_name_that_somebody_chose_is_kept(folders: tuple[Path, Path, Path]) -> None:
    one, _, results = folders
    content = RUN.encode(FIRST) + b"\n" + LINES[0]
    _file(results, "baseline", content)
    _file(one, FIRST.run, content)
    assert merge(results, one) == [Change.known]
    assert contents(results) == {"baseline.jsonl": content}


def test_of_two_copies_the_one_with_the_damaged_line_goes(
    folders: tuple[Path, Path, Path],
) -> None:
    one, two, results = folders
    first = RUN.encode(FIRST) + b"\n"
    _file(one, "run", first + DAMAGED + LINES[1])
    _file(two, "run", first + LINES[0] + LINES[1])
    assert merge(results, one) == [Change.new]
    assert merge(results, two) == [Change.longer]
    assert contents(results) == {"run.jsonl": first + LINES[0] + LINES[1]}


def test_what_cannot_be_read_is_left_out_and_not_written_over(
    folders: tuple[Path, Path, Path],
) -> None:
    one, _, results = folders
    spoilt = _file(results, "run", b"{}\n")
    content = RUN.encode(FIRST) + b"\n"
    _file(one, "run", content)
    _file(one, "spoilt", b'{"kind":"header"}\n')
    _file(one, "empty", b"")
    assert merge(results, one) == [Change.left_out, Change.new, Change.left_out]
    assert spoilt.read_bytes() == b"{}\n"
    named = f"run~{hashlib.sha256(content).hexdigest()[:8]}.jsonl"
    assert contents(results) == {"run.jsonl": b"{}\n", named: content}


def test_a_file_that_is_being_written_is_not_replaced(folders: tuple[Path, Path, Path]) -> None:
    one, _, results = folders
    first = RUN.encode(FIRST) + b"\n"
    path = _file(results, "run", first)
    _file(one, "run", first + LINES[0])
    _file(one, "other", RUN.encode(HEADERS[1]) + b"\n")
    with Appender(path), pytest.raises(BadFileError, match="being written by another process"):
        merge(results, one)
    assert contents(results) == {"run.jsonl": first}


def test_a_folder_without_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match=r"nothing to merge: no \.jsonl files, nor any in runs/"):
        merge(tmp_path / "results", tmp_path)
    with pytest.raises(BadFileError, match="No such file"):
        merge(tmp_path / "results", tmp_path / "missing")


def test_a_file_alone_is_known_by_its_header(tmp_path: Path) -> None:
    path = write_run(tmp_path, record("a"), failure("b"), first=header("a"))
    alone = path.rename(tmp_path / "a.jsonl")
    assert merge(tmp_path / "results", alone) == [Change.new]


@pytest.mark.parametrize("name", [".", "..", "~12345678", "a.b", "a~12345678"])
def test_a_file_of_any_name_stays_among_its_kind(tmp_path: Path, name: str) -> None:
    content = RUN.encode(FIRST) + b"\n"
    _file(tmp_path / "one", name, content)
    for _ in range(2):
        merge(tmp_path / "results", tmp_path / "one")
        assert list(contents(tmp_path / "results").values()) == [content]
        assert list((tmp_path / "results").glob("*.jsonl")) == []


def test_what_is_no_file_is_left_out_and_the_rest_is_merged(
    folders: tuple[Path, Path, Path],
) -> None:
    one, _, results = folders
    content = RUN.encode(FIRST) + b"\n"
    for folder in (one, results):
        _file(folder, "run", content)
        (folder / "runs" / "folder.jsonl").mkdir()
        (folder / "runs" / "link.jsonl").symlink_to("nowhere")
        os.mkfifo(folder / "runs" / "pipe.jsonl")
    assert merge(results, one) == [*[Change.left_out] * 3, Change.known]
    with pytest.raises(BadFileError, match="it is a pipe"):
        merge(results, one / "runs" / "pipe.jsonl")


def test_nothing_is_written_into_a_pipe(folders: tuple[Path, Path, Path]) -> None:
    one, _, results = folders
    _file(one, "run", RUN.encode(FIRST) + b"\n")
    (results / "runs").mkdir(parents=True)
    os.mkfifo(results / "runs" / "run.jsonl")
    assert Change.new in merge(results, one)
    assert (results / "runs" / "run.jsonl").is_fifo()
