"""``measure``: what it returns, what it refuses, and that it leaves the module alone."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

import opbench
from opbench.errors import BadValueError
from opbench.timing import energy, measurement
from opbench.timing.device import CpuDevice
from opbench.timing.energy import Power
from opbench.timing.measurement import Instruments, time_round
from opbench.timing.protocol import Limits


class Recorder(nn.Module):
    """Notes how it is called."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Dropout(0.5)
        self.seen: list[tuple[tuple[int, ...], bool, bool]] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.seen.append((tuple(images.shape), self.training, torch.is_inference_mode_enabled()))
        return images


def test_the_forward_pass_runs_in_evaluation_and_inference_mode() -> None:
    module = Recorder()
    opbench.measure(module, (3, 4, 4), max_seconds=0.05)
    assert set(module.seen) == {((1, 3, 4, 4), False, True)}


def test_libraries_are_loaded_before_memory_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def watch_memory(self: CpuDevice) -> Callable[[], int | None]:
        done.append("watched")
        return lambda: 0

    monkeypatch.setattr(CpuDevice, "watch_memory", watch_memory)
    monkeypatch.setattr(measurement, "load_libraries", lambda device: done.append(device.name))
    opbench.measure(nn.Identity(), (3, 4, 4), max_seconds=0.05)
    assert done == ["cpu", "watched"]


def test_every_call_is_accounted_for() -> None:
    module = Recorder()
    measurement = opbench.measure(module, torch.ones(2, 3), max_seconds=0.05, precision=0.5)
    calls = measurement.warmup + len(measurement.samples_s) * measurement.calls_per_sample
    assert len(module.seen) == calls
    assert measurement.low_s <= measurement.median_s <= measurement.high_s


def test_the_modes_of_all_submodules_are_put_back_after_an_error() -> None:
    module = Recorder()
    module.train()
    module.inner.eval()
    with pytest.raises(TypeError):
        opbench.measure(module, (torch.ones(1), torch.ones(1)))
    assert module.training
    assert not module.inner.training


@pytest.mark.parametrize("inputs", [(), (3, 0, 4), (3.5, 2), "3x4", 3, None, {1: 2}])
def test_inputs_that_are_neither_arguments_nor_a_size_are_refused(inputs: Any) -> None:
    with pytest.raises(BadValueError, match=r"an input size must be|\(3, 224, 224\), the tuple"):
        opbench.measure(nn.Identity(), inputs)


def test_inputs_take_the_type_of_the_parameters() -> None:
    module = nn.Linear(3, 2).double()
    assert opbench.measure(module, (3,), max_seconds=0.01).median_s > 0


class Mapped(nn.Module):
    """Multiplies what it finds in a mapping, and keeps inputs of its own."""

    example_input_array = torch.ones(2, 3)

    def forward(self, batch: Any, *, scale: float = 1.0) -> torch.Tensor:
        rows: torch.Tensor = batch["rows"] if isinstance(batch, dict) else batch
        return rows * scale


@pytest.mark.parametrize(
    ("inputs", "kwargs"),
    [
        ({"batch": torch.ones(2, 3)}, None),
        (({"rows": torch.ones(2, 3), "words": ["a"]},), {"scale": 2.0}),
        (None, {"batch": torch.ones(1)}),
        (None, None),
    ],
)
def test_arguments_by_name_and_those_that_a_module_keeps(inputs: Any, kwargs: Any) -> None:
    assert opbench.measure(Mapped(), inputs, kwargs=kwargs, max_seconds=0.01).median_s > 0


class Kilowatt:
    """A meter of a device that draws 1000 W."""

    window_s = 0.02

    def start(self) -> Callable[[], Power]:
        return lambda: Power(watts=1000.0, resolution=0.001)


def test_fixed_work_is_timed_beside_the_samples_and_not_while_joules_are_counted() -> None:
    done: list[str] = []

    class Noting(Kilowatt):
        def start(self) -> Callable[[], Power]:
            done.append("start")
            return super().start()

    def work() -> float:
        done.append("work")
        return 0.002

    instruments = Instruments(memory=lambda: None, meter=Noting(), reference=work)
    taken = time_round(lambda: None, CpuDevice(), Limits(precision=0.5, seconds=0.01), instruments)
    assert taken.reference_samples_s == (0.002,) * len(taken.samples_s)
    assert taken.energy_j is not None
    assert done == ["work"] * done.count("work") + ["start"]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_energy_is_per_call_that_the_meter_saw(
    asynchronous: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call takes 1 ms on the clock of the meter: 1 J each, if it saw those that are counted."""
    calls = 0

    def forward() -> None:
        nonlocal calls
        calls += 1

    monkeypatch.setattr(energy, "time", SimpleNamespace(monotonic=lambda: 1e-3 * calls))
    device = CpuDevice()
    device.asynchronous = asynchronous
    limits = Limits(precision=0.5, seconds=0.01)
    instruments = Instruments(memory=lambda: None, meter=Kilowatt())
    taken = time_round(forward, device, limits, instruments)
    assert taken.energy_j == pytest.approx(1.0)
    assert taken.power_w == pytest.approx(1000.0)
    assert taken.energy_resolution == 0.001
    assert bool(taken.host_samples_s) == asynchronous
