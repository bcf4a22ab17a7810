"""The state of the GPU by NVIDIA's management library: processes, clocks, energy and power."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from random import Random
from statistics import mean, median, pstdev
from threading import Event, Thread
from typing import Any

import torch

from opbench.timing.gpu import Gpu
from tests.gpu.bed import Bed
from tests.gpu.outcome import Finding

# Of nvml.h: watts at this moment, where nvmlDeviceGetPowerUsage is an average of a second.
_POWER_INSTANT = 186
_CONTEXT_W = 15.0
_IDLE_MHZ = 1000
_WINDOWS = 200

Trace = list[tuple[float, float]]


def state(bed: Bed) -> Iterator[Finding]:
    """Read the state before CUDA is initialised, after it, and after a rest."""
    nvml, handle = bed.nvml()
    gpu = Gpu(nvml, handle)
    _rest(bed, gpu)
    before, pids_before = gpu.state(), _pids(nvml, handle)
    torch.zeros(1, device=bed.device).add_(1)
    torch.cuda.synchronize()
    after, pids_after = gpu.state(), _pids(nvml, handle)
    time.sleep(bed.lasting(3.0))
    rested = gpu.state()
    numbers = {
        "before": before, "after": after, "rested": rested, "pid": os.getpid(),
        "pids_before": pids_before, "pids_after": pids_after,
    }  # fmt: skip
    others = [each.get("other_processes") for each in (before, after)]
    yield Finding(
        what="a process does not count itself among the others on the GPU",
        expected="0 others before CUDA is initialised and after",
        seen=f"{others[0]} before, {others[1]} after",
        holds=others == [0, 0],
        numbers=numbers,
    )
    watts = [float(each.get("power_w", 0.0)) for each in (before, after, rested)]
    clocks = [each.get("sm_clock_mhz") for each in (before, after, rested)]
    yield Finding(
        what="an idle GPU draws more with a CUDA context than without",
        expected="70 W without, 115 W with; clocks from 345 to 1,980 MHz",
        seen=f"{watts[0]:.0f} W without, {watts[2]:.0f} W with one after 3 s of rest; "
        f"{clocks[0]}, {clocks[1]} and {clocks[2]} MHz",
        holds=watts[2] - watts[0] >= _CONTEXT_W,
        numbers=numbers,
    )


def _rest(bed: Bed, gpu: Gpu) -> None:
    """Wait until the clocks have fallen from what ran before, ten seconds at most."""
    end = time.monotonic() + bed.lasting(10.0)
    while time.monotonic() < end and gpu.state().get("sm_clock_mhz", 0) > _IDLE_MHZ:
        time.sleep(bed.lasting(0.5))


def _pids(nvml: Any, handle: Any) -> list[int]:
    return [each.pid for each in nvml.nvmlDeviceGetComputeRunningProcesses(handle)]


def energy(bed: Bed) -> Iterator[Finding]:
    """Follow counter and sensors through a rest and a load, then cut windows out of the trace."""
    nvml, handle = bed.nvml()
    reads: dict[str, Callable[[], float]] = {
        "joules": lambda: nvml.nvmlDeviceGetTotalEnergyConsumption(handle) * 1e-3,
        "average_w": lambda: nvml.nvmlDeviceGetPowerUsage(handle) * 1e-3,
        "instant_w": lambda: _instant_w(nvml, handle),
    }
    traces: dict[str, Trace] = {name: [] for name in reads}
    _follow(reads, traces, bed.lasting(2.0))
    with _loaded(bed):
        loaded_at = time.perf_counter()
        _follow(reads, traces, bed.lasting(7.0))
    yield _ticks(traces["joules"], loaded_at)
    yield _windows(traces["joules"], loaded_at + bed.lasting(1.0), bed.lasting(1.0))
    yield _step(traces, loaded_at)


def _instant_w(nvml: Any, handle: Any) -> float:
    (value,) = nvml.nvmlDeviceGetFieldValues(handle, [_POWER_INSTANT])
    if value.nvmlReturn:
        raise OSError(f"NVML: error {value.nvmlReturn}")
    return float(value.value.uiVal) * 1e-3


def _follow(
    reads: dict[str, Callable[[], float]], traces: dict[str, Trace], seconds: float
) -> None:
    """Read everything about once a millisecond; what this driver cannot tell stays empty."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for name, read in reads.items():
            with suppress(Exception):
                traces[name].append((time.perf_counter(), read()))
        time.sleep(2e-4)


@contextmanager
def _loaded(bed: Bed) -> Iterator[None]:
    """Keep the GPU busy with products of matrices from another thread."""
    size = bed.size(8192, 64)
    left = torch.rand(size, size, device=bed.device).to(torch.bfloat16)
    left @ left
    torch.cuda.synchronize()
    over = Event()

    def work() -> None:
        with torch.inference_mode():
            while not over.is_set():
                for _ in range(10):
                    left @ left
                torch.cuda.synchronize()

    thread = Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(5.0)


def _changes(trace: Trace) -> Trace:
    """Return the readings that differ from the one before."""
    return [new for old, new in pairwise(trace) if new[1] != old[1]]


def _ticks(joules: Trace, loaded_at: float) -> Finding:
    changes = _changes([each for each in joules if each[0] > loaded_at])
    periods = [new[0] - old[0] for old, new in pairwise(changes)]
    reading = (joules[-1][0] - joules[0][0]) / len(joules)
    period = median(periods) if periods else math.nan
    return Finding(
        what="the energy counter ticks about every 100 ms",
        expected="steps of about 100 ms",
        seen=f"it changed {len(changes)} times, every {period * 1e3:.0f} ms in the median; read "
        f"every {reading * 1e3:.1f} ms",
        holds=0.05 <= period <= 0.2,
        numbers={"period_s": period, "reading_s": reading, "changes": len(changes)},
    )


def _windows(joules: Trace, settled_at: float, seconds: float) -> Finding:
    """Compare windows that begin at any moment with those that begin and end at a tick."""
    steady = [each for each in joules if each[0] >= settled_at]
    plain = [_watts(steady, start, seconds) for start in _starts(steady, seconds)]
    changes = _changes(steady)
    aligned = [_watts(changes, start, seconds) for start in _starts(changes, seconds)]
    spreads = [pstdev(each) / mean(each) if each else math.nan for each in (plain, aligned)]
    power_w = mean(plain) if plain else math.nan
    return Finding(
        what="a window of the energy counter is better begun and ended at a tick",
        expected="standard deviation of the power over one second 3 to 5 % plain, below 1 % "
        "aligned",
        seen=f"{spreads[0]:.2%} plain, {spreads[1]:.2%} aligned, of {power_w:.0f} W",
        holds=spreads[1] < min(0.01, spreads[0] / 2),
        numbers={"plain": spreads[0], "aligned": spreads[1], "power_w": power_w},
    )


def _starts(trace: Trace, seconds: float) -> list[int]:
    """Draw places in the trace after which a whole window is left."""
    last = sum(each[0] + seconds <= trace[-1][0] for each in trace[:-1])
    return [Random(seed).randrange(last) for seed in range(_WINDOWS)] if last else []


def _watts(trace: Trace, start: int, seconds: float) -> float:
    """Return the mean power from reading ``start`` to the first after ``seconds``."""
    began, before = trace[start]
    ended, after = next(each for each in trace[start + 1 :] if each[0] >= began + seconds)
    return (after - before) / (ended - began)


def _step(traces: dict[str, Trace], loaded_at: float) -> Finding:
    rises = {name: _rise_s(traces[name], loaded_at) for name in ("average_w", "instant_w")}
    said = [f"{name} {rise:.2f} s" for name, rise in rises.items() if rise is not None]
    average = rises["average_w"]
    return Finding(
        what="nvmlDeviceGetPowerUsage is an average of the last second",
        expected="it reaches 90 % of a step after about 1 s, the instant reading sooner",
        seen=", ".join(said) or "no sensor could be read",
        holds=average is not None and 0.5 <= average <= 2.0,
        numbers={
            **rises,
            "traces": {name: _thinned(traces[name], loaded_at) for name in rises},
        },
    )


def _rise_s(trace: Trace, loaded_at: float) -> float | None:
    """Return the seconds until 90 % of the step from rest to load."""
    rest = [watts for at, watts in trace if at < loaded_at]
    load = [(at, watts) for at, watts in trace if at >= loaded_at]
    if not rest or not load:
        return None
    low, high = median(rest), median([watts for _, watts in load[len(load) // 2 :]])
    return next((at - loaded_at for at, watts in load if watts >= low + 0.9 * (high - low)), None)


def _thinned(trace: Trace, loaded_at: float) -> list[tuple[float, float]]:
    return [
        (round(at - loaded_at, 3), round(watts, 1)) for at, watts in trace[:: len(trace) // 100 + 1]
    ]
