"""Times of a call by PyTorch and CUDA alone, as a witness of opbench's.

Each function takes a call that queues its work on the current stream.
"""

from __future__ import annotations

import time
from importlib import import_module
from statistics import median
from typing import Any

import torch
from torch._C._autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from tests.gpu.bed import Bed, Call

# No GPU's clock is faster, so that a spin of so many cycles never ends too early.
CYCLES_PER_S = 3e9
_LONGEST_SPIN_S = 0.25
_BLOCK_S = 2e-3


def settle(call: Call, calls: int = 5) -> None:
    """Call until kernels are loaded and algorithms chosen."""
    for _ in range(calls):
        call()
    torch.cuda.synchronize()


def queueing_s(call: Call) -> float:
    """Measure the host's seconds for one call, the GPU idle: the smallest of five."""
    taken = []
    for _ in range(5):
        torch.cuda.synchronize()
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    torch.cuda.synchronize()
    return min(taken)


def block_of(call: Call) -> int:
    """Return how many calls last about two milliseconds on the GPU."""
    seconds, _ = behind_spin(call, 1, queueing_s(call))
    return max(1, min(200, round(_BLOCK_S / seconds)))


def behind_spin(call: Call, calls: int, queue_s: float) -> tuple[float, bool]:
    """Measure the GPU's seconds per call behind a spin in which the host queues them.

    The second is true where the spin had not ended when the last call was queued: only then are
    launches hidden.  ``queue_s`` are the host's seconds to queue one call.
    """
    spin_s = min(1.2 * queue_s * calls, _LONGEST_SPIN_S)
    start, end = events()
    torch.cuda.synchronize()
    torch.cuda._sleep(int(spin_s * CYCLES_PER_S))
    start.record()
    for _ in range(calls):
        call()
    end.record()
    hidden = not start.query()
    torch.cuda.synchronize()
    return start.elapsed_time(end) * 1e-3 / calls, hidden


def device_s(call: Call, samples: int = 7) -> tuple[float, bool]:
    """Measure the GPU's seconds per call: the median, and true where launches were mostly hidden.

    Where the queue does not hold a block of calls, it is halved down to one.
    """
    calls, queue_s = block_of(call), queueing_s(call)
    while calls > 1 and not behind_spin(call, calls, queue_s)[1]:
        calls //= 2
    taken = [behind_spin(call, calls, queue_s) for _ in range(samples)]
    return median(seconds for seconds, _ in taken), sum(hidden for _, hidden in taken) > samples / 2


def host_s(call: Call, samples: int = 20) -> float:
    """Measure the seconds from a call to the end of a synchronisation: the median."""
    taken = []
    for _ in range(samples):
        torch.cuda.synchronize()
        start = time.perf_counter()
        call()
        torch.cuda.synchronize()
        taken.append(time.perf_counter() - start)
    return median(taken)


def back_to_back_s(call: Call, seconds: float) -> float:
    """Measure the seconds per call of calls queued for so long, synchronised at the end."""
    calls, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds or not calls:
        call()
        calls += 1
    torch.cuda.synchronize()
    return (time.perf_counter() - start) / calls


def graph_of(call: Call) -> Call:
    """Capture a call as a CUDA graph and return its replay."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        settle(call, 3)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        call()
    replay: Call = graph.replay
    return replay


def by_triton_s(bed: Bed, call: Call, name: str) -> float:
    """Measure the seconds of a call by a function of ``triton.testing``: the median."""
    if bed.dry:
        return device_s(call)[0]
    do_bench = getattr(import_module("triton.testing"), name)
    return float(do_bench(call, return_mode="median")) * 1e-3


def kernels_of(call: Call) -> list[tuple[str, float]]:
    """Return name and seconds of each kernel of one call, by PyTorch's profiler."""
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as trace:
        call()
        torch.cuda.synchronize()
    return [
        (event.name, event.time_range.elapsed_us() * 1e-6)
        for event in trace.events() or ()
        if event.device_type == DeviceType.CUDA and not event.name.startswith(("Mem", "ProfilerS"))
    ]


def events() -> tuple[Any, Any]:
    """Return two events that read the GPU's clock."""
    return torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
