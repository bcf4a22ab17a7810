"""Joules from counters: arithmetic over counters of our own, on clocks of our own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from opbench.timing import energy
from opbench.timing.energy import (
    NvmlCounter,
    NvmlPower,
    Window,
    cpu_meter,
    gpu_meter,
    idle_power,
    why_not_measured,
)
from opbench.timing.gpu import Gpu
from tests.timing.fakes import FakeNvml


class Time:
    """A clock that moves only when something takes time."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    clock = Time()
    monkeypatch.setattr(energy, "time", clock)
    return clock


def _package(folder: Path, number: int, microjoules: int, name: str = "package") -> Path:
    package = folder / f"intel-rapl:{number}"
    package.mkdir(exist_ok=True)
    (package / "name").write_text(f"{name}-{number}\n")
    (package / "energy_uj").write_text(f"{microjoules}\n")
    (package / "max_energy_range_uj").write_text("1000000000\n")
    return package


def test_the_energy_of_a_call_is_the_counters_growth_over_a_full_window(clock: Time) -> None:
    gpu = Gpu(FakeNvml(joules=lambda: 200.0 * clock.now), "GPU-1234")

    def stopwatch(calls: int) -> float:
        clock.now += 0.002 * calls
        return 0.002 * calls

    window = Window(NvmlCounter(gpu))
    spent = window.close(stopwatch)
    assert NvmlCounter.window_s <= spent.seconds < 1.2 * NvmlCounter.window_s
    assert spent.calls == pytest.approx(spent.seconds / 0.002)
    assert spent.joules / spent.calls == pytest.approx(200.0 * 0.002, rel=1e-3)
    assert window.filling_s == pytest.approx(spent.seconds)


def test_samples_fill_a_window_that_is_open_meanwhile(clock: Time) -> None:
    gpu = Gpu(FakeNvml(joules=lambda: 50.0 * clock.now), "GPU-1234")

    def stopwatch(calls: int) -> float:
        clock.now += 0.5 * calls
        return 0.5 * calls

    window = Window(NvmlCounter(gpu))
    assert window.watch(stopwatch)(6) == 3.0
    spent = window.close(stopwatch)
    assert (spent.calls, spent.seconds, window.filling_s) == (6, 3.0, 0.0)
    assert spent.joules == pytest.approx(150.0)


def test_what_is_drawn_when_idle_is_watts_over_a_window(clock: Time) -> None:
    gpu = Gpu(FakeNvml(joules=lambda: 75.0 * clock.now), "GPU-1234")
    assert idle_power(NvmlCounter(gpu)) == pytest.approx(75.0)


def test_a_gpu_without_a_counter_has_its_power_integrated() -> None:
    gpu = Gpu(FakeNvml("nvmlDeviceGetTotalEnergyConsumption", watts=250.0), "GPU-1234")
    meter = gpu_meter(gpu)
    assert isinstance(meter, NvmlPower)
    meter.window_s = 0.05
    assert idle_power(meter) == pytest.approx(250.0, rel=0.05)


def test_a_gpu_without_either_is_not_measured() -> None:
    lacking = FakeNvml("nvmlDeviceGetTotalEnergyConsumption", "nvmlDeviceGetPowerUsage")
    assert gpu_meter(Gpu(lacking, "GPU-1234")) is None
    assert gpu_meter(None) is None


def test_rapl_packages_are_added_and_a_wrapped_counter_counts_its_range(tmp_path: Path) -> None:
    _package(tmp_path, 0, 1_000_000)
    _package(tmp_path, 1, 990_000_000)
    part = tmp_path / "intel-rapl:0:0"  # of package 0, counted in it already
    part.mkdir()
    (part / "name").write_text("core\n")
    _package(tmp_path, 2, 7_000_000, name="psys")  # the platform, with both packages in it
    meter = cpu_meter(tmp_path)
    assert meter is not None
    stop = meter.start()
    _package(tmp_path, 0, 4_000_000)
    _package(tmp_path, 1, 5_000_000)
    _package(tmp_path, 2, 90_000_000, name="psys")
    assert stop() == pytest.approx(3.0 + 15.0)


@pytest.fixture
def unreadable(tmp_path: Path) -> Iterator[Path]:
    package = _package(tmp_path, 0, 0)
    (package / "energy_uj").unlink()
    (package / "energy_uj").mkdir()  # reading it fails for root as well
    yield tmp_path


def test_without_a_readable_counter_nothing_is_measured(tmp_path: Path, unreadable: Path) -> None:
    assert cpu_meter(tmp_path / "none") is None
    assert cpu_meter(unreadable) is None


def test_what_is_not_measured_has_a_reason(
    tmp_path: Path, unreadable: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "no readable counter" in why_not_measured("cpu", tmp_path / "none")
    assert f"chmod a+r {unreadable}/intel-rapl:*/energy_uj" in why_not_measured("cpu", unreadable)
    monkeypatch.setattr(energy, "find_spec", lambda name: None)
    assert "opbench[gpu]" in why_not_measured("cuda:0")
    monkeypatch.setattr(energy, "find_spec", lambda name: name)
    assert "driver" in why_not_measured("cuda:0")
