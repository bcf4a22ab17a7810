"""The queue of launches and the spin behind which it is filled."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from statistics import median

import torch

from tests.gpu.bed import Bed
from tests.gpu.direct import CYCLES_PER_S, events, settle
from tests.gpu.outcome import Finding

_DEPTH = range(900, 1101)
_SPIN_S = 0.2


def queue_depth(bed: Bed) -> Iterator[Finding]:
    """Queue tiny kernels behind a spin until the host is made to wait."""
    one = torch.zeros(1, device=bed.device)
    settle(lambda: one.add_(1))
    torch.cuda._sleep(int(_SPIN_S * CYCLES_PER_S))
    stamps = [time.perf_counter()]
    for _ in range(bed.size(1500, 50)):
        one.add_(1)
        stamps.append(time.perf_counter())
    torch.cuda.synchronize()
    taken = [end - start for start, end in pairwise(stamps)]
    longest = max(range(len(taken)), key=taken.__getitem__)
    blocked = taken[longest] > _SPIN_S / 10
    usual = median(taken[: longest or None])
    yield Finding(
        what="a launch waits for the GPU once about 1,024 are queued",
        expected="4 to 6 us each until launch 1,020 or so, then one of more than 100 ms",
        seen=f"launch {longest + 1} took {taken[longest] * 1e3:.1f} ms, those before it "
        f"{usual * 1e6:.1f} us in the median",
        holds=blocked and longest in _DEPTH,
        numbers={"depth": longest if blocked else None, "launch_s": usual, "longest_s": max(taken)},
    )


def spin(bed: Bed) -> Iterator[Finding]:
    """Time spins of 1e8 cycles after a rest."""
    cycles = 100_000_000
    settle(lambda: torch.cuda._sleep(1000))
    time.sleep(bed.lasting(3.0))
    taken = []
    for _ in range(5):
        start, end = events()
        start.record()
        torch.cuda._sleep(cycles)
        end.record()
        torch.cuda.synchronize()
        taken.append(start.elapsed_time(end) * 1e-3)
    clocks = [cycles / seconds for seconds in taken]
    yield Finding(
        what="a spin lasts as long as its cycles at the GPU's clock, and never shorter than asked",
        expected="50.5 ms at 1,980 MHz; the first longer where clocks ramp up",
        seen=", ".join(f"{seconds * 1e3:.1f} ms" for seconds in taken)
        + f": up to {max(clocks) / 1e6:.0f} MHz",
        holds=1.2e9 < max(clocks) < CYCLES_PER_S,
        numbers={"spins_s": taken, "clocks_hz": clocks},
    )
