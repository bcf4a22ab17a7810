"""Devices: names, and the order of what is asked of CUDA, over a CUDA that only writes it down."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from opbench.errors import BadValueError
from opbench.timing.device import CudaDevice, open_device


class FakeCuda:
    """As much of ``torch.cuda`` as is used; a call of the network takes 2 ms of its time."""

    def __init__(self, devices: int = 2) -> None:
        self.log: list[str] = []
        self.milliseconds = 0.0
        self.allocated = 1000
        self.devices = devices

    def is_available(self) -> bool:
        return self.devices > 0

    def device_count(self) -> int:
        return self.devices

    def synchronize(self, index: int) -> None:
        self.log.append(f"synchronize {index}")

    def reset_peak_memory_stats(self, index: int) -> None:
        self.log.append("reset peak")

    def memory_allocated(self, index: int) -> int:
        return self.allocated

    def max_memory_allocated(self, index: int) -> int:
        return 5000

    def empty_cache(self) -> None:
        self.log.append("empty cache")

    def Event(self, *, enable_timing: bool) -> Any:  # noqa: N802  torch's name
        assert enable_timing
        return FakeEvent(self)

    def forward(self) -> None:
        self.log.append("forward")
        self.milliseconds += 2.0


class FakeEvent:
    def __init__(self, cuda: FakeCuda) -> None:
        self._cuda = cuda

    def record(self) -> None:
        self._cuda.log.append("record")
        self._at = self._cuda.milliseconds

    def elapsed_time(self, end: FakeEvent) -> float:
        return end._at - self._at


def test_cuda_calls_lie_between_two_events_and_two_synchronisations() -> None:
    cuda = FakeCuda()
    seconds = CudaDevice(1, cuda).time(cuda.forward, 3)
    assert seconds == pytest.approx(6e-3)
    assert cuda.log == ["synchronize 1", "record", *["forward"] * 3, "record", "synchronize 1"]


def test_cuda_memory_is_the_growth_of_the_allocators_peak() -> None:
    assert CudaDevice(0, FakeCuda()).watch_memory()() == 4000


def test_cpu_memory_is_the_growth_of_peak_resident_memory() -> None:
    peak = open_device("cpu").watch_memory()
    block = torch.ones(8 * 2**20)
    assert block.numel() * 4 <= (peak() or 0) < 2 * block.numel() * 4


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cuda:", "cpu:0", "", "cuda:-1"])
def test_words_that_are_no_device_are_refused(name: str) -> None:
    with pytest.raises(BadValueError, match="cpu, cuda or cuda:N"):
        open_device(name, FakeCuda())


def test_a_gpu_that_is_not_there_is_refused() -> None:
    assert open_device("cuda:1", FakeCuda()).name == "cuda:1"
    with pytest.raises(BadValueError, match=r"2 GPU\(s\)"):
        open_device("cuda:2", FakeCuda())
    with pytest.raises(BadValueError, match="sees no GPU"):
        open_device("cuda", FakeCuda(devices=0))
