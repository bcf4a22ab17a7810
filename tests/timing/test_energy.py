"""Joules from counters: arithmetic over counters of our own, on clocks of our own."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from opbench.timing import energy
from opbench.timing.energy import (
    NvmlCounter,
    NvmlPower,
    Power,
    Reading,
    Window,
    between_ticks,
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


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sensors that follow at once, in a tenth of a second."""
    for meter in (NvmlCounter, NvmlPower):
        monkeypatch.setattr(meter, "settle_s", 0.0)
        monkeypatch.setattr(meter, "window_s", 0.1)


def _package(folder: Path, number: int, microjoules: int, name: str = "package") -> Path:
    package = folder / f"intel-rapl:{number}"
    package.mkdir(exist_ok=True)
    (package / "name").write_text(f"{name}-{number}\n")
    (package / "energy_uj").write_text(f"{microjoules}\n")
    (package / "max_energy_range_uj").write_text("1000000000\n")
    return package


@dataclass
class Steady:
    """A meter that says 200 W, to 1 %."""

    window_s: float = 1.0

    def start(self) -> Callable[[], Power]:
        return lambda: Power(watts=200.0, resolution=0.01)


def test_the_energy_of_a_call_is_power_times_its_seconds_over_a_full_window(clock: Time) -> None:
    def stopwatch(calls: int) -> float:
        clock.now += 0.002 * calls
        return 0.002 * calls

    window = Window(Steady())
    spent = window.close(stopwatch)
    assert spent is not None
    assert 1.0 <= spent.seconds < 1.2
    assert spent.calls == pytest.approx(spent.seconds / 0.002)
    assert spent.joules / spent.calls == pytest.approx(200.0 * 0.002)
    assert spent.resolution == 0.01
    assert window.filling_s == pytest.approx(spent.seconds)


def readings(watts: float, seconds: float, *, phase: float, tick: float = 0.1) -> list[Reading]:
    """Readings each 4 ms of a counter that moves at each ``tick``, a ``phase`` after the first."""
    times = [0.004 * i for i in range(round(seconds / 0.004))]
    return [(at, watts * tick * math.floor((at - phase) / tick)) for at in times]


@pytest.mark.parametrize("phase", [0.001, 0.017, 0.05, 0.083, 0.0999])
def test_a_counter_that_ticks_ten_times_a_second_tells_power_to_one_percent(phase: float) -> None:
    seen = readings(300.0, 1.3, phase=phase)
    power = between_ticks(seen, 0.2)
    assert power.watts == pytest.approx(300.0, rel=power.resolution)
    assert power.resolution < 0.01


def test_ticks_before_the_sensor_follows_the_work_are_left_out() -> None:
    idle = readings(70.0, 0.3, phase=0.002)
    start, joules = idle[-1]
    work = [(start + 0.004 + at, joules + more) for at, more in readings(500.0, 1.1, phase=0.0)]
    assert between_ticks([*idle, *work], 0.35).watts == pytest.approx(500.0, rel=0.01)
    assert between_ticks([*idle, *work], 0.0).watts < 450.0


@pytest.mark.parametrize("moves", [0, 1])
def test_a_counter_that_does_not_move_tells_nothing(moves: int) -> None:
    with pytest.raises(OSError, match="does not move"):
        between_ticks([(0.1 * i, 5.0 + moves * (i > 5)) for i in range(10)], 0.0)


def test_a_counter_that_falls_back_tells_nothing() -> None:
    seen = readings(300.0, 1.3, phase=0.002)
    reset = [(at, joules if at < 0.7 else joules - 1e6) for at, joules in seen]
    with pytest.raises(OSError, match="falls back"):
        between_ticks(reset, 0.2)


def gpu_that_ticks(period_s: float = 0.01) -> Gpu:
    """A GPU at 75 W, now, whose counter moves each ``period_s``."""
    return Gpu(FakeNvml(joules=lambda: 75.0 * period_s * (time.monotonic() // period_s)), "GPU")


def test_a_counter_is_read_while_others_work(quick: None) -> None:
    stop = NvmlCounter(gpu_that_ticks()).start()
    time.sleep(0.2)
    power = stop()
    assert power.watts == pytest.approx(75.0, rel=power.resolution)


def test_what_is_drawn_when_idle_is_watts_over_a_window(clock: Time) -> None:
    assert idle_power(Steady()) == 200.0
    assert clock.now == 101.0


def test_a_gpu_without_a_counter_has_its_power_read(quick: None) -> None:
    nvml = FakeNvml("nvmlDeviceGetTotalEnergyConsumption", watts=250.0)
    meter = gpu_meter(Gpu(nvml, "GPU-1234"))
    assert isinstance(meter, NvmlPower)
    assert idle_power(meter) == 250.0


def test_the_first_second_of_a_sensor_that_averages_is_left_out(
    clock: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = [(100.0, 70.0), (100.5, 200.0), (100.99, 310.0), (101.0, 330.0), (101.5, 320.0)]
    monkeypatch.setattr(energy, "_read_on", lambda read, period_s: lambda: seen)
    stop = NvmlPower(gpu_that_ticks()).start()
    assert stop().watts == 325.0


def test_a_sensor_that_fails_under_way_leaves_the_energy_unmeasured(quick: None) -> None:
    gpu = Gpu(FakeNvml("nvmlDeviceGetTotalEnergyConsumption", "nvmlDeviceGetFieldValues"), "GPU")
    window = Window(NvmlCounter(gpu))
    assert window.close(lambda calls: 1e-3 * calls) is None
    assert idle_power(NvmlCounter(gpu)) is None


def test_any_error_of_a_driver_leaves_the_energy_unmeasured(
    quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> float:
        raise ValueError("no number")

    unhandled: list[object] = []
    monkeypatch.setattr(threading, "excepthook", unhandled.append)
    stop = NvmlCounter(Gpu(FakeNvml(joules=fails), "GPU")).start()
    with pytest.raises(OSError, match=r"cannot be read: .*no number"):
        stop()
    assert unhandled == []


def test_a_network_that_fails_under_way_ends_the_readings(quick: None) -> None:
    def fails(calls: int) -> float:
        raise RuntimeError("out of memory")

    before = threading.active_count()
    window = Window(NvmlCounter(gpu_that_ticks()))
    assert threading.active_count() == before + 1
    with pytest.raises(RuntimeError, match="out of memory"):
        window.close(fails)
    assert threading.active_count() == before


def test_a_gpu_without_either_is_not_measured() -> None:
    power = ("nvmlDeviceGetPowerUsage", "nvmlDeviceGetFieldValues")
    lacking = FakeNvml("nvmlDeviceGetTotalEnergyConsumption", *power)
    assert gpu_meter(Gpu(lacking, "GPU-1234")) is None
    assert gpu_meter(None) is None


def test_rapl_packages_are_added_and_a_wrapped_counter_counts_its_range(
    tmp_path: Path, clock: Time
) -> None:
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
    clock.now += 2.0
    power = stop()
    assert power.watts == pytest.approx((3.0 + 15.0) / 2)
    assert power.resolution == pytest.approx(1e-3 / 2)


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
