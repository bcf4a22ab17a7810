"""Truth: networks whose time is known are measured within 1 % of it, or called noisy."""

from __future__ import annotations

from collections.abc import Iterator

from opbench.intervals import Interval, mean_of_rounds
from opbench.record import Record
from tests.bench.timing.claims import Claim, opbench_run, python
from tests.bench.timing.modules import KNOWN_S, SIZE, SLEPT_S

FILE = "tests/bench/timing/modules.py"
WITHIN = 0.01
PROCESSES = 4

# The known product timed by PyTorch's own tool, in a process of its own.
PRODUCT = f"""
import json, torch
from torch.utils.benchmark import Timer
from tests.bench.timing.modules import Product
with torch.inference_mode():
    module, images = Product().eval(), torch.randn(1, {SIZE}, {SIZE})
    timer = Timer("module(images)", globals={{"module": module, "images": images}},
                  num_threads=torch.get_num_threads())
    print(json.dumps({{"least": min(timer.adaptive_autorange(min_run_time=1.0).times)}}))
"""


def claims() -> Iterator[Claim]:
    """Constant times, and times that are not."""
    names = ("Spinning", "Sleeping", "Alternating", "Slowing")
    run = opbench_run(*(f"{FILE}:{name}" for name in names), "--input-size", "4")
    yield _known(run.records[f"{FILE}:Spinning"], "a module that works a known time", KNOWN_S)
    yield _known(run.records[f"{FILE}:Sleeping"], "a module that sleeps a known time", SLEPT_S)
    for name, what in (
        ("Alternating", "a module that alternates between two times"),
        ("Slowing", "a module that slows down as it goes"),
    ):
        quality = run.records[f"{FILE}:{name}"].measurement.quality
        yield Claim(what=what, wanted="not good", seen=quality, holds=quality != "good")
    yield _product()


def _known(record: Record, what: str, seconds: float) -> Claim:
    timed = record.measurement
    error = timed.latency_s / seconds - 1
    return Claim(
        what=what,
        wanted="within 1 %, or not good",
        seen=f"{error:+.2%}, {timed.quality}",
        holds=abs(error) <= WITHIN or timed.quality != "good",
    )


def _product() -> Claim:
    """The least of PyTorch's tool in each of some processes beside ours, and their intervals.

    Processes differ by where their memory lies: the least of all would be that of the luckiest.
    """
    name = f"{FILE}:Product"
    taken = _least_of_each()
    record = opbench_run(name, "--input-size", f"{SIZE}x{SIZE}").records[name]
    timed, macs = record.measurement, record.load.macs
    peer = mean_of_rounds([[least] for least in (*taken, *_least_of_each())])
    assert timed.latency_low_s
    assert timed.latency_high_s
    low, high = timed.latency_low_s * (1 - WITHIN), timed.latency_high_s * (1 + WITHIN)
    ends = (f"{each / timed.latency_s:.3f}" for each in (peer.low, peer.high))
    return Claim(
        what=f"a matrix product of {macs:,} MACs, beside the least of torch.utils.benchmark in "
        f"{PROCESSES} processes before and {PROCESSES} after",
        wanted="the intervals overlap within 1 %, or not good",
        seen=f"{peer.estimate / timed.latency_s:.3f} times ({' to '.join(ends)}), {timed.quality}",
        holds=macs == SIZE**3 and (_overlap((low, high), peer) or timed.quality != "good"),
    )


def _least_of_each() -> list[float]:
    return [python(PRODUCT)["least"] for _ in range(PROCESSES)]


def _overlap(ours: tuple[float, float], peer: Interval) -> bool:
    return ours[0] <= peer.high and peer.low <= ours[1]
