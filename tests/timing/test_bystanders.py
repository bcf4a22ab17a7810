"""Processor time of others: arithmetic over counters of our own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NamedTuple

import psutil
import pytest

from opbench.timing import bystanders
from opbench.timing.bystanders import watch_bystanders


class Times(NamedTuple):
    """Seconds of all cores, as the kernel counts them."""

    user: float
    idle: float
    steal: float


class Machine:
    """Two cores, this process, and the processes that it has started."""

    def __init__(self) -> None:
        self.now = self.busy = self.stolen = self.own = 0.0
        self.started: list[Any] = []

    def monotonic(self) -> float:
        return self.now

    def cpu_times(self) -> Times:
        return Times(user=self.busy, idle=2 * self.now - self.busy, steal=self.stolen)

    def times(self) -> tuple[float, ...]:
        # User, system, and those of children that have ended; then the wall clock's.
        return 0.75 * self.own, 0.25 * self.own, 0.0, 0.0, self.now

    def children(self, *, recursive: bool) -> list[Any]:
        assert recursive
        return self.started


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    monkeypatch.setattr(bystanders, "time", made)
    monkeypatch.setattr(bystanders, "os", made)
    monkeypatch.setattr(psutil, "cpu_times", made.cpu_times)
    monkeypatch.setattr(psutil, "Process", lambda: made)
    return made


def test_others_are_what_is_busy_beside_this_process(machine: Machine) -> None:
    busy = watch_bystanders()
    machine.now, machine.busy, machine.own, machine.stolen = 2.0, 3.0, 2.0, 0.5
    assert busy() == pytest.approx((0.5, 0.25))


def test_a_stretch_of_a_few_ticks_says_nothing(machine: Machine) -> None:
    busy = watch_bystanders()
    machine.now = machine.busy = 0.05
    assert busy() == (None, None)


def test_processes_that_this_one_started_are_no_others(machine: Machine) -> None:
    def gone() -> None:
        raise psutil.NoSuchProcess(1)

    busy = watch_bystanders()
    # Two processes of a compiler, each a second busy, itself and its children together.
    compiler = SimpleNamespace(cpu_times=lambda: (0.5, 0.25, 0.25, 0.0, 0.0))
    machine.started = [compiler, compiler, SimpleNamespace(cpu_times=gone)]
    machine.now, machine.busy, machine.own = 2.0, 4.0, 1.0
    assert busy() == pytest.approx((0.5, 0.0))
