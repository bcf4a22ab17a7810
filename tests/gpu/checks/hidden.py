"""Networks with their launches hidden, or not; the host's time beside the GPU's."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any

from opbench.record import Round
from opbench.timing.device import open_device
from opbench.timing.measurement import Instruments, time_round
from opbench.timing.protocol import Limits
from opbench.timing.settings import CudaOptions
from tests.gpu.bed import Bed, Call
from tests.gpu.direct import back_to_back_s, device_s, graph_of, host_s, kernels_of, settle
from tests.gpu.networks import asking
from tests.gpu.outcome import Finding

# Name, type, and the host's time over the GPU's as it was expected at batch 1.
EXPECTED: tuple[tuple[str, str, tuple[float, float]], ...] = (
    ("lenet5", "float32", (4, 6)),
    ("resnet50", "float32", (1.5, 3)),
    ("inception_v4", "float32", (1.3, 2)),
    ("inception_resnet_v2", "float32", (1.3, 2)),
    ("inception_resnet_v2", "bfloat16", (1.3, 4)),
    ("resnet1202_cifar", "float32", (0.9, 3)),
)
# More kernels than the queue holds: as they are launched they can never be hidden all.
_QUEUE = 1000


def networks(bed: Bed) -> Iterator[Finding]:
    """Time each network by PyTorch alone and by opbench, and one that synchronises."""
    wanted = bed.networks(*dict.fromkeys(name for name, _, _ in EXPECTED))
    for name, dtype, ratios in EXPECTED:
        if name in wanted:
            yield from _network(bed, name, dtype, ratios)
    yield _asking(bed)


def _network(bed: Bed, name: str, dtype: str, ratios: tuple[float, float]) -> Iterator[Finding]:
    call = bed.forward(name, dtype=dtype)
    settle(call)
    seconds, hidden = device_s(call)
    waited, queued = host_s(call), back_to_back_s(call, bed.lasting(0.4))
    ours = by_opbench(bed, call)
    graph_s, _ = device_s(graph_of(call))
    kernels = len(kernels_of(call))
    few = kernels < _QUEUE
    numbers: dict[str, Any] = {
        "network": name, "dtype": dtype, "kernels": kernels, "device_s": seconds,
        "graph_s": graph_s, "host_s": waited, "queued_s": queued,
        "opbench_s": median(ours.samples_s), "opbench_launches": ours.launches,
    }  # fmt: skip
    yield Finding(
        what=f"launches of {name} ({dtype}) are {'' if few else 'not '}hidden behind a spin",
        expected=f"{'hidden' if few else 'the spin is over before the last launch'}, and opbench "
        f"says so",
        seen=f"{kernels} kernels, {'hidden' if hidden else 'not hidden'}, opbench says "
        f"{ours.launches!r}; {seconds * 1e6:.0f} us eager, {graph_s * 1e6:.0f} us a replay of its "
        f"graph, {median(ours.samples_s) * 1e6:.0f} us by opbench",
        holds=hidden == few == (ours.launches == "hidden"),
        numbers=numbers,
    )
    low, high = ratios
    ratio = waited / graph_s
    yield Finding(
        what=f"a caller of {name} ({dtype}) at batch 1 waits longer than the GPU works",
        expected=f"{low:g} to {high:g} times",
        seen=f"{ratio:.2f} times: {waited * 1e6:.0f} us for a call, {queued * 1e6:.0f} us each "
        "where they are queued back to back",
        holds=low <= ratio <= high,
        numbers=numbers,
    )


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


def by_opbench(bed: Bed, call: Call, options: CudaOptions | None = None) -> Round:
    """Return one round of opbench's own."""
    device = open_device(bed.device, options or CudaOptions())
    limits = Limits(precision=0.01, seconds=bed.lasting(0.6))
    return time_round(call, device, limits, Instruments(memory=device.watch_memory()))
