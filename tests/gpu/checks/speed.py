"""The speed of the card: ceilings, TF32, sustained load, a cold cache."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

import torch

import opbench
from opbench.registry.targets import resolve
from opbench.timing.ceilings import measure_ceilings
from opbench.timing.device import open_device
from opbench.timing.gpu import Gpu
from opbench.timing.settings import CudaOptions
from opbench.timing.tf32 import set_tf32
from tests.gpu.bed import Bed, Call
from tests.gpu.checks.hidden import by_opbench
from tests.gpu.direct import (
    CYCLES_PER_S,
    back_to_back_s,
    device_s,
    events,
    queueing_s,
    settle,
)
from tests.gpu.outcome import Finding

# TFLOP/s of an H100 and an H200 (SXM) that a large product should reach, by type and TF32.
_PEAKS = (
    ("bfloat16", False, 700, 850),
    ("float32", False, 45, 60),
    ("float32", True, 330, 470),
    ("float64", False, 50, 67),
)
_FLUSH_BYTES = 120 << 20


def ceilings(bed: Bed) -> Iterator[Finding]:
    """Measure what roofs are drawn at."""
    for dtype, with_tf32, low, high in _PEAKS:
        set_tf32(with_tf32)
        found = measure_ceilings(open_device(bed.device), getattr(torch, dtype))
        rate = found.peak_flops_per_s / 1e12
        yield Finding(
            what=f"the ceilings in {dtype}{' with TF32' if with_tf32 else ''} are those of the "
            "card",
            expected=f"{low} to {high} TFLOP/s; 3.0 TB/s on an H100, 4.3 on an H200; a launch of "
            "1.5 to 2.5 us",
            seen=f"{rate:.1f} TFLOP/s, {found.bandwidth_bytes_per_s / 1e12:.2f} TB/s, "
            f"{found.launch_s * 1e6:.2f} us",
            holds=low <= rate <= high,
            numbers=found.to_json(),
        )


def tf32(bed: Bed) -> Iterator[Finding]:
    """Time resnet50 with PyTorch's defaults, without TF32, and by ``measure``."""
    (name,) = bed.networks("resnet50")
    call = bed.forward(name, batch_size=32)
    torch.backends.cudnn.allow_tf32 = True  # as PyTorch has it
    settle(call)
    usual, _ = device_s(call)
    (target,) = resolve([name])
    module = opbench.create(name).eval().to(bed.device)
    images = torch.randn(bed.size(32, 1), *(target.input_size or ()), device=bed.device)
    ours = opbench.measure(module, images, max_seconds=bed.lasting(1.0)).median_s
    set_tf32(False)
    settle(call)
    without, _ = device_s(call)
    numbers = {"usual_s": usual, "without_s": without, "measure_s": ours}
    yield Finding(
        what=f"{name} at batch 32 in float32 is faster by PyTorch's defaults, which let "
        "convolutions use TF32",
        expected="2 to 4 times",
        seen=f"{without / usual:.2f} times: {usual * 1e3:.2f} and {without * 1e3:.2f} ms",
        holds=without / usual >= 1.2,
        numbers=numbers,
    )
    yield Finding(
        what="opbench.measure times float32 without TF32, as `opbench run` does",
        expected="the time without TF32, within 10 %",
        seen=f"{ours * 1e3:.2f} ms",
        holds=abs(ours / without - 1) < 0.1,
        numbers=numbers,
    )


def sustained(bed: Bed) -> Iterator[Finding]:
    """Time a heavy network in short blocks and under a load of seconds."""
    (name,) = bed.networks("resnet50")
    call = bed.forward(name, dtype="bfloat16", batch_size=128, memory_format="channels_last")
    settle(call)
    burst, _ = device_s(call)
    ours = by_opbench(bed, call, queue_s=1.0)
    lasting = back_to_back_s(call, bed.lasting(3.0))
    device = open_device(bed.device)
    at_work = device.look_during(call, bed.size(20, 1), Gpu(*bed.nvml()).state)
    queued_s = ours.queued_s
    yield Finding(
        what=f"{name} in bfloat16 at batch 128 is slower under a load of seconds than in bursts",
        expected="5 to 20 % slower, limited by the power cap",
        seen=f"{lasting / burst - 1:+.1%}: {burst * 1e3:.2f} and {lasting * 1e3:.2f} ms; opbench "
        f"{median(ours.samples_s) * 1e3:.2f} ms, queued "
        f"{'not measured' if queued_s is None else f'{queued_s * 1e3:.2f} ms'}; then "
        f"{at_work.get('sm_clock_mhz')} MHz, {at_work.get('power_w')} W, "
        f"{', '.join(at_work.get('throttled_by', [])) or 'not throttled'}",
        holds=lasting / burst - 1 >= 0.02,
        numbers={
            "burst_s": burst,
            "lasting_s": lasting,
            "opbench_s": list(ours.samples_s),
            "queued_s": queued_s,
            "state": at_work,
        },
    )


def cold(bed: Bed) -> Iterator[Finding]:
    """Time networks with the cache warm, flushed, and flushed and then read."""
    empty = _alone_s(bed, lambda: None, ())
    yield Finding(
        what="two events with nothing between them are some microseconds apart",
        expected="1.5 to 3 us",
        seen=f"{empty * 1e6:.2f} us",
        holds=1e-6 <= empty <= 4e-6,
        numbers={"empty_s": empty},
    )
    buffer = torch.zeros(bed.size(_FLUSH_BYTES // 4, 64), device=bed.device)
    for name in bed.networks("lenet5", "squeezenet1_1", "alexnet"):
        call = bed.forward(name)
        settle(call)
        flushes = ((), (buffer.zero_,), (buffer.zero_, buffer.sum))
        warm, written, read = (_alone_s(bed, call, flush) for flush in flushes)
        ours = median(by_opbench(bed, call, CudaOptions(l2="cold")).samples_s)
        yield Finding(
            what=f"{name} is slower with a cold cache; a read after the flush takes out what "
            "writing it back costs, and opbench does so",
            expected="3 us more for lenet5, 10 to 30 % for alexnet; flushed and read between warm "
            "and flushed, to 1 %; opbench within 10 % of it",
            seen=f"{warm * 1e6:.1f} us warm, {written * 1e6:.1f} us flushed, {read * 1e6:.1f} us "
            f"flushed and read, {ours * 1e6:.1f} us by opbench",
            holds=warm <= 1.01 * read <= 1.02 * written and abs(ours / read - 1) <= 0.1,
            numbers={
                "network": name,
                "warm_s": warm,
                "written_s": written,
                "read_s": read,
                "opbench_s": ours,
            },
        )


def _alone_s(bed: Bed, call: Call, flush: Sequence[Call]) -> float:
    """Measure the GPU's seconds of single calls, each behind a spin and ``flush``: the median."""
    cycles = int(2 * queueing_s(call) * CYCLES_PER_S) + 1_000_000
    taken = []
    for _ in range(bed.size(20, 3)):
        start, end = events()
        torch.cuda._sleep(cycles)
        for each in flush:
            each()
        start.record()
        call()
        end.record()
        torch.cuda.synchronize()
        taken.append(start.elapsed_time(end) * 1e-3)
    return median(taken)
