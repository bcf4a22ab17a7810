"""Files are replaced whole or not at all, and lines are appended whole by one process alone."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from opbench.errors import BadFileError
from opbench.files import Appender, locked, read, write
from opbench.live.lines import COMPARISON

BUSY = "being written by another process"


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """Refuse every write beyond ``size`` bytes of a file, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_is_replaced_in_a_folder_that_is_made_for_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    for content in (b"one", "two"):
        write(path, content)
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_a_link_stays_a_link_and_a_pipe_takes_what_comes(tmp_path: Path) -> None:
    file, link, pipe = tmp_path / "folder" / "file", tmp_path / "link", tmp_path / "pipe"
    write(file, "old")
    link.symlink_to(file)
    write(link, "new")
    assert link.is_symlink()
    assert file.read_text() == "new"
    assert list(file.parent.iterdir()) == [file]

    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    write(pipe, "data")
    reader.join()
    assert read == ["data"]
    assert pipe.is_fifo()


def test_a_file_that_is_a_link_to_a_pipe_takes_what_comes(tmp_path: Path) -> None:
    reading, writing = os.pipe()  # as /dev/stdout is one
    write(Path(f"/dev/fd/{writing}"), "data")
    os.close(writing)
    with os.fdopen(reading) as file:
        assert file.read() == "data"


@pytest.mark.parametrize("device", ["/dev/full", "/dev/zero", "/dev/null"])
def test_a_device_is_not_read_to_an_end_that_it_may_not_have(device: str) -> None:
    with pytest.raises(OSError, match="it is a device, not a file"):
        read(Path(device))


def test_half_a_character_is_written_as_its_escape(tmp_path: Path) -> None:
    write(tmp_path / "file", "data\udce9")
    assert (tmp_path / "file").read_bytes() == rb"data\udce9"


def test_writers_at_once_leave_the_file_of_one_of_them_whole(tmp_path: Path) -> None:
    path, pages = tmp_path / "index.html", [letter * 100_000 for letter in "abcd"]

    def write_often(page: str) -> None:
        for _ in range(10):
            write(path, page)

    threads = [threading.Thread(target=write_often, args=[page]) for page in pages]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert not path.exists() or path.read_text() in pages
    assert path.read_text() in pages
    assert list(tmp_path.iterdir()) == [path]


KILLED = """
import os, signal, sys
from pathlib import Path
from opbench.files import write

os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
write(Path(sys.argv[1]), "half")
"""


def test_what_killed_writers_leave_is_removed_by_the_next_and_nothing_else(tmp_path: Path) -> None:
    path, other = tmp_path / "page[1].html", tmp_path / ".page[1].html.old"
    other.touch()
    for _ in range(2):
        killed = subprocess.run([sys.executable, "-c", KILLED, path], check=False)
        assert killed.returncode == -signal.SIGKILL
        assert len({*tmp_path.iterdir()} - {other}) == 1
        assert not path.exists()
    write(path, "whole")
    assert path.read_text() == "whole"
    assert {*tmp_path.iterdir()} == {path, other}


def test_what_another_writer_is_at_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, fsync = tmp_path / "page.html", os.fsync

    def meanwhile(handle: int) -> None:
        monkeypatch.setattr(os, "fsync", fsync)
        write(path, "second")
        assert path.read_text() == "second"
        fsync(handle)

    monkeypatch.setattr(os, "fsync", meanwhile)
    write(path, "first")
    assert path.read_text() == "first"
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize("removed", ["file", "folder"])
def test_a_file_that_was_deleted_while_it_was_written_is_said(tmp_path: Path, removed: str) -> None:
    with Appender.create(tmp_path / "runs", "a") as appender:
        appender.append(b"one")
        if removed == "file":
            appender.path.unlink()
        else:
            shutil.rmtree(tmp_path / "runs")
        with pytest.raises(BadFileError, match=r"a\.jsonl was deleted while it was being written"):
            appender.append(b"two")


def test_a_disk_that_is_full_at_the_first_line_leaves_no_file(tmp_path: Path) -> None:
    full = pytest.raises(BadFileError, match="choose another folder with --results")
    with Appender.create(tmp_path, "a") as appender, files_no_larger_than(10), full:
        appender.append(b"x" * 100)
    assert not list(tmp_path.iterdir())


def test_a_comparison_on_a_full_disk_is_made_again(tmp_path: Path) -> None:
    with COMPARISON.new(tmp_path) as appender:
        appender.append(b"{}")
        full = pytest.raises(BadFileError, match=r"it: make room and compare again$")
        with files_no_larger_than(10), full:
            appender.append(b"x" * 100)


def test_half_a_line_on_a_full_disk_is_refused_when_the_file_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"half a line")
    with files_no_larger_than(11), pytest.raises(BadFileError, match="make room and continue"):
        Appender(path)
    assert path.read_bytes() == b"half a line"


def test_a_file_that_cannot_be_replaced_is_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with files_no_larger_than(100), pytest.raises(BadFileError, match=r"file cannot .*; make room"):
        write(path, "x" * 101, remedy="make room")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path: Path) -> None:
    path, usual = tmp_path / "file", tmp_path / "usual"
    usual.touch()
    write(path, "one")
    assert path.stat().st_mode == usual.stat().st_mode
    path.chmod(0o640)
    write(path, "two")
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_second_update_waits_for_the_first(tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with locked(tmp_path / "file"):
            order.append("second")

    waiting = threading.Thread(target=second)
    with locked(tmp_path / "file"):
        waiting.start()
        waiting.join(0.05)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]
    assert list(tmp_path.iterdir()) == []


def test_updates_that_wait_in_a_row_come_one_after_the_other(tmp_path: Path) -> None:
    path = tmp_path / "number"

    def add() -> None:
        for _ in range(20):
            with locked(path):
                write(path, str(int(path.read_text()) + 1))

    path.write_text("0")
    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text() == "80"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_of_an_update_is_its_own(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), locked(tmp_path / "file"):
        (tmp_path / "missing").read_text()
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_taken_has_a_number_behind_it(tmp_path: Path) -> None:
    names = []
    for _ in range(3):
        with Appender.create(tmp_path / "runs", "a") as appender:
            names.append(appender.path.name)
    assert names == ["a.jsonl", "a-2.jsonl", "a-3.jsonl"]


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadFileError, match=r"no file can be .* choose another folder"):
        Appender.create(tmp_path / "file" / "runs", "a")


def test_a_full_disk_is_refused() -> None:
    with Appender(Path("/dev/full")) as full, pytest.raises(BadFileError, match="No space left"):
        full.append(b"{}")


def test_lines_that_do_not_fit_are_taken_back_each_time(tmp_path: Path) -> None:
    with Appender.create(tmp_path, "a") as appender:
        appender.append(b"whole")
        with files_no_larger_than(106):
            for length in (1000, 200, 150):
                with pytest.raises(BadFileError, match="make room"):
                    appender.append(b"x" * length)
    assert appender.path.read_bytes() == b"whole\n"


def test_a_file_that_is_being_written_cannot_be_opened_for_writing_again(tmp_path: Path) -> None:
    with Appender.create(tmp_path, "a") as appender:
        appender.append(b"one")
        with pytest.raises(BadFileError, match=BUSY):
            Appender(appender.path)
        appender.append(b"two")
    with Appender(appender.path) as again:
        again.append(b"three")
    assert appender.path.read_bytes() == b"one\ntwo\nthree\n"


def test_a_file_that_has_grown_since_it_was_read_is_not_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"one\n")
    with Appender(path, size=4) as appender:
        appender.append(b"two")
    with pytest.raises(BadFileError, match=BUSY):
        Appender(path, size=4)


def test_what_is_appended_to_half_a_line_starts_on_a_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"one\nhal")
    with Appender(path) as appender:
        appender.append(b"two")
    assert path.read_bytes() == b"one\nhal\ntwo\n"
