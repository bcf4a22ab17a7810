"""Measure energy with counters that the hardware keeps; never an estimate.

    NvmlCounter  the GPU's own energy counter (Volta and later), in millijoules
    NvmlPower    the GPU's power sensor, read again and again and integrated, where there is none
    RaplCounter  the processor packages' counters, in microjoules, where Linux lets us read them

A sensor has a period, so calls are repeated until the window is many periods long.  What the
device draws when idle is measured apart and not subtracted.

References:
    NVIDIA Management Library, nvmlDeviceGetTotalEnergyConsumption.
    Linux, Documentation/power/powercap/powercap.rst.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from opbench.timing.gpu import Gpu

# Seconds that so many calls took.
Stopwatch = Callable[[int], float]

POWERCAP = Path("/sys/class/powercap")

_SAMPLE_S = 0.02


class EnergyMeter(Protocol):
    """A counter of joules, and the shortest window over which a difference is meaningful."""

    window_s: float

    def start(self) -> Callable[[], float]:
        """Begin.  The function returned ends it and gives the joules since."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """Joules, seconds and calls of one window."""

    joules: float
    seconds: float
    calls: int


class NvmlCounter:
    """Its sensor is read every 20 to 100 ms, depending on the model: ten of the longest."""

    window_s = 1.0

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu

    def start(self) -> Callable[[], float]:
        before = self._gpu.energy_j()
        return lambda: self._gpu.energy_j() - before


class NvmlPower:
    """The mean of the power read every 20 ms, times the seconds."""

    window_s = 1.0

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu

    def start(self) -> Callable[[], float]:
        watts: list[float] = []
        ended = threading.Event()

        def read() -> None:
            while True:
                watts.append(self._gpu.power_w())
                if ended.wait(_SAMPLE_S):
                    return

        thread = threading.Thread(target=read, daemon=True)
        began = time.monotonic()
        thread.start()

        def stop() -> float:
            seconds = time.monotonic() - began
            ended.set()
            thread.join()
            return sum(watts) / len(watts) * seconds

        return stop


class RaplCounter:
    """All packages together.  A counter that has wrapped counts its range once more."""

    window_s = 0.2

    def __init__(self, packages: Sequence[Path]) -> None:
        self._packages = tuple(packages)
        self._ranges = [_number(each / "max_energy_range_uj") for each in packages]

    def start(self) -> Callable[[], float]:
        before = self._read()

        def stop() -> float:
            spent = zip(before, self._read(), self._ranges, strict=True)
            return sum(new - old + (whole if new < old else 0) for old, new, whole in spent) * 1e-6

        return stop

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
        return "the GPU's driver reports neither energy nor power"
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

    def watch(self, stopwatch: Stopwatch) -> Stopwatch:
        """``stopwatch``, its calls counted."""

        def watched(calls: int) -> float:
            self._calls += calls
            return stopwatch(calls)

        return watched

    def close(self, stopwatch: Stopwatch) -> Energy:
        """Fill the window with calls, in blocks of about a tenth of it, and close it."""
        block = 1
        while self._open_s() < self._full_s:
            seconds = self.watch(stopwatch)(block)
            self.filling_s += seconds
            block = max(1, round(self._full_s / 10 / max(seconds / block, 1e-9)))
        return Energy(joules=self._stop(), seconds=self._open_s(), calls=self._calls)

    def _open_s(self) -> float:
        return time.monotonic() - self._began


def idle_power(meter: EnergyMeter) -> float:
    """Measure the watts while this process does nothing for one window."""
    began = time.monotonic()
    stop = meter.start()
    time.sleep(meter.window_s)
    return stop() / (time.monotonic() - began)


def _name(counter: Path) -> str:
    try:
        return (counter / "name").read_text()
    except OSError:
        return ""


def _number(path: Path) -> int:
    return int(path.read_text())
