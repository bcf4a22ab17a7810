"""CUDA graphs: of the compiler, of opbench, and of networks that cannot be captured."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from statistics import median

import torch

from opbench.errors import describe
from opbench.timing.device import open_device
from opbench.timing.settings import CudaOptions
from tests.gpu import command, networks
from tests.gpu.bed import Bed, Call
from tests.gpu.checks.hidden import by_opbench
from tests.gpu.direct import by_triton_s, device_s, graph_of, settle
from tests.gpu.outcome import Finding

_MODE = "reduce-overhead"
_RECORDING_S = 1e-3
_ROUND_S = 5.0


def second_call(bed: Bed) -> Iterator[Finding]:
    """Time the first calls of compiled networks, and opbench's round of them."""
    for name in bed.networks("lenet5", "resnet18"):
        call = bed.forward(name, _MODE)
        taken = [_seconds(call) for _ in range(6)]
        yield Finding(
            what=f"the second call of {name} compiled with reduce-overhead records a graph",
            expected="call 2 takes 30 to 400 ms, call 3 less than 0.1 ms",
            seen=", ".join(f"{each * 1e3:.2f} ms" for each in taken),
            holds=taken[1] > _RECORDING_S,
            numbers={"network": name, "calls_s": taken},
        )
        began = time.monotonic()
        ours = by_opbench(bed, bed.forward(name, _MODE))
        wall_s = time.monotonic() - began
        yield Finding(
            what=f"opbench times {name} compiled with reduce-overhead in a few seconds",
            expected=f"a round of 0.6 s takes less than {_ROUND_S:.0f} s without its first call "
            "(100 s where the spin is sized by the recording)",
            seen=f"{wall_s - ours.first_call_s:.1f} s, {len(ours.samples_s)} samples of "
            f"{median(ours.samples_s) * 1e6:.0f} us, launches {ours.launches!r}",
            holds=wall_s - ours.first_call_s < _ROUND_S,
            numbers={"network": name, "wall_s": wall_s, "first_call_s": ours.first_call_s},
        )


def _seconds(call: Call) -> float:
    start = time.perf_counter()
    call()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def replays(bed: Bed) -> Iterator[Finding]:
    """Time the first and later replays of a graph, and opbench's beside Triton's."""
    for name in bed.networks("lenet5", "caffenet128", "resnet18"):
        call = bed.forward(name)
        settle(call)
        replay = graph_of(call)
        queueing = [_queueing(replay) for _ in range(10)]
        yield Finding(
            what=f"the first replay of the graph of {name} is slow to queue",
            expected="0.2 to 1 ms, the tenth 8 to 15 us",
            seen=f"{queueing[0] * 1e6:.0f} us, the tenth {queueing[-1] * 1e6:.0f} us",
            holds=queueing[0] > 5 * queueing[-1],
            numbers={"network": name, "queueing_s": queueing},
        )
        yield _beside_triton(bed, name, call)


def _queueing(call: Call) -> float:
    torch.cuda.synchronize()
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _beside_triton(bed: Bed, name: str, call: Call) -> Finding:
    theirs = by_triton_s(bed, call, "do_bench_cudagraph")
    direct, _ = device_s(graph_of(call))
    ours = median(by_opbench(bed, call, CudaOptions(graph=True)).samples_s)
    return Finding(
        what=f"a replay of the graph of {name} costs a gap that calls unrolled in one graph lack",
        expected="opbench 1 to 5 us longer than do_bench_cudagraph",
        seen=f"do_bench_cudagraph {theirs * 1e6:.1f} us, replays {direct * 1e6:.1f} us, opbench "
        f"{ours * 1e6:.1f} us: {(ours - theirs) * 1e6:+.1f} us",
        holds=0.5e-6 <= ours - theirs <= 6e-6,
        numbers={"network": name, "do_bench_cudagraph_s": theirs, "replay_s": direct,
                 "opbench_s": ours},
    )  # fmt: skip


def failed_capture(bed: Bed) -> Iterator[Finding]:
    """Ask for graphs of what has none, and look for the cause in the answer."""
    module, images = networks.asking()
    module, images = module.to(bed.device), tuple(each.to(bed.device) for each in images)
    device = open_device(bed.device, CudaOptions(graph=True))
    said = _refusal(lambda: device.prepare(lambda: module(*images)))
    yield Finding(
        what="a network that synchronises cannot be captured, and the error says so",
        expected="the first cause, not only 'previous error during capture'",
        seen=said or "it was captured",
        holds="networks.py" in said and "previous error" not in said,
    )
    yield _two_graphs(bed)


def _refusal(attempt: Call) -> str:
    try:
        attempt()
    except Exception as error:  # noqa: BLE001  whatever CUDA raises
        return describe(error)
    return ""


def _two_graphs(bed: Bed) -> Finding:
    (name,) = bed.networks("lenet5")
    with tempfile.TemporaryDirectory() as results:
        said = command.opbench(
            "run", name, "--device", bed.device, "--cuda-graph",
            "--runtime", "compile:reduce-overhead", "--results", results,
            "--rounds", "3", "--max-seconds", "0.3",
            *(["--dry-run"] if bed.dry else []),
            seconds=min(45, bed.seconds - 10),
        )  # fmt: skip
    words = (said.err or said.out).strip().splitlines()
    return Finding(
        what="--cuda-graph with compile:reduce-overhead, a graph inside a graph, is refused",
        expected="exit code 2 and a sentence",
        seen=f"exit code {said.code}: {' '.join(words[-3:])[:300]}",
        holds=said.code == 2,
        numbers={"seconds": said.seconds},
    )
