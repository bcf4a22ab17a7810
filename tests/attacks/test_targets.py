"""Targets that exit, crash, hang, use up memory or print: a row each, in every command."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from opbench.processes import calls

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not calls.FORKS, reason="there is no fork here"),
]

NETS = """
import ctypes, os, sys, threading, time
import torch
from torch import nn

def acting(act):
    class Acting(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(4, 5)
        def forward(self, x):
            act()
            return self.linear(x)
    return lambda: (Acting(), (torch.zeros(1, 4),))

def spin():
    while True: pass

def eat():
    kept = []
    while True: kept.append(bytearray(1 << 28))

def loud():
    for _ in range(2000):
        print("x" * 1000)
        sys.stderr.write("y" * 1000 + chr(10))
    os.write(1, b"raw" + bytes([10]))

def fork_and_stay():
    if os.fork() == 0:
        time.sleep(15)
        os._exit(0)

def spoil():
    os.chdir("/")
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    torch.set_num_threads(1)
    sys.excepthook = sys.stdout = None

def interrupt(): raise KeyboardInterrupt
def stop(): raise GeneratorExit

osexit = acting(lambda: os._exit(0))
segfault = acting(lambda: ctypes.string_at(0))
killed = acting(lambda: os.kill(os.getpid(), 9))
exits = acting(lambda: sys.exit(0))
interrupts = acting(interrupt)
stops = acting(stop)
asks = acting(input)
spins = acting(spin)
eats = acting(eat)
louds = acting(loud)
closes = acting(lambda: os.close(1))
threads = acting(lambda: threading.Thread(target=time.sleep, args=(60,)).start())
forks = acting(fork_and_stay)
spoils = acting(spoil)
fine = acting(lambda: None)
"""
DIES = "import os; os._exit(0)\nnet = None\n"
REASONS = {
    "dies.py:net": "its process ended with exit code 0",
    "nets.py:osexit": "its process ended with exit code 0",
    "nets.py:segfault": "its process was killed by signal 11 (SIGSEGV)",
    "nets.py:killed": "its process was killed by signal 9 (SIGKILL)",
    "nets.py:exits": "SystemExit: 0",
    "nets.py:interrupts": "KeyboardInterrupt",
    "nets.py:stops": "GeneratorExit",
    "nets.py:asks": "EOFError",
    "nets.py:spins": "it did not end within 10 s (--timeout)",
    "nets.py:eats": "MemoryError",
}
WELL = [
    *("nets.py:louds", "nets.py:threads", "nets.py:forks"),
    *("nets.py:spoils", "nets.py:fine"),
]
LIMIT = ("--timeout", "10")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "nets.py").write_text(NETS)
    (tmp_path / "dies.py").write_text(DIES)
    return tmp_path


def _little_memory() -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (3 << 30, 3 << 30))


def _run(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-P", "-c", "from opbench.cli import main; main()", *args],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        # More than one thread, which a target spoils; a second one may not start in little memory.
        env={name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"},
        preexec_fn=_little_memory,
    )
    assert "Traceback" not in done.stderr
    return done


def _rows(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    assert done.returncode == 1
    return {row["name"]: row for row in json.loads(done.stdout)}


def _explains(told: dict[str, str]) -> None:
    assert told.keys() == REASONS.keys()
    for name, reason in REASONS.items():
        assert reason in told[name], name


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_count(folder: Path, jobs: str) -> None:
    asked = ("count", *REASONS, *WELL, "lenet5", *LIMIT, "--jobs", jobs, "--format", "json")
    rows = _rows(_run(folder, *asked))
    assert all(rows.pop(name)["macs"] == 4 * 5 for name in WELL)
    assert rows.pop("lenet5")["macs"] == 325_680
    _explains({name: row["error"] for name, row in rows.items()})


def test_a_single_target_that_ends_its_process_is_a_row_as_well(folder: Path) -> None:
    (row,) = _rows(_run(folder, "count", "nets.py:osexit", "--format", "json")).values()
    assert row["error"] == REASONS["nets.py:osexit"]


def test_check(folder: Path) -> None:
    assert _run(folder, "check", "--update", *WELL, *LIMIT).returncode == 0
    rows = _rows(_run(folder, "check", *REASONS, *WELL, *LIMIT, "--format", "json"))
    assert all(rows.pop(name)["status"] == "equal" for name in WELL)
    assert {row["status"] for row in rows.values()} == {"cannot count"}
    _explains({name: row["note"] for name, row in rows.items()})


def test_run(folder: Path) -> None:
    quick = ("--rounds", "3", "--max-seconds", "0.05", "--results", "results")
    rows = _rows(_run(folder, "run", *REASONS, *WELL, *quick, *LIMIT, "--format", "json"))
    assert all(rows.pop(name)["macs"] == 4 * 5 for name in WELL)
    _explains({name: row["reason"] for name, row in rows.items()})


@pytest.mark.parametrize("name", ["nets.py:osexit", "nets.py:segfault", "nets.py:spins"])
def test_show(folder: Path, name: str) -> None:
    done = _run(folder, "show", name, *LIMIT)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"error: {name}: {REASONS[name]}" in done.stderr
