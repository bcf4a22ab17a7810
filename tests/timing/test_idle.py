"""Idle power: before a context and with one, each after a wait."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from opbench.timing import energy, idle
from opbench.timing.energy import Power
from opbench.timing.idle import IdlePower


class Machine:
    """A GPU whose clocks come down within a second, and a meter of it that looks for a second."""

    window_s = 1.0

    def __init__(self, *, context: bool = False) -> None:
        self.now = 0.0
        self.context = context
        self.at_work_until = 1.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def start(self) -> Callable[[], Power]:
        watts = 500.0 if self.now < self.at_work_until else 115.0 if self.context else 70.0
        return lambda: Power(watts=watts, resolution=0.01)

    def get_ready(self) -> None:
        self.context = True


@pytest.fixture(params=[False, True])
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine without and with a context of this process."""
    machine = Machine(context=request.param)
    cuda = SimpleNamespace(is_initialized=lambda: machine.context)
    monkeypatch.setattr(idle, "torch", SimpleNamespace(cuda=cuda))
    for module in (idle, energy):
        monkeypatch.setattr(module, "time", machine)
    return machine


def test_a_gpu_is_read_without_a_context_and_with_one_when_it_rests(machine: Machine) -> None:
    before = None if machine.context else 70.0
    power = IdlePower("cuda:0", machine)
    machine.get_ready()
    assert power.of_ready_device() == {"idle_power_w": 115.0, "idle_power_no_context_w": before}
    assert machine.now == (3.0 if before is None else 4.0)


def test_a_processor_is_read_at_once(machine: Machine) -> None:
    assert IdlePower("cpu", machine).of_ready_device() == {"idle_power_w": 500.0}
    assert machine.now == 1.0


@pytest.mark.parametrize("device", ["cpu", "cuda:0"])
def test_without_a_meter_nothing_takes_time(machine: Machine, device: str) -> None:
    assert set(IdlePower(device, None).of_ready_device().values()) == {None}
    assert machine.now == 0.0
