"""Shards on a real Slurm: whatever ends a task or the controller, all is measured, and once."""

from __future__ import annotations

import grp
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from opbench.accuracy.measured.store import read_evaluations
from opbench.record import Record
from opbench.runs.lines import Resumed, RoundLine
from opbench.runs.store import RunFile, read_runs
from tests.evaluation import images
from tests.executors.cluster import Cluster
from tests.fixtures import Opbench, Rows

pytestmark = pytest.mark.slow
pytest.importorskip("submitit")

# Networks of almost no work, measured beside almost no work, that are slow until there is a file.
NETWORKS = """
import time
from pathlib import Path

from torch import nn

from opbench.timing import ceilings, quality, reference, yardstick

ceilings._SECONDS = 0.0
ceilings._COPY_BYTES = {"cpu": 1 << 16}
ceilings._SMALLEST_PRODUCT = ceilings._LARGEST_PRODUCT = 64
reference._CHANNELS, reference._EDGE = 4, 8
yardstick._PRODUCT, yardstick._COPY = {"cpu": 64}, {"cpu": 1 << 16}
quality._starved = lambda rounds: 0


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(8, 8)

    def forward(self, x):
        if x.device.type != "meta" and not Path(__file__).with_name("fast").exists():
            time.sleep(0.5)
        return self.linear(x)


a = b = Net
"""
QUICK = ("--in-process", "--rounds", "3", "--max-seconds", "0.01")
SWEEP = ("run", "nets.py:a", "nets.py:b", "--input-size", "1x1x8", "-b", "1,2,3", *QUICK)


@pytest.fixture
def lab(real_slurm: Cluster, tmp_path: Path) -> Path:
    """The folder of a lab: networks, and what is measured in r."""
    (tmp_path / "nets.py").write_text(NETWORKS)
    return tmp_path


def by_slurm(shards: int, *words: str) -> list[str]:
    call = (sys.executable, "-m", "opbench", *words, "--results", "r")
    return [*call, "--executor", "slurm", "--shards", str(shards)]


def run(
    cluster: Cluster, lab: Path, words: list[str], exit_code: int = 0, **more: Any
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        words, cwd=lab, env=cluster.environment, capture_output=True, text=True, timeout=300, **more
    )
    assert done.returncode == exit_code, f"{done.stderr}\n{logs(lab)}"
    return done


def logs(lab: Path) -> str:
    return "\n".join(path.read_text(errors="replace") for path in lab.rglob("*log.out"))


def runs(lab: Path) -> list[RunFile]:
    found, damages = read_runs(lab / "r")
    assert damages == ()
    return found


def measured(lab: Path) -> list[str]:
    """Every cell that has a record, as often as it has one."""
    return sorted(str(record.cell) for each in runs(lab) for record in each.of(Record))


def await_(condition: Callable[[], object], seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.1)


def in_the_middle(lab: Path) -> RunFile | None:
    """A run that has measured something and not all; a line may be half written."""
    found = [each for each in read_runs(lab / "r")[0] if each.of(RoundLine) and not each.finished]
    return found[0] if found else None


def shards_running(lab: Path) -> list[psutil.Process]:
    """The processes that measure into the folder of a lab."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = process.cmdline()
            found += [process] if "--shard" in words and str(lab / "r") in words else []
    return found


def test_a_sweep_in_four_shards_is_the_plan(real_slurm: Cluster, lab: Path) -> None:
    (lab / "fast").touch()
    shared = ("--slurm", "exclusive=no")  # so that tasks of one node wait for its processor
    told = run(real_slurm, lab, [*by_slurm(4, *SWEEP), *shared, "--format", "json"])
    rows = json.loads(told.stdout)
    expected = [(name, batch) for name in ("nets.py:a", "nets.py:b") for batch in (1, 2, 3)]
    assert [(row["name"], row["batch_size"]) for row in rows] == expected
    assert measured(lab) == sorted(set(measured(lab)))
    assert len(measured(lab)) == len(expected)
    assert "6 measured, 0 failed" in told.stderr
    for each in runs(lab):
        assert each.header.opbench and each.header.environment["cpu"]


def test_a_task_that_is_preempted_and_then_killed_continues_in_its_file(
    real_slurm: Cluster, lab: Path
) -> None:
    words = by_slurm(1, *SWEEP)
    with subprocess.Popen(words, cwd=lab, env=real_slurm.environment) as controller:
        await_(lambda: in_the_middle(lab))
        job = real_slurm.ask("squeue", "--noheader", "-o%A").strip()
        real_slurm.ask("scancel", "--signal=USR2", job)  # as before the end of a job
        await_(lambda: "resumed" in next((lab / "r" / "runs").iterdir()).read_text())
        shards = shards_running(lab)
        assert shards
        for shard in shards:
            shard.kill()
        (lab / "fast").touch()
        assert controller.wait(300) == 0, logs(lab)
    (run,) = runs(lab)
    assert len(run.of(Resumed)) == 2
    assert len(measured(lab)) == len(set(measured(lab))) == 6


def test_what_a_cancelled_task_and_a_killed_controller_leave_is_filled(
    real_slurm: Cluster, lab: Path
) -> None:
    words = by_slurm(2, *SWEEP)
    with subprocess.Popen(words, cwd=lab, env=real_slurm.environment) as controller:
        await_(lambda: in_the_middle(lab))
        controller.kill()
    running = next(task for task, state in real_slurm.tasks().items() if state == "RUNNING")
    job = real_slurm.ask("squeue", "--noheader", "-o%F").split()[0]
    real_slurm.ask("scancel", f"{job}_{running}")
    said = lab / "said"
    with (
        said.open("w") as file,
        subprocess.Popen(words, cwd=lab, env=real_slurm.environment, stderr=file) as controller,
    ):
        await_(lambda: f"job {job} is in the queue already" in said.read_text())
        (lab / "fast").touch()
        assert controller.wait(300) == 1, said.read_text()
    assert "a shard ended early" in said.read_text()
    assert "start the same command again" in said.read_text()
    told = run(real_slurm, lab, words)
    assert "of 1 shard" in told.stderr
    assert len(measured(lab)) == len(set(measured(lab))) == 6


@contextmanager
def full(folder: Path) -> Iterator[dict[str, Any]]:
    """Make ``folder`` one with room for little: a small file system, or as good as one.

    Yields what to start the process with that submits, whose limits Slurm gives its tasks.
    """
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", folder])
    if mounted.returncode:
        limit = (4096, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
        yield {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit)}
        return
    try:
        yield {}
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_folder_is_said_and_filled_when_there_is_room(
    real_slurm: Cluster, lab: Path
) -> None:
    (lab / "fast").touch()
    with full(lab / "r") as limits:
        told = run(real_slurm, lab, by_slurm(1, *SWEEP), exit_code=1, **limits)
        assert "cannot be written" in told.stderr
        assert "make room" in told.stderr
        before = measured(lab)
        subprocess.run(["mount", "-o", "remount,size=8m", lab / "r"], stderr=subprocess.DEVNULL)
        run(real_slurm, lab, by_slurm(1, *SWEEP))
        assert len(measured(lab)) == len(set(measured(lab))) == 6 > len(before)


def another_user() -> dict[str, Any]:
    """Return how to start a process as another user, who can start this Python; else nothing."""
    nobody: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": []}
    with suppress(PermissionError):
        if subprocess.run([sys.executable, "-c", ""], **nobody).returncode == 0:
            return nobody
    return {}


def test_two_users_share_a_folder(real_slurm: Cluster) -> None:
    """The second is another user of the system where this one may become one."""
    nobody = another_user()
    with tempfile.TemporaryDirectory() as folder:
        lab = Path(folder)
        (lab / "nets.py").write_text(NETWORKS)
        (lab / "fast").touch()
        (lab / "r").mkdir()
        if nobody:
            os.chown(lab / "r", 0, grp.getgrnam("nogroup").gr_gid)
        (lab / "r").chmod(0o2775)
        lab.chmod(0o755)
        sweeps = [(f"nets.py:{name}", "--input-size", "1x1x8", *QUICK) for name in "ab"]
        controllers = [
            subprocess.Popen(
                by_slurm(1, "run", *sweep), cwd=lab, env={**real_slurm.environment, "HOME": folder},
                umask=0o002, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **user,
            )
            for sweep, user in zip(sweeps, ({}, nobody), strict=True)
        ]  # fmt: skip
        for controller in controllers:
            _, told = controller.communicate(timeout=300)
            assert controller.returncode == 0, f"{told}\n{logs(lab)}"
            assert "1 measured, 0 failed" in told
        assert len(runs(lab)) == 2
        owners = {each.path.owner() for each in runs(lab)}
        assert len(owners) == (2 if nobody else 1)


def test_an_evaluation_in_shards_has_the_answers_of_one_process(
    real_slurm: Cluster, lab: Path, opbench: Opbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lab)
    (lab / "reader.py").write_text(images.READER)
    images.folder(lab / "data", [(number % 8, number * 5 % 8) for number in range(60)])
    words = ("evaluate", "reader.py:Reader", "--data", "data", "-b", "8")
    assert opbench(*words, "--results", "r").exit_code == 0
    told = run(real_slurm, lab, by_slurm(2, *words))
    assert "images: 60 of 60 done" in told.stderr
    alone, sharded = read_evaluations(lab / "r")[0]
    assert sharded.complete and sharded.twice == ()
    assert len(sharded.paths) == 2
    assert sharded.answers == alone.answers


def test_a_count_in_shards_has_the_rows_of_one_process(
    real_slurm: Cluster, lab: Path, rows: Rows
) -> None:
    words = ("count", "lenet5", "squeezenet1_*", "nin", "--format", "json")
    told = run(
        real_slurm,
        lab,
        [sys.executable, "-m", "opbench", *words, "--executor", "slurm", "--shards", "2"],
    )
    assert json.loads(told.stdout) == rows(*words[:-2])
