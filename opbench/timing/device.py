"""Devices: the stopwatch, the memory meter and the allocator of each kind.

A CPU call ends when it returns; what a GPU needs is in ``opbench.timing.cuda``.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from opbench.timing.cuda import open_cuda
from opbench.timing.memory import watch_resident_memory
from opbench.timing.prepared import Call, PreparedCall, prepared
from opbench.timing.settings import CudaOptions, device_name

__all__ = ["Call", "CpuDevice", "Device", "open_device", "own_work"]

T = TypeVar("T")


class Device(Protocol):
    """A device, as timing uses it."""

    @property
    def name(self) -> str:
        """PyTorch's name of the device: "cpu", "cuda:0"."""
        ...

    @property
    def asynchronous(self) -> bool:
        """True when a call returns before it is done, so that the host sees another time."""
        ...

    @property
    def cold(self) -> bool:
        """True when a cache is flushed before each call."""
        ...

    def prepare(self, call: Call) -> PreparedCall:
        """Return what to time instead of ``call``, which has run once."""
        ...

    def time(self, call: Call, calls: int) -> float:
        """Measure the device's seconds for ``calls`` calls, one after the other."""
        ...

    def run(self, call: Call, calls: int) -> float:
        """Measure the host's seconds for ``calls`` calls, until the device has finished.

        Nothing but ``call`` is timed, and nothing is hidden.
        """
        ...

    def look_during(self, call: Call, calls: int, look: Callable[[], T]) -> T:
        """Return ``look()`` while the device runs ``calls`` calls."""
        ...

    def watch_memory(self) -> Callable[[], int | None]:
        """Start metering the growth of peak memory, in bytes."""
        ...

    def reset_peak(self) -> None:
        """Forget the peak of memory so far, where it can be forgotten."""
        ...

    def release(self) -> None:
        """Empty cached memory, so that the next network starts as the first did."""
        ...


def own_work(device: Device, call: Call, calls: int = 1) -> Callable[[], float]:
    """Time work that is not a network's: seconds per call, of ``calls`` at once."""
    device.run(call, calls)
    timed = device.prepare(call)
    return lambda: device.time(timed, calls) / calls


class CpuDevice:
    """The processor this runs on."""

    name = "cpu"
    asynchronous = False
    cold = False

    def prepare(self, call: Call) -> PreparedCall:
        return PreparedCall(call=call)

    def time(self, call: Call, calls: int) -> float:
        call = prepared(call).call
        start = clock.perf_counter()
        for _ in range(calls):
            call()
        return clock.perf_counter() - start

    run = time

    def look_during(self, call: Call, calls: int, look: Callable[[], T]) -> T:
        """Return ``look()`` without the calls: a processor that looks does not run them."""
        return look()

    def watch_memory(self) -> Callable[[], int | None]:
        return watch_resident_memory()

    def reset_peak(self) -> None:
        """Do nothing: on the CPU the first pass counts as any other."""

    def release(self) -> None:
        """Do nothing: the CPU's allocator keeps no cache that could be emptied."""


def open_device(name: str, options: CudaOptions | None = None, cuda: Any = None) -> Device:
    """Open the device called "cpu", "cuda" or "cuda:N".

    Raises ``BadValueError`` for any other word and for a GPU that is not there.
    """
    name = device_name(name)
    return CpuDevice() if name == "cpu" else open_cuda(name, options, cuda)
