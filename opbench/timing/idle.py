"""Measure what a device draws when it has nothing to do.

A GPU may draw more once a process has a context on it, as every process that computes there has.
Both are measured, after a wait in which its clocks come down.  To make a context is next to no
work: an H100 draws the same right afterwards as seconds later.
"""

from __future__ import annotations

import time

import torch

from opbench.timing.energy import EnergyMeter, idle_power

_WAIT_S = 2.0


class IdlePower:
    """The idle power of a device, made before this process uses it.  CPUs are read at once."""

    def __init__(self, device: str, meter: EnergyMeter | None) -> None:
        self._meter = meter
        self._on_gpu = device != "cpu"
        if self._on_gpu and meter is not None:
            time.sleep(_WAIT_S)
        has_context = self._on_gpu and torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
        self._before = None if has_context else self._read()

    def of_ready_device(self) -> dict[str, float | None]:
        """Return the watts of the device, once it is ready for use, and those before."""
        if not self._on_gpu:
            return {"idle_power_w": self._before}
        return {"idle_power_w": self._read(), "idle_power_no_context_w": self._before}

    def _read(self) -> float | None:
        return None if self._meter is None else idle_power(self._meter)
