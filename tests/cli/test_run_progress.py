"""What is told while a run is going: the time left, by arithmetic on what cells took."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from opbench.cli.run_progress import RunProgress
from opbench.runs.state import RunState
from opbench.timing.protocol import Protocol
from tests.builders import cell, failure, round_, round_line
from tests.cli.test_run import CONV, QUICK, START


class Going:
    """A run of three rounds at least, whose cells take what the test says."""

    def __init__(self) -> None:
        self.state = RunState([cell(name) for name in "abc"], Protocol(rounds=3), cores=2)
        self.progress = RunProgress(self.state, stream=False)

    def round(self, number: int, **took: float) -> None:
        self.progress.watcher.round(number, 3)
        for name, seconds in took.items():
            self.state.add(round_line(cell(name), round_(number, process_s=seconds)))

    @property
    def left_s(self) -> float | None:
        return self.progress._left_s()


def test_before_any_cell_is_done_nothing_is_said() -> None:
    going = Going()
    going.round(1)
    assert going.left_s is None


def test_in_the_first_round_the_others_take_what_the_first_ones_took() -> None:
    going = Going()
    going.round(1, a=2.0, b=4.0)
    # a twice and b twice more, c three times the 3 s that they took on average.
    assert going.left_s == pytest.approx(2 * 2 + 2 * 4 + 3 * 3)


def test_a_cell_takes_what_it_took_last_and_one_that_failed_takes_nothing() -> None:
    going = Going()
    going.round(1, a=2.0, b=4.0, c=6.0)
    going.round(2, a=1.0)
    going.state.add(failure("c"))
    assert going.left_s == pytest.approx(1 * 1 + 2 * 4)


def test_of_the_rounds_for_what_is_not_precise_yet_nothing_is_known() -> None:
    going = Going()
    for number in (1, 2, 3, 4):
        going.round(number, a=1.0, b=1.0, c=1.0)
    assert going.left_s is None


@pytest.mark.slow
def test_on_a_terminal_a_bar_names_the_network(tmp_path: Path) -> None:
    import pty

    parent, child = pty.openpty()
    command = [sys.executable, "-c", START, "run", CONV, *QUICK, "--results", str(tmp_path)]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=child, env={**os.environ, "TERM": "xterm"}
    )
    os.close(child)
    said = b""
    try:
        while chunk := os.read(parent, 4096):
            said += chunk
    except OSError:
        pass  # the other end is closed
    assert process.wait(60) == 0
    assert b"round 1 of 3" in said
    assert b":conv (3x8x8, batch 1)" in said
