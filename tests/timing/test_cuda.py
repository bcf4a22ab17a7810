"""The stopwatch of a GPU, over a CUDA of our own clocks and on a real one where there is one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

import opbench
from opbench.errors import BadValueError
from opbench.timing import cuda as module
from opbench.timing.cuda import CudaDevice
from opbench.timing.device import open_device, own_work
from opbench.timing.measurement import Instruments, time_round
from opbench.timing.protocol import BLOCK_S, Limits
from opbench.timing.settings import CudaOptions
from tests.timing.fakes import LAUNCH_S, FakeCuda


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    """A GPU on paper, whose host clock is the one that is read."""
    fake = FakeCuda()
    monkeypatch.setattr(module, "time", fake)
    return fake


def _network(cuda: FakeCuda, kernels: int, seconds: float, on: int | None = None) -> Any:
    """A forward pass of so many kernels, each so long."""

    def forward() -> None:
        for _ in range(kernels):
            cuda.kernel(seconds, on=on)

    return forward


def test_the_time_of_the_device_does_not_contain_launches_that_take_longer(cuda: FakeCuda) -> None:
    forward = _network(cuda, kernels=10, seconds=1e-6)
    device = CudaDevice(0, cuda=cuda)
    timed = device.prepare(forward)
    assert device.time(timed, 7) == pytest.approx(7 * 10e-6)
    assert device.run(timed, 7) == pytest.approx(7 * 10 * LAUNCH_S + 1e-6)


def test_without_the_hiding_the_launches_would_have_been_measured(cuda: FakeCuda) -> None:
    device = CudaDevice(0, cuda=cuda)
    unprepared = device.time(_network(cuda, kernels=10, seconds=1e-6), 1)
    assert unprepared == pytest.approx(10 * LAUNCH_S, rel=0.2)


def test_the_time_of_a_slow_network_is_the_same_on_both_clocks(cuda: FakeCuda) -> None:
    device = CudaDevice(0, cuda=cuda)
    timed = device.prepare(_network(cuda, kernels=10, seconds=1e-3))
    assert device.time(timed, 3) == pytest.approx(30e-3)
    assert device.run(timed, 3) == pytest.approx(30e-3, rel=1e-3)


def test_calls_lie_between_two_events_and_two_synchronisations(cuda: FakeCuda) -> None:
    forward = _network(cuda, kernels=1, seconds=1e-3)
    device = CudaDevice(1, cuda=cuda)
    device.prepare(forward)
    cuda.log.clear()
    device.time(forward, 2)
    assert cuda.log == [
        "synchronize", "sleep", "record", "kernel", "kernel", "record", "synchronize",
    ]  # fmt: skip


@pytest.mark.parametrize("options", [CudaOptions(), CudaOptions(graph=True)])
@pytest.mark.parametrize("index", [0, 1])
def test_each_gpu_is_timed_by_its_own_queue(
    cuda: FakeCuda, index: int, options: CudaOptions
) -> None:
    cuda.kernel(10.0, on=1 - index)  # the other one is busy
    device = open_device(f"cuda:{index}", options, cuda)
    timed = device.prepare(_network(cuda, kernels=10, seconds=1e-6, on=index))
    assert device.time(timed, 7) == pytest.approx(7 * 10e-6)
    assert device.run(timed, 7) < 1e-3


def test_work_that_is_no_networks_has_its_launches_hidden_too(cuda: FakeCuda) -> None:
    device = CudaDevice(0, cuda=cuda)
    look = own_work(device, _network(cuda, kernels=1, seconds=1e-6), calls=500)
    assert look() == pytest.approx(1e-6)


def test_a_graph_is_captured_once_and_replayed(cuda: FakeCuda) -> None:
    device = CudaDevice(0, CudaOptions(graph=True), cuda)
    timed = device.prepare(_network(cuda, kernels=10, seconds=1e-6))
    cuda.log.clear()
    assert device.time(timed, 4) == pytest.approx(4 * 10e-6)
    assert cuda.log.count("graph") == 4
    assert "kernel" not in cuda.log
    assert device.run(timed, 1) == pytest.approx(LAUNCH_S + 10e-6)


def test_a_cold_cache_is_flushed_before_each_call_and_not_timed(
    cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []

    def empty(size: int, **_: Any) -> Any:
        sizes.append(size)
        return SimpleNamespace(zero_=lambda: cuda.kernel(5e-3, "flush"))

    monkeypatch.setattr(torch, "empty", empty)
    device = CudaDevice(0, CudaOptions(l2="cold"), cuda)
    timed = device.prepare(_network(cuda, kernels=1, seconds=2e-3))
    cuda.log.clear()
    assert device.time(timed, 3) == pytest.approx(6e-3)
    assert [word for word in cuda.log if word in ("flush", "kernel")] == ["flush", "kernel"] * 3
    assert sizes == [100 << 20]


def test_what_flushes_the_cache_is_no_memory_of_the_network(
    cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    def empty(size: int, **_: Any) -> Any:
        cuda.allocate(size)
        return SimpleNamespace(zero_=lambda: cuda.kernel(1e-6, "flush"))

    def forward() -> None:
        cuda.allocate(4000)
        cuda.current -= 4000
        cuda.kernel(1e-3)

    monkeypatch.setattr(torch, "empty", empty)
    device = CudaDevice(0, CudaOptions(l2="cold"), cuda)
    instruments = Instruments(memory=device.watch_memory())
    taken = time_round(forward, device, Limits(precision=0.5, seconds=0.01), instruments)
    assert taken.peak_memory_bytes == 4000
    assert cuda.current == 1000 + (100 << 20)


def test_memory_is_the_growth_of_the_allocators_peak(cuda: FakeCuda) -> None:
    peak = CudaDevice(0, cuda=cuda).watch_memory()
    cuda.peak = 5000
    assert peak() == 4000


def test_the_allocator_is_emptied_between_cells(cuda: FakeCuda) -> None:
    CudaDevice(0, cuda=cuda).release()
    assert cuda.log == ["empty cache"]


def test_a_round_on_a_gpu_has_samples_of_its_clock_and_of_the_hosts(cuda: FakeCuda) -> None:
    device = CudaDevice(0, cuda=cuda)
    limits = Limits(precision=0.01, seconds=0.05)
    instruments = Instruments(memory=device.watch_memory())
    taken = time_round(_network(cuda, 10, 1e-6), device, limits, instruments)
    assert taken.samples_s == pytest.approx([10e-6] * len(taken.samples_s))
    # What queueing ten kernels costs, and the last of them.
    assert taken.host_samples_s == pytest.approx([10 * LAUNCH_S + 1e-6] * 10)
    assert taken.calls_per_sample == pytest.approx(BLOCK_S / 10e-6, abs=1)
    assert taken.peak_memory_bytes == 0
    assert taken.device_after == {}


def test_the_state_of_the_gpu_is_read_while_it_works(cuda: FakeCuda) -> None:
    device = CudaDevice(0, cuda=cuda)
    left: list[float] = []

    def state() -> dict[str, Any]:
        left.append(cuda.queues[0] - cuda.host)
        return {"busy": cuda.busy(0)}

    instruments = Instruments(memory=device.watch_memory(), state=state)
    limits = Limits(precision=0.01, seconds=0.05)
    taken = time_round(_network(cuda, 10, 1e-4), device, limits, instruments)
    assert taken.device_after == {"busy": True}
    # Of a twentieth of a second, 50 calls of 10 kernels were queued in 2.5 ms.
    assert left == [pytest.approx(0.05 - 0.0025, rel=0.05)]
    assert not cuda.busy(0)


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cuda:", "cpu:0", "", "cuda:-1"])
def test_words_that_are_no_device_are_refused(name: str) -> None:
    with pytest.raises(BadValueError, match=r"did you mean cuda|cpu, cuda or cuda:N"):
        open_device(name, cuda=FakeCuda())


def test_a_gpu_that_is_not_there_is_refused() -> None:
    assert open_device("cuda:1", cuda=FakeCuda()).name == "cuda:1"
    assert open_device("cuda", cuda=FakeCuda()).name == "cuda:0"
    with pytest.raises(BadValueError, match=r"2 GPU\(s\)"):
        open_device("cuda:2", cuda=FakeCuda())
    with pytest.raises(BadValueError, match="sees no GPU"):
        open_device("cuda", cuda=FakeCuda(devices=0))


@pytest.mark.cuda
@pytest.mark.parametrize(
    "options", [CudaOptions(), CudaOptions(graph=True), CudaOptions(l2="cold")]
)
def test_on_a_gpu_a_larger_product_takes_longer_on_its_clock(options: CudaOptions) -> None:
    device = open_device("cuda", options)

    def seconds(size: int) -> float:
        left = torch.rand(size, size, device="cuda")
        left @ left
        timed = device.prepare(lambda: left @ left)
        return min(device.time(timed, 1) for _ in range(5))

    assert 4 < seconds(8192) / seconds(4096) < 16


@pytest.mark.cuda
def test_on_a_gpu_peak_memory_is_what_the_allocator_says() -> None:
    linear = torch.nn.Linear(1024, 1024, bias=False, device="cuda")
    images = torch.ones(4096, 1024, device="cuda")
    measurement = opbench.measure(linear, images, max_seconds=0.2)
    # The output, and the input that nothing but the caller holds is not a growth.
    assert measurement.peak_memory_bytes == pytest.approx(4096 * 1024 * 4, rel=0.01)
    assert measurement.host_s is not None
    assert measurement.host_s >= measurement.median_s
