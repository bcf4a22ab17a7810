"""Where a network runs: the stopwatch, the memory meter and the allocator of each kind of device.

A CPU call ends when it returns.  A CUDA call returns when it is queued, so its time is read from
events that the GPU itself records, between two synchronisations.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import torch

from opbench.errors import BadValueError
from opbench.timing.memory import watch_resident_memory

Call = Callable[[], object]


class Device(Protocol):
    """What timing needs of a device."""

    @property
    def name(self) -> str:
        """As PyTorch writes it: "cpu", "cuda:0"."""
        ...

    def time(self, call: Call, calls: int) -> float:
        """Seconds that ``calls`` calls, one after the other, took."""
        ...

    def watch_memory(self) -> Callable[[], int | None]:
        """A meter: the growth of peak memory in bytes since now."""
        ...

    def release(self) -> None:
        """Give cached memory back, so that the next network starts as the first did."""
        ...


class CpuDevice:
    """The processor this runs on."""

    name = "cpu"

    def time(self, call: Call, calls: int) -> float:
        start = time.perf_counter()
        for _ in range(calls):
            call()
        return time.perf_counter() - start

    def watch_memory(self) -> Callable[[], int | None]:
        return watch_resident_memory()

    def release(self) -> None:
        """The CPU's allocator keeps no cache that could be emptied."""


class CudaDevice:
    """One GPU.  ``cuda`` is ``torch.cuda``, or something that behaves like it."""

    def __init__(self, index: int, cuda: Any = torch.cuda) -> None:
        self.name = f"cuda:{index}"
        self._index = index
        self._cuda = cuda

    def time(self, call: Call, calls: int) -> float:
        start = self._cuda.Event(enable_timing=True)
        end = self._cuda.Event(enable_timing=True)
        self._cuda.synchronize(self._index)
        start.record()
        for _ in range(calls):
            call()
        end.record()
        self._cuda.synchronize(self._index)
        return float(start.elapsed_time(end)) * 1e-3

    def watch_memory(self) -> Callable[[], int | None]:
        self._cuda.synchronize(self._index)
        self._cuda.reset_peak_memory_stats(self._index)
        start = self._cuda.memory_allocated(self._index)
        return lambda: int(self._cuda.max_memory_allocated(self._index)) - start

    def release(self) -> None:
        self._cuda.empty_cache()


def open_device(name: str, cuda: Any = torch.cuda) -> Device:
    """The device called "cpu", "cuda" or "cuda:N".

    Raises ``BadValueError`` for any other word and for a GPU that is not there.
    """
    kind, colon, number = name.partition(":")
    if name == "cpu":
        return CpuDevice()
    if kind != "cuda" or (colon and not number.isdecimal()):
        raise BadValueError(f"there is no device {name!r}: it is cpu, cuda or cuda:N")
    if not cuda.is_available():
        raise BadValueError(
            f"the device {name!r} cannot be used: this PyTorch ({torch.__version__}) sees no GPU"
        )
    index = int(number) if number else 0
    if index >= cuda.device_count():
        raise BadValueError(
            f"there is no device {name!r}: this machine has {cuda.device_count()} GPU(s), "
            "numbered from 0"
        )
    return CudaDevice(index, cuda)
