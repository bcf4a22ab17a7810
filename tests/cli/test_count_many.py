"""``opbench count`` of many targets, in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from opbench.processes import calls
from tests.fixtures import Opbench, Write

NETS = """
import os, time
from pathlib import Path
from torch import nn

here = Path(__file__).parent

class Slow(nn.Module):
    def forward(self, x):
        (here / f"running {os.getpid()}").touch()
        time.sleep(60)

class Interrupted(nn.Module):
    def forward(self, x):
        raise KeyboardInterrupt

def broken():
    raise RuntimeError("no such weights")

def dies():
    os._exit(9)

def loud():
    print("built")
    return nn.Linear(6, 7)
"""


@pytest.fixture
def opbench(opbench: Opbench, monkeypatch: pytest.MonkeyPatch) -> Opbench:
    """The command line as it is where there are forks."""
    monkeypatch.setattr(calls, "FORKS", True)
    return opbench


@pytest.fixture
def nets(write: Write) -> Path:
    return write("nets.py", NETS)


@pytest.mark.slow
def test_several_processes_say_what_one_does_and_one_that_dies_is_a_row(
    opbench: Opbench, nets: Path
) -> None:
    names = ("alexnet", "squeezenet1_*", "lenet5")
    one = opbench("count", *names, "--format", "json")
    two = opbench("count", f"{nets}:dies", *names, "--format", "json", "--jobs", 2)
    assert two.exit_code == 1
    dead, *rest = json.loads(two.stdout)
    assert dead == {"name": f"{nets}:dies", "error": "its process ended with exit code 9"}
    assert rest == json.loads(one.stdout)


def test_what_fails_is_a_row_with_the_reason(opbench: Opbench, nets: Path) -> None:
    targets = (f"{nets}:broken", f"{nets}:loud", "lenet5")
    result = opbench("count", *targets, "--input-size", "6", "--format", "json")
    assert result.exit_code == 1
    broken, linear, lenet = json.loads(result.stdout)
    assert "no such weights" in broken["error"] and "no such weights" in result.stderr
    assert linear["macs"] == 6 * 7
    assert "did you mean 1x6x6?" in lenet["error"]


@pytest.mark.slow
def test_an_interrupt_that_a_target_raises_is_not_the_users(opbench: Opbench, nets: Path) -> None:
    targets = ("lenet5", f"{nets}:Interrupted")
    result = opbench("count", *targets, "--input-size", "1x32x32", "--format", "json")
    lenet, interrupted = json.loads(result.stdout)
    assert (result.exit_code, lenet["macs"]) == (1, 325_680)
    assert interrupted["error"].startswith("KeyboardInterrupt")


@pytest.mark.slow
def test_interrupted_processes_end_without_a_word(nets: Path, tmp_path: Path) -> None:
    command = ["count", f"{nets}:Slow", "lenet5", "--input-size", "1x32x32", "--jobs", "2"]
    command = [sys.executable, "-m", "opbench", *command]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 60
    while not (running := list(tmp_path.glob("running *"))):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said.endswith("interrupted\n") and "Traceback" not in said
    assert not any(_works(int(path.name.split()[1])) for path in running)


def _works(process: int) -> bool:
    """Whether a process exists that has not ended; nobody may have asked yet how one ended."""
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
