"""A CUDA and an NVML that exist only on paper: clocks, queues, and a sensor."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

CLOCK_HZ = 2e9
LAUNCH_S = 5e-6
DEPTH = 1024


class FakeCudaError(RuntimeError):
    pass


class FakeCuda:
    """As much of ``torch.cuda`` as is used, on a clock of the host and one of each device.

    The host needs ``launch_s`` to queue a kernel; a device runs kernels in order, each no earlier
    than it was queued; a synchronisation makes the host wait for the device, and so does a queue
    that holds ``depth`` kernels.  ``speed`` is the device's relative clock after so many seconds of
    work.  Events, graphs and spins go to the current device, as in CUDA; the kernels of a network
    to the device it lies on.
    """

    def __init__(
        self,
        devices: int = 2,
        *,
        depth: int = DEPTH,
        launch_s: float = LAUNCH_S,
        speed: Callable[[float], float] = lambda worked_s: 1.0,
    ) -> None:
        self.host = 0.0
        self.queues = [0.0] * devices
        self.worked = [0.0] * devices
        self.selected = 0
        self.log: list[str] = []
        self.current = 1000
        self.peak = 1000
        self._depth = depth
        self._launch_s = launch_s
        self._speed = speed
        self._ends: list[deque[float]] = [deque() for _ in range(devices)]
        self._captured: list[float] | None = None
        self._stream = "default"
        self.streams: list[str] = []
        self._warns = 0

    def kernel(self, seconds: float, name: str = "kernel", on: int | None = None) -> float:
        """Queue a kernel; returns when it ends."""
        if self._captured is not None:
            self._captured.append(seconds)
            return 0.0
        index = self.selected if on is None else on
        self.log.append(name)
        self.streams.append(self._stream)
        self._wait_for_room(index)
        self.host += self._launch_s
        taken = seconds / self._speed(self.worked[index])
        self.worked[index] += 0.0 if name == "sleep" else taken
        self.queues[index] = max(self.queues[index], self.host) + taken
        self._ends[index].append(self.queues[index])
        return self.queues[index]

    def wait(self) -> None:
        """Wait inside a network for what it has queued, as ``item`` does."""
        if self._captured is not None:
            raise FakeCudaError("operation not permitted when stream is capturing")
        if self._warns:
            warnings.warn("called a synchronizing CUDA operation", stacklevel=1)
        self.host = max(self.host, self.queues[self.selected])

    def get_sync_debug_mode(self) -> int:
        return self._warns

    def set_sync_debug_mode(self, mode: int | str) -> None:
        self._warns = {"default": 0, "warn": 1}.get(str(mode), 0)

    def allocate(self, size: int) -> None:
        """So many bytes more, for good."""
        self.current += size
        self.peak = max(self.peak, self.current)

    def busy(self, index: int) -> bool:
        """Whether the device still has something to do."""
        return self.queues[index] > self.host

    def set_device(self, index: int) -> None:
        self.selected = index

    def perf_counter(self) -> float:
        return self.host

    def sleep(self, seconds: float) -> None:
        self.host += max(seconds, 1e-6)

    def synchronize(self, index: int) -> None:
        self.log.append("synchronize")
        self.host = max(self.host, self.queues[index])

    def _sleep(self, cycles: int) -> None:
        self.kernel(cycles / CLOCK_HZ, "sleep")

    def is_available(self) -> bool:
        return bool(self.queues)

    def device_count(self) -> int:
        return len(self.queues)

    def reset_peak_memory_stats(self, index: int) -> None:
        self.peak = self.current

    def memory_allocated(self, index: int) -> int:
        return self.current

    def max_memory_allocated(self, index: int) -> int:
        return self.peak

    def empty_cache(self) -> None:
        self.log.append("empty cache")

    def get_device_properties(self, index: int) -> Any:
        return SimpleNamespace(L2_cache_size=50 << 20)

    def Event(self, *, enable_timing: bool = False) -> Any:  # noqa: N802  torch's name
        return FakeEvent(self, timed=enable_timing)

    def Stream(self, index: int) -> Any:  # noqa: N802  torch's name
        return SimpleNamespace(name="side", wait_stream=lambda other: None)

    def current_stream(self) -> Any:
        return SimpleNamespace(name=self._stream, wait_stream=lambda other: None)

    @contextmanager
    def stream(self, stream: Any) -> Iterator[None]:
        before, self._stream = self._stream, stream.name
        try:
            yield
        finally:
            self._stream = before

    def CUDAGraph(self) -> Any:  # noqa: N802  torch's name
        graph = SimpleNamespace(kernels=[])
        graph.replay = lambda: self.kernel(sum(graph.kernels), "graph")
        return graph

    @contextmanager
    def graph(self, graph: Any, stream: Any) -> Iterator[None]:
        """As torch's: the end of a recording that failed raises again, and leaves its stream."""
        self._stream, self._captured = stream.name, graph.kernels
        try:
            yield
        except FakeCudaError:
            raise FakeCudaError("operation failed due to a previous error during capture") from None
        finally:
            self._captured = None

    def _wait_for_room(self, index: int) -> None:
        ends = self._ends[index]
        while ends and ends[0] <= self.host:
            ends.popleft()
        if len(ends) >= self._depth:
            self.host = max(self.host, ends.popleft())


class FakeEvent:
    def __init__(self, cuda: FakeCuda, *, timed: bool) -> None:
        self._cuda = cuda
        self._timed = timed

    def record(self) -> None:
        self._at = self._cuda.kernel(0.0, "record")

    def query(self) -> bool:
        return self._at <= self._cuda.host

    def elapsed_time(self, end: FakeEvent) -> float:
        assert self._timed
        assert end._timed
        return (end._at - self._at) * 1e3


class FakeNvmlError(Exception):
    pass


class FakeMismatchError(Exception):
    """A driver that is older than the library; in NVML's bindings it is no NVMLError."""


class FakeNvml:
    """As much of ``pynvml`` as is used.  A name in ``lacking`` raises as a driver without it."""

    NVMLError, NVMLLibraryMismatchError = FakeNvmlError, FakeMismatchError
    NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_TEMPERATURE_GPU = 1, 2, 0

    def __init__(
        self, *lacking: str, joules: Callable[[], float] = lambda: 0.0, watts: float = 250.0
    ) -> None:
        self.lacking = lacking
        self.joules = joules
        self.watts = watts
        self.averaged_watts = watts
        self.throttle_bits = 0x004 | 0x001
        self.pids = [1]
        self.uuid = "GPU-1234"
        self.refusal: type[Exception] = FakeNvmlError

    def __getattribute__(self, name: str) -> Any:
        if name in object.__getattribute__(self, "__dict__").get("lacking", ()):

            def refuse(*_: Any) -> None:
                raise self.refusal(name)

            return refuse
        return object.__getattribute__(self, name)

    def nvmlInit(self) -> None: ...  # noqa: N802  NVML's name

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:  # noqa: N802
        if uuid != self.uuid:
            raise FakeNvmlError(uuid)
        return uuid

    def nvmlDeviceGetName(self, handle: str) -> bytes:  # noqa: N802
        return b"NVIDIA Paper 100"

    def nvmlDeviceGetUUID(self, handle: str) -> str:  # noqa: N802
        return handle

    def nvmlSystemGetDriverVersion(self) -> str:  # noqa: N802
        return "570.1"

    def nvmlDeviceGetMemoryInfo(self, handle: str) -> Any:  # noqa: N802
        return SimpleNamespace(total=8 << 30)

    def nvmlDeviceGetPowerManagementLimit(self, handle: str) -> int:  # noqa: N802
        return 700_000

    def nvmlDeviceGetMaxClockInfo(self, handle: str, which: int) -> int:  # noqa: N802
        return 1980

    def nvmlDeviceGetClockInfo(self, handle: str, which: int) -> int:  # noqa: N802
        return {1: 1755, 2: 2619}[which]

    def nvmlDeviceGetTemperature(self, handle: str, sensor: int) -> int:  # noqa: N802
        return 61

    def nvmlDeviceGetPowerUsage(self, handle: str) -> int:  # noqa: N802
        return round(self.averaged_watts * 1e3)

    def nvmlDeviceGetFieldValues(self, handle: str, fields: list[int]) -> list[Any]:  # noqa: N802
        assert fields == [186]
        milliwatts = round(self.watts * 1e3)
        return [SimpleNamespace(nvmlReturn=0, value=SimpleNamespace(uiVal=milliwatts))]

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: str) -> int:  # noqa: N802
        return round(self.joules() * 1e3)

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle: str) -> int:  # noqa: N802
        return self.throttle_bits

    def nvmlDeviceGetComputeRunningProcesses(self, handle: str) -> list[Any]:  # noqa: N802
        return [SimpleNamespace(pid=pid) for pid in self.pids]
