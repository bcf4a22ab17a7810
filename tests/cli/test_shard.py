"""``--shard`` of ``opbench count`` and ``run``: parts make the whole; where I/N is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opbench.runs.parts import join_plans
from opbench.runs.store import read_runs
from tests.fixtures import Opbench, Rows

CONV = f"{Path(__file__).parents[1] / 'runs' / 'networks.py'}:conv"
RUN = (
    "run", CONV, "--batch-size", "1,2,4", "--input-size", "3x8x8", "--in-process", "--rounds", "3",
    "--max-seconds", "0.05", "--precision", "0.5",
)  # fmt: skip
NAMES = ("lenet5", "ciresan_mlp", "ciresan_mlp_9x1000")

pytestmark = pytest.mark.usefixtures("quick_rounds")


def test_shards_of_a_count_are_the_whole(rows: Rows) -> None:
    whole = rows("count", *NAMES)
    parts = [row for part in (1, 2) for row in rows("count", *NAMES, "--shard", f"{part}/2")]
    assert sorted(parts, key=str) == sorted(whole, key=str)
    assert [row["name"] for row in whole] == list(NAMES)


def test_a_shard_without_targets_is_told(opbench: Opbench) -> None:
    """Of one target one of two shards has it."""
    results = [
        opbench("count", "lenet5", "--shard", f"{part}/2", "--format", "json") for part in (1, 2)
    ]
    assert [each.exit_code for each in results] == [0, 0]
    assert sorted(len(json.loads(each.stdout)) for each in results) == [0, 1]
    (empty,) = [each for each in results if json.loads(each.stdout) == []]
    assert "has none of 1 target" in empty.stderr


def test_shards_of_a_run_are_one_plan(
    opbench: Opbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three cells the first shard has two; the second is read from the environment."""
    result = opbench(*RUN, "--shard", "1/2", "--results", tmp_path)
    assert result.exit_code == 0, result.stderr
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    result = opbench(*RUN, "--shard", "auto", "--results", tmp_path)
    assert "--shard auto is 2/2: RANK=1 and WORLD_SIZE=2" in result.stderr
    runs, _ = read_runs(tmp_path)
    assert sorted((len(run.header.plan), run.header.shard) for run in runs) == [
        (1, "2/2"), (2, "1/2")
    ]  # fmt: skip
    (plan,) = join_plans(runs)
    assert (plan.planned, plan.missing, [*plan.absent()]) == (3, (), [])
    assert sorted(cell.batch_size for cell in plan.known) == [1, 2, 4]


def test_a_shard_without_cells_is_told_and_finished(opbench: Opbench, tmp_path: Path) -> None:
    asked = [*RUN, "--results", tmp_path]
    asked[3] = "1"
    for part in (1, 2):
        assert opbench(*asked, "--shard", f"{part}/2").exit_code == 0
    runs, _ = read_runs(tmp_path)
    assert sorted(len(run.header.plan) for run in runs) == [0, 1]
    assert all(run.finished for run in runs)
    again = opbench("run", "--resume", "--in-process", "--results", tmp_path)
    assert again.exit_code == 2
    assert "nothing is left to measure" in again.stderr.replace("\n", " ")


@pytest.mark.parametrize("command", ["run", "count", "evaluate"])
def test_no_scheduler_is_an_error(
    opbench: Opbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    for name in ("SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX", "OMPI_COMM_WORLD_RANK", "RANK"):
        monkeypatch.delenv(name, raising=False)
    more = ("--data", tmp_path) if command == "evaluate" else ()
    result = opbench(command, CONV, *more, "--shard", "auto")
    assert result.exit_code == 2
    assert "--shard auto: none of SLURM_ARRAY_TASK_ID" in result.stderr
