"""Peers: ``torch.utils.benchmark``, and on CUDA ``triton.testing.do_bench_cudagraph``, time the
same cells.  The least that the first saw lies within the interval of ``latency_s``, which is of a
machine that is left alone, and the median of the second within that of ``device_s``.

``do_bench`` itself is no peer: it does not hide launches, and times Python where they are longer
than kernels.  Replayed graphs have none on either side.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import torch

from opbench.intervals import median
from opbench.record import Measurement
from tests.bench.timing.claims import Claim, opbench_run, python

TARGETS = ("lenet5", "caffenet128", "squeezenet1_1", "alexnet_owt", "googlenet", "resnet18")
PROCESSES = 3

_BUILT = """
import json, sys, torch
from opbench.record import Cell
from opbench.spec import Shape
from opbench.runs.network import build
from opbench.timing.tf32 import set_tf32
set_tf32(False)
name, size, device = sys.argv[1:]
cell = Cell(name=name, input_size=Shape.parse(size), batch_size=1, device=device)
with torch.inference_mode():
    forward = build(cell, own_inputs=False, seed=0).call("eager")
"""
AUTORANGE = f"""{_BUILT}
    from torch.utils.benchmark import Timer
    timer = Timer("forward()", globals={{"forward": forward}}, num_threads=torch.get_num_threads())
    print(json.dumps({{"seconds": min(timer.adaptive_autorange(min_run_time=0.5).times)}}))
"""
DO_BENCH = f"""{_BUILT}
    from triton.testing import do_bench_cudagraph
    for _ in range(3):
        forward()
    print(json.dumps({{"seconds": do_bench_cudagraph(forward, return_mode="median") * 1e-3}}))
"""


def claims() -> Iterator[Claim]:
    """The CPU, and the GPU where there is one."""
    yield _beside("the least of torch.utils.benchmark", AUTORANGE, "cpu")
    if not torch.cuda.is_available():
        yield Claim(
            what="GPU cells beside triton.testing.do_bench_cudagraph",
            wanted="medians within the intervals",
            seen="there is no GPU",
            holds=None,
        )
    elif find_spec("triton"):
        yield _beside(
            "medians of triton.testing.do_bench_cudagraph", DO_BENCH, "cuda:0", "--cuda-graph"
        )


def _beside(peer: str, code: str, device: str, *options: str) -> Claim:
    """Our run, and then the peer in fresh processes of its own."""
    run = opbench_run(*TARGETS, "--device", device, *options)
    good, within, seen = 0, 0, []
    for name in TARGETS:
        record = run.records[name]
        low, found, high = _interval(record.measurement)
        size = str(record.cell.input_size)
        taken = [python(code, name, size, device)["seconds"] for _ in range(PROCESSES)]
        theirs = min(taken) if device == "cpu" else median(taken)
        inside, rated = low <= theirs <= high, record.measurement.quality
        good += rated == "good"
        within += inside and rated == "good"
        seen.append(f"{name} {theirs / found:.3f} ({rated}{'' if inside else ', outside'})")
    return Claim(
        what=f"{peer} over {PROCESSES} processes on {device}",
        wanted="within the intervals of cells rated good, but for one",
        seen=", ".join(seen),
        holds=within >= good - 1 if good > 1 else None,
    )


def _interval(timed: Measurement) -> tuple[float, float, float]:
    """What a caller waits, or on a GPU its own time, between the ends of its interval."""
    if timed.device_s and timed.device_low_s and timed.device_high_s:
        return timed.device_low_s, timed.device_s, timed.device_high_s
    assert timed.latency_low_s
    assert timed.latency_high_s
    return timed.latency_low_s, timed.latency_s, timed.latency_high_s
