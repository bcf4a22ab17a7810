"""Cells of a GPU share a process per round; whatever happens to it, the others go on in another."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from opbench.record import Cell
from opbench.runs import pool, watchdog
from opbench.runs.lines import RUN, CeilingsLine, RoundLine
from opbench.runs.loop import Run, RunSettings, Watcher
from opbench.runs.pool import ForkServer
from opbench.runs.state import RunState
from opbench.runs.store import read_run
from opbench.timing.protocol import Protocol
from opbench.timing.settings import CudaOptions
from tests.builders import cell, header
from tests.runs.gpu_worker import LOG

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


class Asked(NamedTuple):
    """One request, in the process that it reached."""

    process: str
    job: str
    name: str


class Logged(NamedTuple):
    """A run and the requests that its workers had."""

    run: Run
    asked: list[Asked]

    def processes(self, job: str = "", name: str = "") -> list[str]:
        """The processes of these requests, each once."""
        found = (each for each in self.asked if job in ("", each.job) and name in ("", each.name))
        return list(dict.fromkeys(each.process for each in found))


def go(
    folder: Path,
    plan: list[Cell],
    rounds: int,
    watcher: Watcher | None = None,
    cuda: CudaOptions | None = None,
) -> Logged:
    """Time ``plan`` on a GPU that is not there."""
    log = folder / "log"
    with pytest.MonkeyPatch.context() as patch, RUN.new(folder) as writer:
        patch.setenv(LOG, str(log))
        for name in ("_FIRST", "_LATER"):
            patch.setattr(pool, name, "time:time")
        for name in ("_LEAST_S", "_UNKNOWN_S"):
            patch.setattr(watchdog, name, 0.5)
        patch.setattr(watchdog, "_TIMES", 1)
        writer.append(RUN.encode(header()))
        state = RunState(plan, Protocol(rounds=rounds, max_seconds=1), cores=2)
        with ForkServer(worker="tests.runs.gpu_worker") as workers:
            run = Run(
                state=state,
                settings=RunSettings(cuda=cuda or CudaOptions()),
                writer=writer,
                workers=workers,
                watcher=watcher or Watcher(),
            )
            with suppress(KeyboardInterrupt):
                run.go()
    lines = log.read_text().splitlines()
    return Logged(run, [Asked(*line.split(" ")) for line in lines])


def on_gpu(*names: str) -> list[Cell]:
    return [cell(name, device="cuda:0") for name in names]


def test_three_cells_in_five_rounds_on_a_gpu_start_five_processes(tmp_path: Path) -> None:
    logged = go(tmp_path, on_gpu("a", "b", "c"), rounds=5)
    assert len(logged.processes()) == 5
    assert len(logged.run.state.records) == 3
    jobs = Counter((each.process, each.job) for each in logged.asked)
    assert set(jobs.values()) == {1, 3}  # ceilings and cells
    lines = read_run(logged.run.writer.path).of(CeilingsLine)
    assert [line.start_up_s for line in lines] == [1.5] * 5


def test_cells_of_a_cpu_have_a_process_each_and_those_of_a_gpu_share_one(
    tmp_path: Path,
) -> None:
    plan = [cell("a"), *on_gpu("a"), cell("b"), *on_gpu("b")]
    logged = go(tmp_path, plan, rounds=3)
    # In each of three rounds: the ceilings of the CPU, its two cells, and the GPU.
    assert len(logged.processes()) == 3 * (1 + 2 + 1)
    assert not logged.run.state.missing


def test_networks_of_one_file_share_a_process_that_no_other_code_has_run_in(tmp_path: Path) -> None:
    logged = go(tmp_path, on_gpu("a", "b", "f.py:a", "f.py:b", "g.py:a"), rounds=3)
    assert len(logged.processes()) == 3 * 3
    for ours, other in (("a", "b"), ("f.py:a", "f.py:b")):
        assert logged.processes("time", ours) == logged.processes("time", other)
    # What is measured before the first cell is no other code.
    alone = go(tmp_path / "alone", on_gpu("f.py:a", "f.py:b"), rounds=3)
    assert len(alone.processes()) == 3


@pytest.fixture(scope="module")
def mishaps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logged]:
    """A run in which cells crash, hang, fail and want all memory, with a steady one after each."""
    names = ("crashes", "crashes-beside-others", "spoils", "fails", "needs-all-memory", "hangs")
    plan = on_gpu(*(each for name in names for each in (name, f"after-{name}")))
    yield go(tmp_path_factory.mktemp("mishaps"), plan, rounds=3)


def test_whatever_one_does_the_others_are_measured(mishaps: Logged) -> None:
    failures = {each.name: line.reason for each, line in mishaps.run.state.failures.items()}
    crashed = "its process was killed by signal 11 (SIGSEGV)"
    assert failures == {
        "crashes": crashed,
        "spoils": "an illegal memory access was encountered",
        "fails": "ValueError: no such layer",
        "hangs": "it did not end within 0.5 s (--timeout)",
    }
    assert len(mishaps.run.state.records) == 8


@pytest.mark.parametrize("name", ["crashes", "crashes-beside-others", "spoils", "needs-all-memory"])
def test_what_ended_the_process_of_others_is_tried_once_more_alone(
    mishaps: Logged, name: str
) -> None:
    shared, alone = mishaps.processes("time", name)[:2]
    others = [each.process for each in mishaps.asked if each.name != name]
    assert alone not in others and shared in others


@pytest.mark.parametrize(("name", "tries"), [("fails", 1), ("hangs", 1), ("crashes", 2)])
def test_what_cannot_be_the_fault_of_others_is_not_tried_again(
    mishaps: Logged, name: str, tries: int
) -> None:
    assert sum(each.name == name for each in mishaps.asked) == tries


def test_a_failure_that_leaves_the_device_in_order_costs_no_process(mishaps: Logged) -> None:
    first = mishaps.processes("time", "after-fails")[0]
    assert mishaps.processes("time", "fails") == [first]


def test_after_a_graph_that_may_not_have_been_recorded_the_others_have_another_process(
    tmp_path: Path,
) -> None:
    logged = go(tmp_path, on_gpu("fails", "b"), rounds=3, cuda=CudaOptions(graph=True))
    assert not set(logged.processes("time", "fails")) & set(logged.processes("time", "b"))


def test_an_interrupt_leaves_no_process_behind_and_keeps_what_was_measured(tmp_path: Path) -> None:
    def interrupt(which: Cell, number: int) -> None:
        if which.name == "b":
            raise KeyboardInterrupt

    before = set(psutil.Process().children(recursive=True))
    logged = go(tmp_path, on_gpu("a", "b"), rounds=3, watcher=Watcher(cell=interrupt))
    started = set(psutil.Process().children(recursive=True)) - before
    assert not psutil.wait_procs(started, timeout=10)[1]
    assert [line.cell for line in read_run(logged.run.writer.path).of(RoundLine)] == on_gpu("a")
