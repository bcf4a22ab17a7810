"""Folders and files that may not be read or written: a sentence and exit code 2, no traceback.

Root may read and write everything, so these commands give up that right first.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from opbench.registry import counts_csv
from tests import builders
from tests.made_up import record

_SETPRIV = shutil.which("setpriv")
_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
_GIVE_UP = [_SETPRIV or "", "--bounding-set=-dac_override,-dac_read_search"] if _ROOT else []
_START = [sys.executable, "-P", "-c", "from opbench.__main__ import main; main()"]

pytestmark = pytest.mark.skipif(
    os.name == "nt" or (_ROOT and not _SETPRIV),
    reason="needs file modes, and setpriv where root runs the tests",
)

_RESULTS = ("--results", "results")
_QUICK = ("--rounds", "3", "--max-seconds", "0.05")
_MINE = ("--accuracies", "mine.csv")
_SIZE = ("--input-size", "3x8x8")

_READERS = (
    ("list", "--columns", "name,latency_s", *_RESULTS),
    ("plot", "top1", *_RESULTS),
    ("report", "--no-figures", *_RESULTS),
    ("claims", *_RESULTS),
    ("runs", *_RESULTS),
    ("runs", "--delete", "latest", *_RESULTS),
    ("compare", "latest", "latest", *_RESULTS),
    ("run", "--resume", "latest", *_RESULTS),
    ("run", "lenet5", *_QUICK, *_RESULTS),
)
_OF_LOCK = (("check",), ("check", "lenet5"), ("check", "--update", "lenet5"))
_OF_TARGET = (
    ("count", "net.py:net", *_SIZE),
    ("show", "net.py:net", *_SIZE),
    ("run", "net.py:net", *_SIZE, *_QUICK),
)
_SETTINGS = (("check",), ("plot", "top1"), ("claims",), ("runs",), ("run", "lenet5", *_QUICK))
_WRITERS = (
    ("plot", "top1", "--output", "shut/figures"),
    ("report", "--no-figures", "--output", "shut/page.html"),
    ("check", "--update", "lenet5", "--lock", "shut/lock.json"),
    ("check", "lenet5", "--format", "junit", "--output", "shut/report.xml"),
    ("run", "lenet5", *_QUICK, "--results", "shut/results"),
)
_HERE = (
    ("plot", "top1", "--output", "figures"),
    ("report", "--no-figures", "--output", "page.html"),
    ("check", "--update", "alexnet"),
    ("run", "lenet5", *_QUICK, "--results", "mine"),
)

# What is shut, with which mode, the commands that need it, and what they name.
_CASES = {
    "results may not be read": ("results", 0o000, _READERS, "results"),
    "runs may not be read": ("results/runs", 0o000, _READERS, "results/runs"),
    "counts may not be read": ("results/counts.csv", 0o000, _READERS[1:4], "results/counts.csv"),
    "accuracies may not be read": (
        "mine.csv",
        0o000,
        [(*command, *_MINE) for command in _READERS[:4]],
        "mine.csv",
    ),
    "a run may not be read": ("results/runs/run.jsonl", 0o000, _READERS[6:8], "run.jsonl"),
    "the lock may not be read": ("opbench.lock.json", 0o000, _OF_LOCK, "opbench.lock.json"),
    "a target may not be read": ("net.py", 0o000, _OF_TARGET, "net.py"),
    "settings may not be read": ("pyproject.toml", 0o000, _SETTINGS, "pyproject.toml"),
    "runs may not be written": ("results/runs", 0o555, [_READERS[5], _READERS[8]], "results/runs"),
    "an output folder may not be written": ("shut", 0o555, _WRITERS, "shut"),
    "the current folder may not be written": (".", 0o555, _HERE, ""),
}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A project with everything that commands read; it may be removed again at the end."""
    rows = counts_csv.load()
    counts_csv.save(rows, tmp_path / "results" / "counts.csv")
    builders.write_run(tmp_path / "results", record(rows[0], 1))
    (tmp_path / "mine.csv").write_text(f"name,top1\n{rows[0].name},70\n")
    (tmp_path / "pyproject.toml").write_text("[tool.opbench]\nresults = 'results'\n")
    (tmp_path / "net.py").write_text("from torch.nn import Identity as net\n")
    (tmp_path / "shut").mkdir()
    assert _run(tmp_path, "check", "--update", "lenet5").returncode == 0
    yield tmp_path
    for path in (tmp_path, *tmp_path.rglob("*")):
        path.chmod(0o755)


def _run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*_GIVE_UP, *_START, *command], cwd=folder, capture_output=True, text=True, timeout=300
    )


@pytest.mark.slow
@pytest.mark.parametrize("case", _CASES)
def test_what_may_not_be_used_is_a_sentence(folder: Path, case: str) -> None:
    shut, mode, commands, named = _CASES[case]
    (folder / shut).chmod(mode)
    for command in commands:
        done = _run(folder, *command)
        last = done.stderr.rstrip().rpartition("\n")[2]
        assert (done.returncode, "Traceback" in done.stderr) == (2, False), (command, done.stderr)
        assert (last.startswith("error: ") and "ermission" in last) or "readable" in last, last
        assert named in last, (command, last)


def test_a_closed_folder_of_runs_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    runs = tmp_path / "results" / "runs"
    runs.mkdir(parents=True)
    runs.chmod(0)
    done = _run(tmp_path, "runs", *_RESULTS)
    runs.chmod(0o755)
    assert (done.returncode, done.stdout) == (2, "")
    assert "the folder results/runs cannot be read: Permission denied; make it" in done.stderr
