"""opbench's numbers beside those of other tools, on the same networks in the same process."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from torch.utils.benchmark import Timer

from opbench.timing.settings import CudaOptions
from tests.gpu.bed import Bed, Call
from tests.gpu.checks.hidden import by_opbench
from tests.gpu.direct import by_triton_s, host_s, settle
from tests.gpu.outcome import Finding

NETWORKS = (
    ("lenet5", 1),
    ("resnet18", 1),
    ("resnet50", 16),
    ("vgg16", 16),
    ("alexnet_owt", 1),
    ("squeezenet1_1", 1),
)
_WITHIN = 0.03
# The gap between two replays, which calls unrolled in one graph do not have.
_GAP_S = 6e-6


def beside_others(bed: Bed) -> Iterator[Finding]:
    """Compare three numbers of each network with the tool that measures the same."""
    wanted = bed.networks(*(name for name, _ in NETWORKS))
    for name, batch in NETWORKS:
        if name in wanted:
            call = bed.forward(name, batch_size=batch)
            settle(call)
            yield from _one(bed, f"{name} at batch {batch}", call)


def _one(bed: Bed, name: str, call: Call) -> Iterator[Finding]:
    eager = by_opbench(bed, call, queue_s=1.0)
    ours, latency = median(eager.samples_s), median(eager.host_samples_s or eager.samples_s)
    timer = Timer("call()", globals={"call": call})
    theirs = timer.blocked_autorange(min_run_time=bed.lasting(0.5)).median
    queued = eager.queued_s or ours
    yield _beside(
        f"{name}: calls queued back to back, beside torch.utils.benchmark",
        {"opbench_s": queued, "timer_s": theirs},
        within=0.05,
    )
    yield _beside(
        f"{name}: a call and its synchronisation, beside a loop of time.perf_counter",
        {"opbench_s": latency, "loop_s": host_s(call)},
        within=0.1,
    )
    yield _flushed(bed, name, call)
    yield _replayed(bed, name, call)


def _beside(what: str, numbers: dict[str, float], *, within: float) -> Finding:
    """Tell whether two times in seconds, ours first, are equal to ``within``."""
    ours, theirs = numbers.values()
    return Finding(
        what=what,
        expected=f"within {within:.0%}".replace("%", " %"),
        seen=f"{ours * 1e6:.1f} and {theirs * 1e6:.1f} us: {ours / theirs - 1:+.1%}",
        holds=abs(ours / theirs - 1) <= within,
        numbers=numbers,
    )


def _flushed(bed: Bed, name: str, call: Call) -> Finding:
    """``do_bench`` flushes the cache and hides no launches: it cannot be below ours."""
    ours = median(by_opbench(bed, call, CudaOptions(l2="cold")).samples_s)
    theirs = by_triton_s(bed, call, "do_bench")
    return Finding(
        what=f"{name}: with a cold cache, beside triton.testing.do_bench",
        expected="within 3 %, or do_bench longer where launches take longer than kernels",
        seen=f"{ours * 1e6:.1f} and {theirs * 1e6:.1f} us: {theirs / ours - 1:+.1%}",
        holds=theirs / ours >= 1 - _WITHIN,
        numbers={"opbench_s": ours, "do_bench_s": theirs},
    )


def _replayed(bed: Bed, name: str, call: Call) -> Finding:
    ours = median(by_opbench(bed, call, CudaOptions(graph=True)).samples_s)
    theirs = by_triton_s(bed, call, "do_bench_cudagraph")
    return Finding(
        what=f"{name}: as a CUDA graph, beside triton.testing.do_bench_cudagraph",
        expected="within 3 %, or longer by the gap between replays of at most 6 us",
        seen=f"{ours * 1e6:.1f} and {theirs * 1e6:.1f} us: {ours / theirs - 1:+.1%}",
        holds=-_WITHIN * theirs <= ours - theirs <= max(_WITHIN * theirs, _GAP_S),
        numbers={"opbench_s": ours, "do_bench_cudagraph_s": theirs},
    )
