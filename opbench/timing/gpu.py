"""Read a GPU's name, limits, state and other processes from NVIDIA's management library.

The library is optional (``pip install 'opbench[gpu]'``); without it, or without a driver, the
facts are those that PyTorch knows and the state is empty.  A fact the driver does not tell is left
out.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from typing import Any

# Reasons for a lower clock that NVML reports as bits, after nvml.h; idling and clocks that the
# user has set are none.
_THROTTLING = {
    0x004: "software power cap",
    0x008: "hardware slowdown",
    0x010: "sync boost",
    0x020: "software thermal slowdown",
    0x040: "hardware thermal slowdown",
    0x080: "hardware power brake",
}


# Of nvml.h, "Current GPU power, supported on all architectures" in milliwatts: what
# nvmlDeviceGetPowerUsage gives is the mean of a second on some.
_POWER_INSTANT = 186


class Gpu:
    """One GPU as NVML sees it.  ``nvml`` is the module ``pynvml``, or behaves like it."""

    def __init__(self, nvml: Any, handle: Any) -> None:
        self._nvml = nvml
        self._handle = handle
        self._refusals = _refusals(nvml)

    def facts(self) -> dict[str, Any]:
        """Return the facts that do not change during a run."""
        nvml = self._nvml
        return dict(
            self._known(
                gpu=lambda: _text(nvml.nvmlDeviceGetName(self._handle)),
                gpu_uuid=lambda: _text(nvml.nvmlDeviceGetUUID(self._handle)),
                gpu_driver=lambda: _text(nvml.nvmlSystemGetDriverVersion()),
                gpu_memory_bytes=lambda: nvml.nvmlDeviceGetMemoryInfo(self._handle).total,
                gpu_power_limit_w=lambda: (
                    nvml.nvmlDeviceGetPowerManagementLimit(self._handle) / 1e3
                ),
                gpu_max_sm_clock_mhz=lambda: nvml.nvmlDeviceGetMaxClockInfo(
                    self._handle, nvml.NVML_CLOCK_SM
                ),
            )
        )

    def state(self) -> dict[str, Any]:
        """Return clocks, temperature, power, throttling and the number of other processes, now."""
        nvml = self._nvml
        return dict(
            self._known(
                sm_clock_mhz=lambda: nvml.nvmlDeviceGetClockInfo(self._handle, nvml.NVML_CLOCK_SM),
                memory_clock_mhz=lambda: nvml.nvmlDeviceGetClockInfo(
                    self._handle, nvml.NVML_CLOCK_MEM
                ),
                temperature_c=lambda: nvml.nvmlDeviceGetTemperature(
                    self._handle, nvml.NVML_TEMPERATURE_GPU
                ),
                power_w=self.power_w,
                throttled_by=self._throttling,
                other_processes=self.other_processes,
            )
        )

    def power_w(self) -> float:
        """Return the watts at this moment.  Raises ``OSError`` where there is no sensor."""
        for _, milliwatts in self._known(power=self._power_field):
            return float(milliwatts) / 1e3
        return self._read(self._nvml.nvmlDeviceGetPowerUsage) / 1e3

    def energy_j(self) -> float:
        """Return the joules since the driver was loaded.  Raises ``OSError`` without a counter."""
        return self._read(self._nvml.nvmlDeviceGetTotalEnergyConsumption) / 1e3

    def can(self, read: Callable[[], float]) -> bool:
        """Return whether one of the two above can be read here."""
        return bool(list(self._known(value=read)))

    def _read(self, function: Callable[[Any], int]) -> float:
        try:
            return float(function(self._handle))
        except self._refusals as error:
            raise OSError(f"NVML: {error}") from error

    def _power_field(self) -> int:
        (field,) = self._nvml.nvmlDeviceGetFieldValues(self._handle, [_POWER_INSTANT])
        if field.nvmlReturn != 0:
            raise OSError(f"NVML: no power at this moment (error {field.nvmlReturn})")
        milliwatts: int = field.value.uiVal
        return milliwatts

    def _throttling(self) -> list[str]:
        bits = self._nvml.nvmlDeviceGetCurrentClocksThrottleReasons(self._handle)
        return [reason for bit, reason in _THROTTLING.items() if bits & bit]

    def other_processes(self) -> int:
        """Count the other processes that compute on it.

        In a container NVML may know this process by another number, so that one of them is this.
        """
        processes = self._nvml.nvmlDeviceGetComputeRunningProcesses(self._handle)
        known = os.getpid() in {process.pid for process in processes}
        return max(0, len(processes) - (known or _has_context()))

    def _known(self, **reads: Callable[[], Any]) -> Iterator[tuple[str, Any]]:
        for key, read in reads.items():
            try:
                yield key, read()
            except self._refusals:
                continue


def open_gpu(uuid: str, load: Callable[[], Any] | None = None) -> Gpu | None:
    """The GPU with PyTorch's ``uuid``, None without the library or a driver.

    The index of PyTorch is not that of NVML: ``CUDA_VISIBLE_DEVICES`` renumbers.  CUDA writes the
    UUID of a part of a GPU (MIG) as it does that of a whole one.
    """
    try:
        nvml = (load or _pynvml)()
    except ImportError:
        return None
    prefixes = ("",) if uuid.startswith(("GPU-", "MIG-")) else ("GPU-", "MIG-")
    for prefix in prefixes:
        with suppress(*_refusals(nvml)):
            nvml.nvmlInit()
            return Gpu(nvml, nvml.nvmlDeviceGetHandleByUUID(prefix + uuid))
    return None


def _refusals(nvml: Any) -> tuple[type[Exception], ...]:
    """Return the errors of a reading: NVML has one apart for drivers older than the library."""
    names = ("NVMLError", "NVMLLibraryMismatchError")
    return (OSError, *(getattr(nvml, name) for name in names if hasattr(nvml, name)))


def _pynvml() -> Any:
    return import_module("pynvml")


def _has_context() -> bool:
    """Return whether this process uses a GPU."""
    torch = sys.modules.get("torch")
    return torch is not None and torch.cuda.is_initialized()


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
