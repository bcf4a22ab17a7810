"""Calls back to back, as fast as the device takes them: throughput, energy and power.

A second of them is long enough for the clocks to fall to what the power limit allows, and for a
sensor of power to be read many times.  What flushes a cold cache takes energy of its own, which is
measured apart and taken off.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from math import ceil

from opbench.timing.device import Call, Device
from opbench.timing.energy import EnergyMeter, Stopwatch, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Sustained:
    """Seconds spent in calls; seconds and joules per call and watts, each where it is known.

    ``energy_resolution`` is as of a ``Round``.
    """

    seconds: float = 0.0
    queued_s: float | None = None
    energy_j: float | None = None
    power_w: float | None = None
    energy_resolution: float | None = None


def back_to_back(run: Stopwatch, seconds: float) -> tuple[int, float]:
    """Call for ``seconds`` or more, in blocks twice as long each; return calls and seconds.

    ``run`` returns the seconds that some calls took until the device had finished.
    """
    calls, spent = 1, run(1)
    while spent < seconds:
        left = ceil((seconds - spent) / max(spent / calls, 1e-9))
        # Not at once: the first calls may have been the quickest.
        block = min(calls, left)
        spent += run(block)
        calls += block
    return calls, spent


def queue(timed: Call, device: Device, seconds: float, meter: EnergyMeter | None) -> Sustained:
    """Call back to back for ``seconds``, or as long as the meter needs, and measure it all."""

    def run(calls: int) -> float:
        return device.run(timed, calls)

    if meter is not None:
        measured = closed(Window(meter), run)
        return _without_flushing(measured, device, meter) if device.cold else measured
    if device.cold or not seconds:
        return Sustained()
    calls, spent = back_to_back(run, seconds)
    return Sustained(seconds=spent, queued_s=spent / calls)


def closed(window: Window, run: Stopwatch) -> Sustained:
    """Fill a window with calls and close it."""
    filling: list[int] = []

    def counted(calls: int) -> float:
        filling.append(calls)
        return run(calls)

    energy = window.close(counted)
    seconds, calls = window.filling_s, sum(filling)
    queued_s = seconds / calls if calls else None
    if energy is None:
        return Sustained(seconds=seconds, queued_s=queued_s)
    return Sustained(
        seconds=seconds,
        queued_s=queued_s,
        energy_j=energy.joules / energy.calls,
        power_w=energy.joules / energy.seconds,
        energy_resolution=energy.resolution,
    )


def _without_flushing(measured: Sustained, device: Device, meter: EnergyMeter) -> Sustained:
    """Take off the energy of the same with a call that does nothing."""

    def flush(calls: int) -> float:
        start = time.perf_counter()
        device.run(_nothing, calls)
        return time.perf_counter() - start

    flushing = closed(Window(meter), flush)
    if measured.energy_j is None or measured.queued_s is None or flushing.energy_j is None:
        return Sustained(seconds=measured.seconds)
    energy_j = max(0.0, measured.energy_j - flushing.energy_j)
    return replace(measured, queued_s=None, energy_j=energy_j, power_w=energy_j / measured.queued_s)


def _nothing() -> None:
    """Do nothing."""
