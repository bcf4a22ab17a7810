"""One side: on the CPU, and on a GPU that exists only on paper."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from threading import Event, Thread
from typing import Any

import pytest

from opbench.live import side as module
from opbench.live.side import Side
from opbench.timing.cuda import CudaDevice
from opbench.timing.device import CpuDevice
from tests.timing.fakes import LAUNCH_S, FakeCuda

KERNEL_S, KERNELS = 20e-6, 50


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    """A GPU on paper, whose host's clock is the only one."""
    fake = FakeCuda()
    monkeypatch.setattr(time, "perf_counter", fake.perf_counter)
    return fake


def taken(block: Mapping[str, Any]) -> tuple[list[float], int]:
    """The samples of a block, and the calls of each."""
    return block["samples_s"], block["calls"]


def network(fake: FakeCuda) -> Callable[[], object]:
    """A network of 50 kernels, each of which takes longer than its launch."""
    return lambda: [fake.kernel(KERNEL_S) for _ in range(KERNELS)]


def test_on_cuda_the_latency_is_what_a_caller_waits(fake: FakeCuda) -> None:
    side = Side(CudaDevice(0, cuda=fake), network(fake), device_time=False)
    samples, calls = taken(side.block(0.06))
    # The first launch, and then the kernels: each is launched while the one before it runs.
    waited = LAUNCH_S + KERNELS * KERNEL_S
    assert samples == pytest.approx([waited] * len(samples), rel=1e-6)
    assert calls == 2
    # One block of 60 ms, in samples of two calls.
    assert len(samples) == round(0.06 / (2 * waited))


def test_on_cuda_the_device_time_has_no_launches(fake: FakeCuda) -> None:
    side = Side(CudaDevice(0, cuda=fake), network(fake), device_time=True)
    samples, _ = taken(side.block(0.06))
    assert samples == pytest.approx([KERNELS * KERNEL_S] * len(samples), rel=1e-6)
    assert samples[0] < LAUNCH_S + KERNELS * KERNEL_S


def test_on_cuda_two_sides_share_the_device_and_find_no_difference(fake: FakeCuda) -> None:
    one, other = (Side(CudaDevice(0, cuda=fake), network(fake), device_time=False) for _ in "12")
    assert taken(one.block(0.06))[0] == pytest.approx(taken(other.block(0.06))[0])


def test_on_the_cpu_a_sample_is_the_mean_of_calls_of_two_milliseconds() -> None:
    def half_a_millisecond() -> None:
        end = time.perf_counter() + 0.5e-3
        while time.perf_counter() < end:
            pass

    side = Side(CpuDevice(), half_a_millisecond, device_time=False)
    samples, calls = taken(side.block(0.06))
    assert calls in (4, 3)
    assert min(samples) >= 0.5e-3


def test_a_slow_network_has_one_call_in_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    def clock() -> Iterator[float]:
        while True:
            yield calls * 2.0

    ticks = clock()
    monkeypatch.setattr(time, "perf_counter", lambda: next(ticks))

    def two_seconds() -> None:
        nonlocal calls
        calls += 1

    side = Side(CpuDevice(), two_seconds, device_time=False)
    side.block(0.06)
    before = calls
    samples, each = taken(side.block(0.06))
    assert (len(samples), each, calls - before) == (1, 1, 1)


def test_processor_seconds_are_those_of_the_calling_thread() -> None:
    """A call that sleeps takes hardly any, and a thread beside it takes its own."""

    def spin(seconds: float) -> None:
        end = time.thread_time() + seconds
        while time.thread_time() < end:
            pass

    def waiting() -> None:
        other = Thread(target=spin, args=(0.004,))
        other.start()
        other.join()

    side = Side(CpuDevice(), waiting, device_time=False)
    block = side.block(0.05)
    assert block["processor_s"] < 0.5 * min(block["samples_s"])
    side = Side(CpuDevice(), lambda: spin(0.004), device_time=False)
    assert side.block(0.05)["processor_s"] == pytest.approx(0.004, rel=0.1)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is not known which threads run")
def test_a_thread_that_runs_is_seen_until_it_has_ended() -> None:
    """It computes without Python's lock, as threads of OpenMP do that spin on after a call."""
    thread = Thread(target=hashlib.pbkdf2_hmac, args=("sha256", b"", b"", 1_000_000))
    thread.start()
    seen = False
    while thread.is_alive() and not seen:
        seen = any(map(module._runs, module._threads("stat")))
    thread.join()
    assert seen


def test_a_block_ends_when_the_threads_of_the_side_have_come_to_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those of OpenMP spin on after a call, and would disturb the other side."""
    states = ["R", "R", "S"]

    def threads(file: str) -> Iterator[tuple[int, str]]:
        if file == "stat":
            yield 0, f"0 (omp) {states.pop(0)} 0"

    monkeypatch.setattr(module, "_threads", threads)
    monkeypatch.setattr(module, "_REST_S", 60.0)
    Side(CpuDevice(), lambda: time.sleep(0.002), device_time=False).block(0.002)
    assert not states


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is waited for")
def test_a_thread_that_never_rests_is_waited_for_no_longer_than_that() -> None:
    stop = Event()

    def spin() -> None:
        while not stop.is_set():
            pass

    never = Thread(target=spin)
    never.start()
    try:
        side = Side(CpuDevice(), lambda: time.sleep(0.002), device_time=False)
        assert len(side.block(0.002)["samples_s"]) == 1
        assert never.is_alive()
    finally:
        stop.set()
        never.join()
