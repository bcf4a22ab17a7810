"""Measure energy with counters that the hardware keeps; never an estimate.

    NvmlCounter  the GPU's own energy counter (Volta and later), in millijoules
    NvmlPower    the GPU's power sensor, read again and again, where there is none
    RaplCounter  the processor packages' counters, in microjoules, where Linux lets us read them

A sensor has a period, so calls are repeated until the window is many periods long.  A GPU's counter
moves 10 to 50 times a second: between a beginning and an end at any moment, a tick more or less
would be a tenth of a second's energy.  Power is therefore that between two ticks, and a GPU's first
moments at work, which its sensors follow late, are left out.  How far off a power can be is told as
its ``resolution``.  What the device draws when idle is measured apart and not subtracted.

References:
    NVIDIA Management Library, nvmlDeviceGetTotalEnergyConsumption, NVML_FI_DEV_POWER_INSTANT.
    Yang, Adamek and Armour, "Accurate and Convenient Energy Measurements for GPUs", SC24.
    Linux, Documentation/power/powercap/powercap.rst.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Protocol

from opbench.errors import describe
from opbench.timing.gpu import Gpu

# Seconds that so many calls took.
Stopwatch = Callable[[int], float]
# A time and what a sensor said then.
Reading = tuple[float, float]

POWERCAP = Path("/sys/class/powercap")

_RAPL_PERIOD_S = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """Mean watts, and the part by which they can be wrong because a sensor has a period."""

    watts: float
    resolution: float


class EnergyMeter(Protocol):
    """A meter of power, and the shortest window over which its answer is meaningful."""

    @property
    def window_s(self) -> float: ...

    def start(self) -> Callable[[], Power]:
        """Begin.  The function returned ends it and gives the power since.

        It raises ``OSError`` where the sensor could not be read.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """Joules, seconds and calls of one window, and the part by which the joules can be wrong."""

    joules: float
    seconds: float
    calls: int
    resolution: float


class NvmlCounter:
    """The power between the first and the last tick of the counter, once that follows the work.

    Its sensor is read every 20 to 100 ms, depending on the model: ten of the longest.
    """

    settle_s = 0.2
    window_s = 1.3
    period_s = 4e-3

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu

    def start(self) -> Callable[[], Power]:
        began = time.monotonic()
        stop = _read_on(self._gpu.energy_j, self.period_s)
        return lambda: between_ticks(stop(), began + self.settle_s)


def between_ticks(readings: Sequence[Reading], since: float) -> Power:
    """Return the power between the first and the last change of a counter of joules.

    ``readings`` are times and joules; a change is known to the time between two readings.  Raises
    ``OSError`` for a counter that does not move, or falls back as where a driver is loaded anew.
    """
    steps = list(pairwise(readings))
    if any(new[1] < old[1] for old, new in steps):
        raise OSError("the GPU's counter of energy falls back")
    ticks = [(old, new) for old, new in steps if old[1] != new[1] and new[0] >= since]
    if len(ticks) < 2:
        raise OSError("the GPU's counter of energy does not move")
    (before_first, first), (before_last, last) = ticks[0], ticks[-1]
    seconds = last[0] - first[0]
    unsure = max(first[0] - before_first[0], last[0] - before_last[0])
    return Power(watts=(last[1] - first[1]) / seconds, resolution=unsure / seconds)


class NvmlPower:
    """The mean of the power read every 20 ms, after the second over which some sensors average."""

    settle_s = 1.0
    window_s = 2.0
    period_s = 0.02

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu

    def start(self) -> Callable[[], Power]:
        began = time.monotonic()
        stop = _read_on(self._gpu.power_w, self.period_s)

        def power() -> Power:
            watts = [value for when, value in stop() if when >= began + self.settle_s]
            if not watts:
                raise OSError("the GPU's power was read too seldom")
            return Power(watts=fmean(watts), resolution=1 / len(watts))

        return power


def _read_on(read: Callable[[], float], period_s: float) -> Callable[[], list[Reading]]:
    """Read in a thread, time and again; the function returned ends it and gives the readings.

    A thread, because a driver may take milliseconds, in which a GPU would wait for its next call.
    """
    readings: list[Reading] = []
    failed: list[OSError] = []
    ended = threading.Event()

    def take_readings() -> None:
        try:
            while True:
                readings.append((time.monotonic(), read()))
                if ended.wait(period_s):
                    return
        except Exception as error:  # noqa: BLE001  a driver's bindings may raise anything
            failed.append(OSError(f"the GPU's sensor cannot be read: {describe(error)}"))

    thread = threading.Thread(target=take_readings, daemon=True)
    thread.start()

    def stop() -> list[Reading]:
        ended.set()
        thread.join()
        if failed:
            raise failed[0]
        return readings

    return stop


class RaplCounter:
    """All packages together.  A counter that has wrapped counts its range once more."""

    window_s = 0.2

    def __init__(self, packages: Sequence[Path]) -> None:
        self._packages = tuple(packages)
        self._ranges = [_number(each / "max_energy_range_uj") for each in packages]

    def start(self) -> Callable[[], Power]:
        began, before = time.monotonic(), self._read()

        def power() -> Power:
            now, seconds = self._read(), max(time.monotonic() - began, 1e-9)
            spent = zip(before, now, self._ranges, strict=True)
            grown = sum(new - old + (whole if new < old else 0) for old, new, whole in spent)
            return Power(watts=grown * 1e-6 / seconds, resolution=_RAPL_PERIOD_S / seconds)

        return power

    def _read(self) -> list[int]:
        return [_number(each / "energy_uj") for each in self._packages]


def gpu_meter(gpu: Gpu | None) -> EnergyMeter | None:
    """Return the best energy meter that this GPU offers, None where it offers nothing."""
    if gpu is None:
        return None
    if gpu.can(gpu.energy_j):
        return NvmlCounter(gpu)
    return NvmlPower(gpu) if gpu.can(gpu.power_w) else None


def cpu_meter(root: Path = POWERCAP) -> EnergyMeter | None:
    """Return the RAPL meter, None where there is none or only root may read it."""
    packages = _packages(root)
    try:
        meter = RaplCounter(packages)
        meter.start()
    except OSError:
        return None
    return meter if packages else None


def why_not_measured(device: str, root: Path = POWERCAP) -> str:
    """Say why ``device`` has no energy meter, and what to do where something can be done."""
    if device != "cpu":
        if find_spec("pynvml") is None:
            return "NVML is needed to read it: `pip install 'opbench[gpu]'`"
        return "the GPU's driver reports neither energy nor power, or its readings failed"
    if not _packages(root):
        return "this machine has no readable counter of the processor's energy (RAPL)"
    return f"only root may read the processor's counters: `chmod a+r {root}/intel-rapl:*/energy_uj`"


def _packages(root: Path) -> list[Path]:
    """The counters of whole packages: not of their parts, nor of the platform ("psys"), which
    contains them."""
    counters = sorted(root.glob("intel-rapl:*"))
    return [each for each in counters if _name(each).startswith("package")]


class Window:
    """Joules, seconds and calls since it was opened; full after the meter's window."""

    def __init__(self, meter: EnergyMeter) -> None:
        self._full_s = meter.window_s
        self._began = time.monotonic()
        self._stop = meter.start()
        self._calls = 0
        self.filling_s = 0.0

    def close(self, stopwatch: Stopwatch) -> Energy | None:
        """Fill the window with calls, in blocks of about a tenth of it, and close it.

        None where the sensor could not be read.
        """
        try:
            self._fill(stopwatch)
            seconds = self._open_s()
        finally:
            power = self._end()
        if power is None:
            return None
        return Energy(
            joules=power.watts * seconds,
            seconds=seconds,
            calls=self._calls,
            resolution=power.resolution,
        )

    def _fill(self, stopwatch: Stopwatch) -> None:
        block = 1
        while self._open_s() < self._full_s:
            seconds = stopwatch(block)
            self._calls += block
            self.filling_s += seconds
            block = max(1, round(self._full_s / 10 / max(seconds / block, 1e-9)))

    def _end(self) -> Power | None:
        try:
            return self._stop()
        except OSError:
            return None

    def _open_s(self) -> float:
        return time.monotonic() - self._began


def idle_power(meter: EnergyMeter) -> float | None:
    """Measure the watts while this process does nothing for one window; None where it cannot."""
    try:
        stop = meter.start()
        time.sleep(meter.window_s)
        return stop().watts
    except OSError:
        return None


def _name(counter: Path) -> str:
    try:
        return (counter / "name").read_text()
    except OSError:
        return ""


def _number(path: Path) -> int:
    return int(path.read_text())
