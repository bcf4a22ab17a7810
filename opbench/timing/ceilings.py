"""Measure the ceilings of a device: the rate of a large matrix product, the bandwidth of a large
copy, and the time of an operator that has nothing to do.  ``opbench.timing.roofline`` says what
follows for a network."""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch

from opbench.record import Ceilings
from opbench.timing.device import Call, Device, own_work

_SMALLEST_PRODUCT, _LARGEST_PRODUCT = 1024, 8192
_LONG_ENOUGH_S = 0.01
_SECONDS = 0.1
_COPY_BYTES = {"cpu": 1 << 28, "cuda": 1 << 30}
_LAUNCHES = 500


@torch.inference_mode()
def measure_ceilings(device: Device, dtype: torch.dtype) -> Ceilings:
    """Measure the ceilings of a device: the best of tries within half a second.

    The copy takes 0.5 GiB on the CPU and 2 GiB on CUDA.
    """
    return Ceilings(
        peak_flops_per_s=_peak(device, dtype),
        bandwidth_bytes_per_s=_bandwidth(device),
        launch_s=_launch(device),
    )


def _peak(device: Device, dtype: torch.dtype) -> float:
    """Measure the FLOP/s of a matrix product that is large enough to be timed."""
    size = _SMALLEST_PRODUCT
    while True:
        fastest = min(_tries(device, _product(size, dtype, device.name)))
        if fastest >= _LONG_ENOUGH_S or size >= _LARGEST_PRODUCT:
            return 2 * size**3 / fastest
        size *= 2


def _product(size: int, dtype: torch.dtype, device: str) -> Call:
    left, right = (torch.rand(size, size, device=device).sub_(0.5).to(dtype) for _ in range(2))
    return lambda: left @ right


def _bandwidth(device: Device) -> float:
    """Measure the bytes per second of a copy, read and written."""
    size = _COPY_BYTES[device.name.partition(":")[0]]
    source = torch.zeros(size, dtype=torch.uint8, device=device.name)
    target = torch.zeros_like(source)
    return 2 * size / min(_tries(device, lambda: target.copy_(source)))


def _launch(device: Device) -> float:
    """Measure the seconds of an operator on one element: a call on the CPU, a kernel on CUDA."""
    one = torch.zeros(1, device=device.name)
    return min(_tries(device, lambda: one.add_(1), calls=_LAUNCHES))


def _tries(device: Device, call: Call, calls: int = 1) -> Iterator[float]:
    """Yield the seconds per call of one try after another, without warm-up."""
    look = own_work(device, call, calls)
    start = time.perf_counter()
    while True:
        yield look()
        if time.perf_counter() - start > _SECONDS:
            return
