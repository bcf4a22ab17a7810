"""Kill commands at random moments: what is on disk is whole, and the next command goes on."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from opbench.lock.files import load as load_lock
from opbench.runs.lines import RoundLine
from opbench.runs.store import read_run, run_files
from tests.fixtures import Opbench

pytestmark = pytest.mark.slow

_KILLS = 20  # of each of three commands
_SIZE = ("--input-size", "3x8x8")
_QUICK = ("--rounds", "3", "--max-seconds", "0.05", "--precision", "0.5", *_SIZE)
_NET = """
import torch

def build():
    return torch.nn.Conv2d(3, {width}, 3)
"""


def _command(*args: str) -> list[str]:
    return [sys.executable, "-P", "-c", "from opbench.cli import main; main()", *args]


def _seconds(folder: Path, command: list[str]) -> float:
    """Run a command to its end, and return how long it took."""
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, capture_output=True, check=True, timeout=300)
    return time.perf_counter() - start


def _killed(folder: Path, command: list[str], seconds: float) -> None:
    """Kill a command and its children after ``seconds``, unless it has ended."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _attack(folder: Path, command: list[str], check: Callable[[int], None]) -> None:
    """Kill ``command`` at random moments of its life, and ``check`` the folder after each."""
    whole = _seconds(folder, command)
    chance = random.Random(20)
    for number in range(_KILLS):
        _killed(folder, command, chance.uniform(0.2, 1.0) * whole)
        check(number)


def _network(folder: Path, width: int = 4) -> str:
    (folder / "net.py").write_text(_NET.format(width=width))
    return "net.py:build"


@pytest.mark.usefixtures("quick_rounds")
def test_a_run_that_is_killed_loses_nothing_and_is_completed(
    tmp_path: Path, opbench: Opbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = _command("run", _network(tmp_path), *_QUICK, "--results", "results")
    runs = tmp_path / "results" / "runs"

    def check(number: int) -> None:
        for path in run_files(tmp_path / "results"):
            read_run(path)

    _attack(tmp_path, command, check)
    left = [each for each in sorted(runs.iterdir()) if each.stat().st_size]
    for number, path in enumerate(left):
        before = read_run(path)
        if not before.finished and number % 5 == 0:  # with workers, which take seconds to start
            _seconds(tmp_path, _command("run", "--resume", path.stem, "--results", "results"))
        elif not before.finished:
            resumed = opbench("run", "--resume", path.stem, "--in-process", "--results", "results")
            assert resumed.exit_code == 0, resumed.output
        after = read_run(path)
        assert after.finished
        assert after.lines[: len(before.lines)] == before.lines
        measured = [(line.cell, line.round.number) for line in after.of(RoundLine)]
        assert len(measured) == len(set(measured)) >= 3


def test_a_lock_whose_update_is_killed_is_the_old_or_the_new(tmp_path: Path) -> None:
    target = _network(tmp_path)
    path = tmp_path / "opbench.lock.json"
    allowed = []
    for width in (4, 5):
        _network(tmp_path, width)
        _seconds(tmp_path, _command("check", "--update", target, *_SIZE))
        allowed.append(load_lock(path).networks[target].macs)

    def check(number: int) -> None:
        assert load_lock(path).networks[target].macs in allowed
        _network(tmp_path, 4 + number % 2)

    _attack(tmp_path, _command("check", "--update", target), check)
    # Six by six positions, 27 products behind each, 4 or 5 channels.
    assert allowed == [36 * 27 * 4, 36 * 27 * 5]


def test_a_page_whose_report_is_killed_is_the_old_or_the_new(tmp_path: Path) -> None:
    runs = (Path(__file__).parents[2] / "results" / "runs").iterdir()
    folder = tmp_path / "results" / "runs"
    folder.mkdir(parents=True)
    shutil.copy(min(runs, key=lambda path: path.stat().st_size), folder)
    page = tmp_path / "results" / "index.html"
    command = _command("report", "--results", "results", "--no-figures")
    _seconds(tmp_path, command)
    first = page.read_bytes()

    def check(number: int) -> None:
        assert page.read_bytes() == first
        if number % 2:
            page.write_bytes(first)

    _attack(tmp_path, command, check)
    assert first.rstrip().endswith(b"</html>")
    # What a kill leaves of a page that was being written, the next report removes.
    _seconds(tmp_path, command)
    assert {each.name for each in page.parent.iterdir()} == {"runs", "index.html"}
