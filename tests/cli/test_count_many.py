"""``opbench count`` of many targets: several processes, and rows kept in a file."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

NETS = """
import os, time
from pathlib import Path
from torch import nn

here = Path(__file__).parent

def counted():
    with open(here / "built", "a") as file:
        file.write(f"{os.getpid()}\\n")
    return nn.Linear(6, 7)

class Slow(nn.Module):
    def forward(self, x):
        (here / "running").touch()
        time.sleep(60)

class Interrupted(nn.Module):
    def forward(self, x):
        raise KeyboardInterrupt

def broken():
    if not (here / "mended").exists():
        raise RuntimeError("no such weights")
    return nn.Linear(6, 7)

def dies():
    os._exit(9)
"""


@pytest.fixture
def nets(write) -> Path:
    return write("nets.py", NETS)


def test_several_processes_say_what_one_does_and_one_that_dies_is_a_row(opbench, nets) -> None:
    names = ("alexnet", "squeezenet1_*", "lenet5")
    one = opbench("count", *names, "--format", "json")
    two = opbench("count", f"{nets}:dies", *names, "--format", "json", "--jobs", 2)
    assert two.exit_code == 1
    dead, *rest = json.loads(two.stdout)
    assert dead == {"name": f"{nets}:dies", "error": "its process ended with exit code 9"}
    assert rest == json.loads(one.stdout)


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_what_a_file_holds_is_not_counted_again(opbench, nets, tmp_path, suffix) -> None:
    kept, size = tmp_path / f"kept.{suffix}", ("--input-size", "6")
    target = f"{nets}:counted"
    for _ in range(2):
        result = opbench("count", target, "--output", kept, *size, "--format", "json")
        assert result.exit_code == 0, result.stderr
        (row,) = json.loads(result.stdout)
        assert row["macs"] == 6 * 7
    builds = (tmp_path / "built").read_text().count("\n")
    opbench("count", target, *size)
    assert (tmp_path / "built").read_text().count("\n") == 2 * builds
    result = opbench("count", "lenet5", "vgg11", "--output", kept, "--format", "json")
    assert [row["name"] for row in json.loads(result.stdout)] == ["lenet5", "vgg11"]
    with kept.open(newline="") as file:
        lines = csv.DictReader(file) if suffix == "csv" else map(json.loads, file)
        assert [(row["name"], int(row["macs"])) for row in lines] == [
            (target, 42),
            ("lenet5", 325_680),
            ("vgg11", 7_609_090_048),
        ]


def test_the_last_rows_of_a_file_that_was_cut_short_are_counted_again(opbench, tmp_path) -> None:
    kept, names = tmp_path / "kept.jsonl", ("lenet5", "alexnet", "vgg11")
    first = opbench("count", *names, "--output", kept, "--format", "json")
    kept.write_bytes(kept.read_bytes()[:-30])
    again = opbench("count", *names, "--output", kept, "--format", "json")
    assert again.exit_code == 0
    assert f"{kept}, line 3" in again.stderr and "dropped" in again.stderr
    assert json.loads(again.stdout) == json.loads(first.stdout)
    assert len(kept.read_text().splitlines()) == 3


def test_a_failure_is_kept_and_tried_again(opbench, nets, tmp_path) -> None:
    args = ("count", f"{nets}:broken", "lenet5", "--input-size", "6", "--format", "json")
    keep = ("--output", tmp_path / "kept.csv")
    result = opbench(*args, *keep)
    assert result.exit_code == 1
    broken, lenet = json.loads(result.stdout)
    assert "no such weights" in broken["error"] and "cannot run" in lenet["error"]
    assert "no such weights" in (tmp_path / "kept.csv").read_text()
    (tmp_path / "mended").touch()
    broken, lenet = json.loads(opbench(*args, *keep).stdout)
    assert broken["macs"] == 42 and "cannot run" in lenet["error"]


def test_numbers_of_another_kind_do_not_join_a_file(opbench, tmp_path) -> None:
    kept = tmp_path / "kept.jsonl"
    opbench("count", "lenet5", "--output", kept)
    for other in (("--batch-size", 2), ("--dtype", "float16"), ("--input-size", "1x32x32")):
        result = opbench("count", "lenet5", "--output", kept, *other)
        assert result.exit_code == 2
        assert f"{kept}, line 1: lenet5 was counted with" in result.stderr
    result = opbench("count", "lenet5", "--output", kept, "--by", "module")
    assert result.exit_code == 2 and "--by module" in result.stderr


def test_interrupted_what_was_counted_stays(opbench, nets, tmp_path) -> None:
    kept = tmp_path / "kept.csv"
    names = ("lenet5", f"{nets}:Interrupted", "alexnet")
    result = opbench("count", *names, "--input-size", "1x32x32", "--output", kept)
    assert result.exit_code == 130
    assert "1 of 3 are in" in result.stderr and "interrupted" in result.stderr
    assert kept.read_text().count("\n") == 1 + 1


def test_interrupted_processes_end_without_a_word(nets, tmp_path) -> None:
    kept = tmp_path / "kept.jsonl"
    command = [sys.executable, "-m", "opbench", "count", f"{nets}:Slow", "lenet5", "alexnet"]
    command += ["--input-size", "1x32x32", "--output", str(kept), "--jobs", "2"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 60
    while not ((tmp_path / "running").exists() and kept.exists() and kept.read_text()):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    there, kept_rows = int(re.search(r"(\d+) of \d+ are in", said)[1]), kept.read_text().count("\n")
    # The signal may fall between a row's arrival on the disk and its being noted.
    assert kept_rows - 1 <= there <= kept_rows
