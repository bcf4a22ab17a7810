"""``opbench run --shard I/N --resume``: what no file of the folder has of a shard is measured."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from opbench.files import Appender
from opbench.record import Record
from opbench.runs import devices
from opbench.runs.lines import Resumed
from opbench.runs.store import RunFile, read_runs
from tests.fixtures import Opbench

pytestmark = pytest.mark.usefixtures("quick_rounds")

ASKED = ("run", "lenet5", "-b", "1,2", "--in-process", "--rounds", "3", "--max-seconds", "0.01")
SHARD = (*ASKED, "--shard", "1/1", "--resume", "--results", "r")


def runs() -> list[RunFile]:
    found, damages = read_runs(Path("r"))
    assert damages == ()
    return found


def measured() -> list[int]:
    """The batch size of each record, in all files."""
    return sorted(record.cell.batch_size for run in runs() for record in run.of(Record))


@pytest.fixture
def stopped(opbench: Opbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of the shard that was stopped after one of its two records."""
    monkeypatch.chdir(tmp_path)
    assert opbench(*SHARD).exit_code == 0
    (run,) = runs()
    lines = run.path.read_text().splitlines(keepends=True)
    records = [number for number, line in enumerate(lines) if '"kind":"record"' in line]
    run.path.write_text("".join(lines[: records[0] + 1]))
    assert measured() == [1]
    return run.path


def test_the_first_start_measures_all_and_the_next_nothing(
    opbench: Opbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert opbench(*SHARD).exit_code == 0
    again = opbench(*SHARD)
    assert (again.exit_code, len(runs())) == (0, 1)
    assert "nothing is left of this shard" in again.stderr
    assert measured() == [1, 2]


def test_a_file_is_continued(opbench: Opbench, stopped: Path) -> None:
    done = opbench(*SHARD)
    assert done.exit_code == 0
    assert f"continuing {stopped.stem}: 1 cell left, 1 measured before" in done.stderr
    (run,) = runs()
    assert run.of(Resumed)
    assert measured() == [1, 2]


def test_another_machine_measures_what_is_left_in_a_file_of_its_own(
    opbench: Opbench, stopped: Path
) -> None:
    first, *rest = stopped.read_text().splitlines(keepends=True)
    header = json.loads(first)
    header["environment"]["cpu"] = "another"
    before = "".join([json.dumps(header) + "\n", *rest])
    stopped.write_text(before)
    assert opbench(*SHARD).exit_code == 0
    assert stopped.read_text() == before
    (new,) = (run for run in runs() if run.path != stopped)
    assert [cell.batch_size for cell in new.header.plan] == [2]
    assert measured() == [1, 2]


def test_a_file_that_another_process_writes_is_left_alone(opbench: Opbench, stopped: Path) -> None:
    before = stopped.read_text()
    with Appender(stopped):
        assert opbench(*SHARD).exit_code == 0
    assert stopped.read_text() == before
    assert measured() == [1, 2]


@pytest.mark.parametrize("shard", [True, False])
def test_what_another_run_measured_while_this_waited_is_not_measured_again(
    opbench: Opbench, stopped: Path, monkeypatch: pytest.MonkeyPatch, shard: bool
) -> None:
    hold = devices.hold_devices

    @contextmanager
    def after_another(*_: object, **__: object) -> Iterator[bool]:
        monkeypatch.setattr(devices, "hold_devices", hold)
        assert opbench(*SHARD).exit_code == 0
        yield True

    monkeypatch.setattr(devices, "hold_devices", after_another)
    asked = SHARD if shard else ("run", "--resume", stopped.stem, "--in-process", "--results", "r")
    done = opbench(*asked, "--wait")
    assert "nothing is left" in done.stderr
    assert measured() == [1, 2]
