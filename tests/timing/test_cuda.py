"""The stopwatch of a GPU, over a CUDA of our own clocks and on a real one where there is one."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import opbench
from opbench.errors import BadValueError, CountError
from opbench.timing import cuda as module
from opbench.timing.cuda import CudaDevice
from opbench.timing.device import open_device, own_work
from opbench.timing.energy import Power
from opbench.timing.libraries import load_libraries
from opbench.timing.measurement import Instruments, host_samples, time_round
from opbench.timing.prepared import Spin
from opbench.timing.protocol import BLOCK_S, HEAT_S, Limits
from opbench.timing.settings import CudaOptions
from opbench.timing.sustained import Sustained, back_to_back, queue
from tests.timing.fakes import DEPTH, LAUNCH_S, FakeCuda


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
    timed = device.prepare(forward)
    cuda.log.clear()
    device.time(timed, 2)
    assert cuda.log == [
        "synchronize", "sleep", "record", "record", "kernel", "kernel", "record", "synchronize",
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


@pytest.fixture
def flushed(cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the buffers that flush the cache, in bytes; a flush takes 5 ms."""
    sizes = []

    def empty(size: Any, **_: Any) -> Any:
        if size:
            sizes.append(4 * size)
            cuda.allocate(4 * size)
        return SimpleNamespace(zero_=lambda: cuda.kernel(3e-3, "write"))

    monkeypatch.setattr(torch, "empty", empty)
    monkeypatch.setattr(torch, "sum", lambda *_, **__: cuda.kernel(2e-3, "read"))
    return sizes


def test_a_cold_cache_is_flushed_before_each_call_and_not_timed(
    cuda: FakeCuda, flushed: list[int]
) -> None:
    device = CudaDevice(0, CudaOptions(l2="cold"), cuda)
    timed = device.prepare(_network(cuda, kernels=1, seconds=2e-3))
    words = ("write", "read", "kernel")
    for seconds in (device.time, device.run):
        cuda.log.clear()
        assert seconds(timed, 3) == pytest.approx(6e-3, rel=0.02)
        # What was written is read, so that the cache need not write it back later.
        assert [word for word in cuda.log if word in words] == [*words] * 3
    assert flushed == [100 << 20]


def test_what_flushes_the_cache_is_no_memory_of_the_network(
    cuda: FakeCuda, flushed: list[int]
) -> None:
    def forward() -> None:
        cuda.allocate(4000)
        cuda.current -= 4000
        cuda.kernel(1e-3)

    device = CudaDevice(0, CudaOptions(l2="cold"), cuda)
    instruments = Instruments(memory=device.watch_memory())
    taken = time_round(forward, device, Limits(precision=0.5, seconds=0.01), instruments)
    assert taken.peak_memory_bytes == 4000
    assert cuda.current == 1000 + (100 << 20)


def test_what_flushes_the_cache_takes_no_energy_of_the_network(
    cuda: FakeCuda, flushed: list[int]
) -> None:
    device = CudaDevice(0, CudaOptions(l2="cold"), cuda)
    timed = device.prepare(_network(cuda, kernels=1, seconds=2e-3))
    work = queue(timed, device, 0.0, _Joules(cuda))
    # A joule for each millisecond of work, of which flushing has five for each two.
    assert work.energy_j == pytest.approx(2.0, rel=0.1)
    assert work.power_w == pytest.approx(1000, rel=0.1)
    assert work.queued_s is None


class _Joules:
    """A meter that gains a joule for each millisecond in which the GPU works."""

    window_s = 0.02

    def __init__(self, cuda: FakeCuda) -> None:
        self._cuda = cuda

    def start(self) -> Callable[[], Power]:
        worked, began = self._cuda.worked[0], time.monotonic()

        def power() -> Power:
            joules = 1e3 * (self._cuda.worked[0] - worked)
            return Power(watts=joules / (time.monotonic() - began), resolution=0.01)

        return power


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
    assert 30 <= len(taken.host_samples_s) <= 100
    assert taken.host_samples_s == pytest.approx([10 * LAUNCH_S + 1e-6] * len(taken.host_samples_s))
    assert taken.launches == "hidden"
    assert taken.queued_s is None
    assert taken.calls_per_sample == pytest.approx(BLOCK_S / 10e-6, abs=1)
    assert taken.peak_memory_bytes == 0
    assert taken.device_after == {}


@pytest.mark.parametrize("seconds", [1e-6, 1e-4])
def test_the_state_of_the_gpu_is_read_while_it_works(cuda: FakeCuda, seconds: float) -> None:
    device = CudaDevice(0, cuda=cuda)
    began: list[float] = []

    def state() -> dict[str, Any]:
        began.append(cuda.worked[0])
        # A driver takes its time; the network goes on meanwhile.
        while cuda.worked[0] < began[0] + 0.01:
            time.sleep(0)
        return {"worked": True}

    timed = device.prepare(_network(cuda, 10, seconds))
    calls = round(0.05 / (10 * seconds))
    assert device.look_during(timed, calls, state) == {"worked": True}
    assert began[0] >= 0.05
    assert not cuda.busy(0)


def test_an_error_of_the_driver_while_looking_is_raised(cuda: FakeCuda) -> None:
    def state() -> None:
        raise OSError("the driver is gone")

    with pytest.raises(OSError, match="the driver is gone"):
        CudaDevice(0, cuda=cuda).look_during(_network(cuda, 1, 1e-3), 3, state)
    assert not cuda.busy(0)


@pytest.mark.parametrize("slow_s", [0.01, 0.3])
def test_a_second_call_that_records_or_falters_does_not_lengthen_every_sample(
    cuda: FakeCuda, slow_s: float
) -> None:
    calls = 0

    def forward() -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            cuda.host += slow_s
        cuda.kernel(20e-6)

    device = CudaDevice(0, cuda=cuda)
    device.run(forward, 1)
    timed = device.prepare(forward)
    began = cuda.host
    assert device.time(timed, 100) == pytest.approx(2e-3)
    # 0.5 ms of queueing and its margin, 2 ms of work.
    assert cuda.host - began < 5e-3


def test_launching_goes_on_getting_faster_until_it_has_settled(cuda: FakeCuda) -> None:
    extra = iter([0.4, 0.3, 0.2, 0.1, 0.05, 0.02])

    def forward() -> None:
        cuda.host += next(extra, 0.0)
        cuda.kernel(1e-6)

    timed = CudaDevice(0, cuda=cuda).prepare(forward)
    assert timed.spin is not None
    assert timed.spin.queueing_s == pytest.approx(3 * LAUNCH_S)
    assert timed.warmup == 9


def test_a_spin_has_an_end_however_long_queueing_takes(cuda: FakeCuda) -> None:
    def forward() -> None:
        cuda.host += 0.4
        cuda.kernel(1e-3)

    device = CudaDevice(0, cuda=cuda)
    timed = device.prepare(forward)
    cuda.log.clear()
    began = cuda.host
    seconds = device.time(timed, 1)
    # Five tries, each of 0.4 s on the host, a look at why, three to compare with, and the sample.
    assert cuda.host - began < 12 * 0.4
    assert timed.launches == "seen"
    # What it now waits for is part of its time.
    assert seconds == pytest.approx(0.4, rel=0.01)


def test_more_launches_than_a_queue_holds_are_hidden_a_few_calls_at_a_time(
    cuda: FakeCuda,
) -> None:
    device = CudaDevice(0, cuda=cuda)
    timed = device.prepare(_network(cuda, kernels=100, seconds=1e-6))
    assert device.time(timed, 20) == pytest.approx(20 * 100e-6)
    assert timed.launches == "hidden"
    assert timed.spin is not None
    assert timed.spin.most * 100 < DEPTH


@pytest.mark.parametrize(("kernels", "launches"), [(900, "hidden"), (4207, "seen")])
def test_launches_of_one_call_that_a_queue_does_not_hold_are_seen_and_said(
    cuda: FakeCuda, kernels: int, launches: str
) -> None:
    device = CudaDevice(0, cuda=cuda)
    timed = device.prepare(_network(cuda, kernels, seconds=3e-6))
    seconds = device.time(timed, 1)
    assert timed.launches == launches
    each_s = 3e-6 if launches == "hidden" else LAUNCH_S
    assert seconds == pytest.approx(kernels * each_s, rel=1e-3)
    graph = CudaDevice(0, CudaOptions(graph=True), cuda)
    recorded = graph.prepare(_network(cuda, kernels, seconds=3e-6))
    assert graph.time(recorded, 1) == pytest.approx(kernels * 3e-6)
    assert recorded.launches == "hidden"


def test_kernels_that_take_longer_than_their_launches_hide_them(cuda: FakeCuda) -> None:
    device = CudaDevice(0, cuda=cuda)
    timed = device.prepare(_network(cuda, 4207, seconds=20e-6))
    assert device.time(timed, 1) == pytest.approx(4207 * 20e-6, rel=1e-3)
    assert timed.launches == "hidden"


@pytest.mark.parametrize("launch_s", [10e-6, 50e-6])
@pytest.mark.parametrize("queues", [0.5, 1.5, 4, 30, 98])
@pytest.mark.parametrize(("part", "launches"), [(0.6, "seen"), (0.9, "seen"), (1.1, "hidden")])
def test_launches_are_seen_where_the_gpu_waits_for_them_however_many_there_are(
    monkeypatch: pytest.MonkeyPatch, launch_s: float, queues: float, part: float, launches: str
) -> None:
    # Of a network with ``queues`` times as many kernels as a queue holds, each of which takes a
    # ``part`` of its launch.
    depth = 128
    cuda = FakeCuda(depth=depth, launch_s=launch_s)
    monkeypatch.setattr(module, "time", cuda)
    kernels, seconds = round(queues * depth), part * launch_s
    # A spin has room for one queue; beyond it, kernels wait where they are quicker than launches.
    alone, expected = kernels * seconds, launches if queues > 1 else "hidden"
    device = CudaDevice(0, cuda=cuda)
    timed = device.prepare(_network(cuda, kernels, seconds))
    taken = device.time(timed, 1)
    assert timed.launches == expected
    assert (taken == pytest.approx(alone, rel=0.02)) is (expected == "hidden")


def test_one_slow_sample_behind_a_spin_does_not_make_launches_hidden(cuda: FakeCuda) -> None:
    calls = 0

    def forward() -> None:
        nonlocal calls
        calls += 1
        # The last of the calls behind a spin, four being measured before.
        cuda.kernel(5e-3 if calls == 9 else 1e-6)
        _network(cuda, 1400, 3e-6)()
        cuda.kernel(1e-4)

    device = CudaDevice(0, cuda=cuda)
    timed = device.prepare(forward)
    assert timed.warmup == 4
    device.time(timed, 1)
    assert timed.launches == "seen"


@pytest.mark.parametrize("kernels", [10, 2000])
def test_a_network_that_waits_for_the_gpu_is_said_to(cuda: FakeCuda, kernels: int) -> None:
    def forward() -> None:
        _network(cuda, kernels, 1e-6)()
        cuda.wait()
        _network(cuda, kernels, 1e-6)()

    device = CudaDevice(0, cuda=cuda)
    timed = device.prepare(forward)
    device.time(timed, 3)
    assert timed.launches == "synchronises"
    assert cuda.get_sync_debug_mode() == 0


def test_a_sample_in_which_the_host_falters_is_taken_again(cuda: FakeCuda) -> None:
    falters = iter([False] * 30 + [True])

    def forward() -> None:
        cuda.host += 0.02 if next(falters, False) else 0.0
        cuda.kernel(20e-6)

    device = CudaDevice(0, cuda=cuda)
    timed = device.prepare(forward)
    assert [device.time(timed, 10) for _ in range(6)] == pytest.approx([200e-6] * 6)
    assert next(falters, "asked") == "asked"
    assert timed.launches == "hidden"
    assert timed.spin == Spin(queueing_s=timed.spin.queueing_s if timed.spin else 0)


def test_a_host_that_is_always_slower_than_its_quickest_call_gets_a_longer_spin(
    cuda: FakeCuda,
) -> None:
    calls = 0

    def forward() -> None:
        nonlocal calls
        calls += 1
        cuda.host += 0.0 if calls < 9 else 20e-6
        cuda.kernel(20e-6)

    device = CudaDevice(0, cuda=cuda)
    timed = device.prepare(forward)
    assert device.time(timed, 100) == pytest.approx(2e-3)
    assert timed.launches == "hidden"


@pytest.mark.parametrize("bitten", [False, True])
def test_a_power_limit_bites_before_the_samples(bitten: bool) -> None:
    cuda = FakeCuda(speed=lambda worked_s: 0.8 if bitten and worked_s > 0.06 else 1.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "time", cuda)
        device = CudaDevice(0, cuda=cuda)
        instruments = Instruments(memory=device.watch_memory())
        limits = Limits(precision=0.01, seconds=0.02)
        taken = time_round(_network(cuda, 10, 1e-4), device, limits, instruments)
    each_s = 1e-3 / (0.8 if bitten else 1.0)
    assert taken.samples_s == pytest.approx([each_s] * len(taken.samples_s))


def test_calls_back_to_back_give_the_throughput(cuda: FakeCuda) -> None:
    device = CudaDevice(0, cuda=cuda)
    instruments = Instruments(memory=device.watch_memory(), queue_s=0.5)
    limits = Limits(precision=0.5, seconds=0.01)
    taken = time_round(_network(cuda, 10, 1e-4), device, limits, instruments)
    assert taken.queued_s == pytest.approx(1e-3, rel=0.01)
    assert taken.forward_s > HEAT_S + 0.5
    assert taken.sampling_s is not None
    # Of a network that the host holds up: its pace.
    timed = device.prepare(_network(cuda, 10, 1e-6))
    assert queue(timed, device, 0.1, None).queued_s == pytest.approx(10 * LAUNCH_S, rel=0.01)
    assert queue(timed, device, 0.0, None) == Sustained()


def test_calls_that_get_slower_are_not_queued_all_at_once() -> None:
    taken: list[int] = []

    def run(calls: int) -> float:
        slow_s = sum(1e-6 if call == 0 else 1e-3 for call in range(sum(taken), sum(taken) + calls))
        taken.append(calls)
        return slow_s

    calls, spent = back_to_back(run, 0.1)
    assert 0.1 <= spent < 0.2
    assert calls == sum(taken)


def test_where_energy_is_measured_its_window_gives_the_throughput(cuda: FakeCuda) -> None:
    device = CudaDevice(0, cuda=cuda)
    timed = device.prepare(_network(cuda, 10, 1e-4))
    work = queue(timed, device, 1.0, _Joules(cuda))
    assert work.queued_s == pytest.approx(1e-3, rel=0.1)
    assert work.energy_j == pytest.approx(1.0, rel=0.1)


def test_single_calls_of_a_slow_network_are_fewer(cuda: FakeCuda) -> None:
    device = CudaDevice(0, cuda=cuda)
    limits = Limits(precision=0.5, seconds=0.4, min_samples=2)
    for seconds, wanted in ((1e-3, 40), (0.1, 4), (1.0, 2)):
        timed = device.prepare(_network(cuda, 1, seconds))
        assert len(host_samples(timed, device, limits)) == pytest.approx(wanted, abs=1)


def test_memory_of_a_first_call_that_compiles_is_not_the_networks(cuda: FakeCuda) -> None:
    calls = 0

    def forward() -> None:
        nonlocal calls
        calls += 1
        taken = 10**9 if calls == 1 else 4000
        cuda.allocate(taken)
        cuda.current -= taken
        cuda.kernel(1e-3)

    device = CudaDevice(0, cuda=cuda)
    cuda.allocate(500)
    instruments = Instruments(memory=device.watch_memory())
    limits = Limits(precision=0.5, seconds=0.01)
    assert time_round(forward, device, limits, instruments).peak_memory_bytes == 4000


def test_a_graph_is_recorded_on_the_stream_that_was_warmed_up(cuda: FakeCuda) -> None:
    recorded: list[str] = []

    def forward() -> None:
        recorded.append(cuda.current_stream().name)

    CudaDevice(0, CudaOptions(graph=True), cuda).prepare(forward)
    assert recorded == ["side", "side"]
    assert cuda.current_stream().name == "default"


def test_a_graph_that_cannot_be_recorded_names_its_first_cause(cuda: FakeCuda) -> None:
    def forward() -> None:
        cuda.kernel(1e-6)
        cuda.wait()

    device = CudaDevice(0, CudaOptions(graph=True), cuda)
    with pytest.raises(CountError, match=r"not permitted when stream.*remove --cuda-graph") as told:
        device.prepare(forward)
    assert "previous error" not in str(told.value)
    assert cuda.current_stream().name == "default"


def test_an_error_that_a_network_handles_is_no_cause_of_a_failed_recording(cuda: FakeCuda) -> None:
    def forward() -> None:
        try:
            raise KeyError("shape")
        except KeyError:
            cuda.kernel(1e-6)
            cuda.wait()

    device = CudaDevice(0, CudaOptions(graph=True), cuda)
    with pytest.raises(CountError, match="not permitted when stream is capturing") as told:
        device.prepare(forward)
    assert "shape" not in str(told.value)


def test_memory_that_runs_out_while_a_graph_is_recorded_is_said_so(cuda: FakeCuda) -> None:
    calls = 0

    def forward() -> None:
        nonlocal calls
        calls += 1
        cuda.kernel(1e-6)
        if calls == 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    device = CudaDevice(0, CudaOptions(graph=True), cuda)
    with pytest.raises(torch.OutOfMemoryError, match=r"Tried to allocate 2\.00 GiB"):
        device.prepare(forward)
    assert cuda.current_stream().name == "default"


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


def test_a_gpu_of_another_maker_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "hip", "6.4")
    with pytest.raises(BadValueError, match="is built for ROCm"):
        open_device("cuda", cuda=FakeCuda())


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


def _steps(number: int, *, asks: bool = False) -> Callable[[], None]:
    """So many additions on a GPU, and a question in the middle."""
    one = torch.zeros(1, device="cuda")

    def forward() -> None:
        for _ in range(number // 2):
            one.view(1, 1).view(1).add_(1)
        if asks:
            one.item()
        for _ in range(number // 2):
            one.view(1, 1).view(1).add_(1)

    return forward


@pytest.mark.cuda
@pytest.mark.parametrize(
    ("number", "asks", "launches"),
    [(100, False, "hidden"), (4000, False, "seen"), (100, True, "synchronises")],
)
def test_on_a_gpu_launches_are_hidden_or_said(number: int, asks: bool, launches: str) -> None:
    device = open_device("cuda")
    forward = _steps(number, asks=asks)
    forward()
    timed = device.prepare(forward)
    took = min(device.time(timed, 20 if number == 100 else 1) for _ in range(5))
    assert timed.launches == launches
    assert took > 0


@pytest.mark.cuda
@torch.inference_mode()
def test_on_a_gpu_a_graph_takes_no_more_memory_than_the_network() -> None:
    linear = torch.nn.Linear(1024, 1024, bias=False, device="cuda")
    images = torch.ones(4096, 1024, device="cuda")
    peaks = []
    for graph in (False, True):
        device = open_device("cuda", CudaOptions(graph=graph))
        load_libraries(device)
        instruments = Instruments(memory=device.watch_memory())
        limits = Limits(precision=0.05, seconds=0.05)
        taken = time_round(lambda: linear(images), device, limits, instruments)
        assert taken.launches == "hidden"
        peaks.append(taken.peak_memory_bytes)
        device.release()
    assert peaks == pytest.approx([4096 * 1024 * 4] * 2, rel=0.01)


_REFUSED = """
import torch
from opbench.errors import CountError
from opbench.timing.device import open_device
from opbench.timing.settings import CudaOptions
one = torch.zeros(1, device="cuda")
device = open_device("cuda", CudaOptions(graph=True))
before = torch.cuda.current_stream()
try:
    device.prepare(lambda: one.item())
except CountError as error:
    print(error)
assert torch.cuda.current_stream() == before
device.release()
"""


@pytest.mark.cuda
def test_on_a_gpu_a_graph_that_cannot_be_recorded_names_its_first_cause() -> None:
    # In a process of its own, which a failed recording leaves unfit for more.
    command = [sys.executable, "-c", _REFUSED]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "previous error" not in said.stdout
    assert "remove --cuda-graph" in said.stdout
    assert said.returncode == 0, said.stderr


@pytest.mark.cuda
def test_on_a_gpu_the_state_is_read_while_it_works() -> None:
    device = open_device("cuda")
    square = torch.ones(4096, 4096, device="cuda")
    device.run(lambda: square @ square, 1)
    stream = torch.cuda.current_stream()

    def state() -> bool:
        seen = []
        for _ in range(3):
            time.sleep(0.005)
            seen.append(stream.query())
        return not any(seen)

    assert device.look_during(device.prepare(lambda: square @ square), 10, state)


@pytest.mark.cuda
def test_on_a_gpu_calls_back_to_back_take_no_longer_than_single_ones() -> None:
    device = open_device("cuda")
    forward = _steps(100)
    instruments = Instruments(memory=device.watch_memory(), queue_s=0.5)
    taken = time_round(forward, device, Limits(precision=0.01, seconds=0.2), instruments)
    assert taken.queued_s is not None
    assert min(taken.samples_s) < taken.queued_s < 1.2 * max(taken.host_samples_s)


@pytest.mark.cuda
def test_on_a_gpu_peak_memory_is_what_the_allocator_says() -> None:
    linear = torch.nn.Linear(1024, 1024, bias=False, device="cuda")
    images = torch.ones(4096, 1024, device="cuda")
    measurement = opbench.measure(linear, images, max_seconds=0.2)
    # The output, and the input that nothing but the caller holds is not a growth.
    assert measurement.peak_memory_bytes == pytest.approx(4096 * 1024 * 4, rel=0.01)
    assert measurement.host_s is not None
    assert measurement.host_s >= measurement.median_s
