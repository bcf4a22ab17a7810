"""The fixed piece of work: the same each time, and as slow as the machine is."""

from __future__ import annotations

import itertools
import weakref

import pytest
import torch

from opbench.timing import cuda as cuda_module
from opbench.timing import yardstick as module
from opbench.timing.cuda import CudaDevice
from opbench.timing.device import Call, CpuDevice
from opbench.timing.yardstick import yardstick
from tests.timing.fakes import FakeCuda


class Scripted(CpuDevice):
    """Each of the three pieces takes four looks, of which the first is not used."""

    def __init__(self, machine: float = 1.0) -> None:
        pieces = ([9.0, 4e-3, 4e-3, 5e-3], [9.0, 2e-3, 2e-3, 1e-3], [9.0, 1e-6, 1e-6, 3e-6])
        self.seconds = (machine * each for each in itertools.chain.from_iterable(pieces))

    def time(self, call: Call, calls: int) -> float:
        call()
        return calls * next(self.seconds)

    run = time


def test_it_is_the_geometric_mean_of_the_medians() -> None:
    # The cube root of 4e-3 * 2e-3 * 1e-6 = 8e-12.
    assert yardstick(Scripted()) == pytest.approx(2e-4)


def test_a_machine_half_as_fast_takes_twice_the_time() -> None:
    assert yardstick(Scripted(machine=2.0)) == pytest.approx(4e-4)


def test_on_this_machine_it_takes_some_time_and_draws_no_random_numbers() -> None:
    before = torch.get_rng_state()
    assert 0 < (yardstick(CpuDevice()) or 0) < 10
    assert torch.equal(before, torch.get_rng_state())


class Full(CpuDevice):
    """A GPU on which a network has left no room."""

    def run(self, call: Call, calls: int) -> float:
        raise torch.OutOfMemoryError("CUDA out of memory.")


def test_a_network_that_fills_the_gpu_goes_without_a_yardstick() -> None:
    assert yardstick(Full()) is None


def test_each_piece_gives_its_memory_back_before_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[weakref.ref[torch.Tensor]] = []
    alive: list[int] = []

    def piece(name: str) -> Call:
        alive.append(sum(each() is not None for each in made))
        tensor = torch.zeros(4)
        made.append(weakref.ref(tensor))
        return lambda: tensor.add_(1)

    monkeypatch.setattr(module, "PIECES", ((piece, 1), (piece, 1), (piece, 2)))
    assert yardstick(CpuDevice()) is not None
    assert alive == [0, 0, 0]
    assert not any(each() is not None for each in made)


def test_beside_a_network_that_is_slow_to_launch_a_gpu_does_not_wait_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cuda = FakeCuda()
    monkeypatch.setattr(cuda_module, "time", cuda)
    pieces = tuple(
        (lambda name, seconds=seconds: lambda: cuda.kernel(seconds), calls)
        for seconds, calls in ((4e-3, 1), (2e-3, 1), (1e-6, 100))
    )
    monkeypatch.setattr(module, "PIECES", pieces)
    device = CudaDevice(0, cuda=cuda)
    device.prepare(lambda: [cuda.kernel(1e-6) for _ in range(2000)])  # 10 ms to queue
    before = cuda.queues[0]
    assert yardstick(device) == pytest.approx(2e-4, rel=1e-3)
    # Five calls of each large piece and 401 of the small one are 30.4 ms; hiding the network's
    # launches behind 100 calls, four times, would have been 7 s.
    assert cuda.queues[0] - before < 0.04
