"""``--executor slurm``: what is submitted, and what is said while it runs."""

from __future__ import annotations

import json
import pickle
import re
import shlex
import sys
from pathlib import Path

import pytest
import typer

from opbench.cli import executor_watch
from tests.documents import README
from tests.executors.conftest import Noted
from tests.fixtures import Opbench

pytest.importorskip("submitit")

WAITS = "7|PENDING|Resources\n"
RUNS = "7|RUNNING|None\n"
CALL = (
    *("run", "lenet5", "-b", "1,2,4,8,16", "--in-process"),
    *("--executor", "slurm", "--shards", "2", "--results", "r"),
)


def tasks(folder: Path) -> list[tuple[str, ...]]:
    """The command lines that were submitted."""
    found = sorted(folder.rglob("*_submitted.pkl"))
    return [pickle.loads(path.read_bytes()).function.words for path in found]


def test_the_script_asks_for_what_was_asked_for(
    slurm: Noted, opbench: Opbench, tmp_path: Path
) -> None:
    result = opbench(
        *CALL, "--device", "cuda", "--slurm", "partition=gpu", "--slurm=gres=gpu:1",
        "--slurm", "time=30",
    )  # fmt: skip
    assert "submitted job 7 of 2 shards" in result.stderr
    assert result.exit_code == 1  # the job is gone, and nothing is measured
    assert {"--partition=gpu", "--gres=gpu:1", "--time=30", "--requeue"} <= {*slurm.options}
    assert "--array=0-1%2" in slurm.options
    assert "--exclusive" not in slurm.options


def test_a_task_is_the_command_as_it_was_typed_with_its_shard(
    slurm: Noted, opbench: Opbench, tmp_path: Path
) -> None:
    opbench(*CALL, "--slurm", "partition=gpu", "--slurm=gres=gpu:1", "--format", "json")
    ours = ("--resume", "--wait", "--results", str(tmp_path / "r"))
    typed = ("lenet5", "-b", "1,2,4,8,16", "--in-process")
    assert tasks(tmp_path) == [("run", "--shard", f"{part}/2", *ours, *typed) for part in (1, 2)]


def test_timing_on_processors_has_nodes_to_itself(slurm: Noted, opbench: Opbench) -> None:
    opbench(*CALL)
    assert "--exclusive" in slurm.options
    opbench(*CALL, "--slurm", "exclusive=no")
    assert "--exclusive" not in slurm.options


def test_a_process_that_is_killed_puts_its_job_back(slurm: Noted, opbench: Opbench) -> None:
    opbench(*CALL)
    assert '  scontrol requeue "$SLURM_JOB_ID"' in slurm.script


def test_the_same_command_finds_its_job_again(slurm: Noted, opbench: Opbench) -> None:
    slurm.queues(WAITS, WAITS)
    result = opbench(*CALL)
    assert "job 7 is in the queue already" in result.stderr
    assert "1 waiting (Resources)" in result.stderr
    assert slurm.script == []
    assert result.exit_code == 1
    assert "start the same command again" in result.stderr


def test_ctrl_c_leaves_the_job_where_nobody_can_be_asked(
    slurm: Noted, opbench: Opbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor_watch, "sleep", _interrupt)
    slurm.queues(RUNS, RUNS)
    result = opbench(*CALL)
    assert result.exit_code == 130
    assert "`scancel 7` ends it" in result.stderr
    assert slurm.cancelled == ""


@pytest.mark.parametrize("answer", [True, False])
def test_ctrl_c_asks_whether_to_cancel(
    slurm: Noted, opbench: Opbench, monkeypatch: pytest.MonkeyPatch, answer: bool
) -> None:
    monkeypatch.setattr(executor_watch, "sleep", _interrupt)
    monkeypatch.setattr(executor_watch, "_can_ask", lambda: True)
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: answer)
    slurm.queues(RUNS, RUNS)
    assert opbench(*CALL).exit_code == 130
    assert slurm.cancelled == ("7" if answer else "")


def _interrupt(seconds: float) -> None:
    raise KeyboardInterrupt


def test_a_controller_of_slurm_that_is_away_for_a_while_is_waited_for(
    slurm: Noted, opbench: Opbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor_watch, "sleep", lambda seconds: None)
    away = "squeue: error: Unable to contact slurm controller\n"
    slurm.queues(RUNS, RUNS, away, away, RUNS)
    result = opbench(*CALL)
    assert result.stderr.count("Unable to contact slurm controller") == 1
    assert result.stderr.count("no shard is left in the queue") == 1


def test_what_slurm_refuses_is_said_in_one_line(slurm: Noted, opbench: Opbench) -> None:
    (slurm.folder / "sbatch").write_text(
        "#!/bin/bash\necho 'sbatch: error: invalid partition specified: gpu' >&2\nexit 1\n"
    )
    result = opbench(*CALL, "--slurm", "partition=gpu")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == (
        "error: Slurm refused the job: invalid partition specified: gpu"
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("run", "lenet5", "--slurm", "partition=gpu"), "is for --executor slurm"),
        (("run", "lenet5", "--shards", "2"), "is for --executor slurm"),
        ((*CALL, "--shard", "1/2"), "remove --shard"),
        ((*CALL, "--resume"), "remove --resume"),
        ((*CALL, "--json"), "remove --json"),
        ((*CALL, "--slurm", "array=1-2"), "remove it"),
    ],
)
def test_what_cannot_be_beside_it_is_refused(
    slurm: Noted, opbench: Opbench, arguments: tuple[str, ...], told: str
) -> None:
    result = opbench(*arguments)
    assert (result.exit_code, told in result.stderr) == (2, True), result.stderr
    assert slurm.script == []


def test_a_machine_without_slurm_says_so(
    opbench: Opbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    result = opbench(*CALL)
    assert result.exit_code == 2
    assert "start it on a machine of the cluster" in result.stderr


def test_without_submitit_the_command_that_installs_it_is_said(
    opbench: Opbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [each for each in sys.modules if each.startswith("opbench.executors")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("submitit", "submitit.core.utils"):
        monkeypatch.setitem(sys.modules, name, None)
    result = opbench(*CALL)
    assert result.exit_code == 2
    assert "pip install 'opbench[slurm]'" in result.stderr


@pytest.mark.usefixtures("quick_rounds")
def test_unequal_nodes_are_told(slurm: Noted, opbench: Opbench, tmp_path: Path) -> None:
    quick = ("--in-process", "--rounds", "3", "--max-seconds", "0.01", "--results", "r")
    for part in (1, 2):
        opbench("run", "lenet5", "-b", "1,2", *quick, "--shard", f"{part}/2")
    _, other = sorted((tmp_path / "r" / "runs").iterdir())
    first, *rest = other.read_text().splitlines(keepends=True)
    header = json.loads(first)
    header["environment"]["cpu"] = "another"
    other.write_text("".join([f"{json.dumps(header)}\n", *rest]))
    told = opbench("run", "lenet5", "-b", "1,2", *quick, "--executor", "slurm", "--shards", "2")
    assert told.exit_code == 0, told.stderr
    assert "every cell of this plan is in r" in told.stderr
    assert "the nodes are not equal, by cpu:" in told.stderr
    assert slurm.script == []


@pytest.mark.slow  # all built-in networks
def test_the_recipe_works_as_it_is_written(slurm: Noted, opbench: Opbench) -> None:
    (line,) = re.findall(r"`opbench (run [^`]*--executor slurm[^`]*)`", README.read_text())
    assert "submitted job 7 of 8 shards" in opbench(*shlex.split(line)).stderr
    assert "--gres=gpu:1" in slurm.options
