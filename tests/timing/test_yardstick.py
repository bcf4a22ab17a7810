"""The fixed piece of work: the same each time, and as slow as the machine is."""

from __future__ import annotations

import itertools

import pytest
import torch

from opbench.timing.device import Call, CpuDevice
from opbench.timing.yardstick import yardstick


class Scripted(CpuDevice):
    """Each of the three pieces takes four looks, of which the first is not used."""

    def __init__(self, machine: float = 1.0) -> None:
        pieces = ([9.0, 4e-3, 4e-3, 5e-3], [9.0, 2e-3, 2e-3, 1e-3], [9.0, 1e-6, 1e-6, 3e-6])
        self.seconds = (machine * each for each in itertools.chain.from_iterable(pieces))

    def time(self, call: Call, calls: int) -> float:
        call()
        return calls * next(self.seconds)


def test_it_is_the_geometric_mean_of_the_medians() -> None:
    # The cube root of 4e-3 * 2e-3 * 1e-6 = 8e-12.
    assert yardstick(Scripted()) == pytest.approx(2e-4)


def test_a_machine_half_as_fast_takes_twice_the_time() -> None:
    assert yardstick(Scripted(machine=2.0)) == pytest.approx(4e-4)


def test_on_this_machine_it_takes_some_time_and_draws_no_random_numbers() -> None:
    before = torch.get_rng_state()
    assert 0 < yardstick(CpuDevice()) < 10
    assert torch.equal(before, torch.get_rng_state())
