"""Networks with their launches hidden, or not; the host's time beside the GPU's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

from opbench.record import Round
from opbench.timing.device import open_device
from opbench.timing.libraries import load_libraries
from opbench.timing.measurement import Instruments, time_round
from opbench.timing.protocol import Limits
from opbench.timing.settings import CudaOptions
from opbench.timing.traffic import traffic_of
from tests.gpu.bed import Bed, Call
from tests.gpu.direct import back_to_back_s, device_s, graph_of, host_s, kernels_of, settle
from tests.gpu.networks import asking
from tests.gpu.outcome import Finding


@dataclass(frozen=True, slots=True)
class Expected:
    """A network at batch 1, and what was expected of it.

    ratio: the host's time over the GPU's; hidden: false of more launches than the queue holds.
    """

    name: str
    dtype: str
    ratio: tuple[float, float]
    hidden: bool = True

    def __str__(self) -> str:
        return f"{self.name} ({self.dtype})"


EXPECTED = (
    Expected("lenet5", "float32", (4, 6)),
    Expected("resnet50", "float32", (1.5, 3)),
    Expected("resnet1202_cifar", "float32", (0.9, 3), hidden=False),
    Expected("inception_v4", "float32", (1.3, 2)),
    Expected("inception_resnet_v2", "float32", (1.3, 2)),
    Expected("inception_resnet_v2", "bfloat16", (1.3, 4)),
)


def networks(bed: Bed) -> Iterator[Finding]:
    """Time each network by PyTorch alone and by opbench, and one that synchronises."""
    wanted = bed.networks(*dict.fromkeys(each.name for each in EXPECTED))
    calls = {}
    yield _asking(bed)
    for each in EXPECTED:
        if each.name in wanted:
            calls[each] = call = bed.forward(each.name, dtype=each.dtype)
            yield from _network(bed, each, call)
    # What the profiler attaches to CUDA stays there, and costs every launch after it some time.
    for each, call in calls.items():
        yield _kernels(each, call)


def _network(bed: Bed, network: Expected, call: Call) -> Iterator[Finding]:
    settle(call)
    seconds, hidden = device_s(call)
    waited, queued = host_s(call), back_to_back_s(call, bed.lasting(0.4))
    ours = by_opbench(bed, call)
    graph_s, _ = device_s(graph_of(call))
    numbers: dict[str, Any] = {
        "network": network.name, "dtype": network.dtype, "device_s": seconds,
        "graph_s": graph_s, "host_s": waited, "queued_s": queued, "hidden": hidden,
        "opbench_s": median(ours.samples_s), "opbench_launches": ours.launches,
    }  # fmt: skip
    yield Finding(
        what=f"launches of {network} are {'' if network.hidden else 'not '}hidden behind a spin",
        expected="hidden, and opbench says so"
        if network.hidden
        else "the spin is over before the last launch, and opbench says so",
        seen=f"{'hidden' if hidden else 'not hidden'}, opbench says {ours.launches!r}; "
        f"{seconds * 1e6:.0f} us eager, {graph_s * 1e6:.0f} us a replay of its graph, "
        f"{median(ours.samples_s) * 1e6:.0f} us by opbench",
        holds=hidden == network.hidden == (ours.launches == "hidden"),
        numbers=numbers,
    )
    low, high = network.ratio
    yield Finding(
        what=f"a caller of {network} at batch 1 waits longer than the GPU works",
        expected=f"{low:g} to {high:g} times",
        seen=f"{waited / seconds:.2f} times, and {waited / graph_s:.2f} times a replay of its "
        f"graph: {waited * 1e6:.0f} us for a call, {queued * 1e6:.0f} us each where they are "
        "queued back to back",
        holds=low <= waited / seconds <= high,
        numbers=numbers,
    )


def _kernels(network: Expected, call: Call) -> Finding:
    operators, _ = traffic_of(call)
    kernels = kernels_of(call)
    return Finding(
        what=f"{network} takes about a kernel for each operator",
        expected="1.0 to 1.6, but for some that launch nothing",
        seen=f"{len(kernels)} kernels for {operators} operators: {len(kernels) / operators:.2f}",
        holds=0.95 <= len(kernels) / operators <= 1.6,
        numbers={"kernels": len(kernels), "operators": operators,
                 "busy_s": sum(seconds for _, seconds in kernels)},
    )  # fmt: skip


def _asking(bed: Bed) -> Finding:
    module, images = asking()
    module, images = module.to(bed.device), tuple(each.to(bed.device) for each in images)

    def call() -> object:
        return module(*images)

    settle(call)
    _, hidden = device_s(call)
    ours = by_opbench(bed, call)
    return Finding(
        what="a network that asks for a number on its way cannot have its launches hidden",
        expected="not hidden, and opbench says 'synchronises'",
        seen=f"{'hidden' if hidden else 'not hidden'}, opbench says {ours.launches!r}",
        holds=not hidden and ours.launches == "synchronises",
        numbers={"hidden": hidden, "opbench_launches": ours.launches},
    )


def by_opbench(
    bed: Bed, call: Call, options: CudaOptions | None = None, *, queue_s: float = 0.0
) -> Round:
    """Return one round of opbench's own, with calls queued back to back for ``queue_s``."""
    device = open_device(bed.device, options or CudaOptions())
    load_libraries(device)
    limits = Limits(precision=0.01, seconds=bed.lasting(0.6))
    instruments = Instruments(memory=device.watch_memory(), queue_s=bed.lasting(queue_s))
    return time_round(call, device, limits, instruments)
