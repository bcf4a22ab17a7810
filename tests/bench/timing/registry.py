"""Repeatability and thrift: the whole registry twice, one run after the other."""

from __future__ import annotations

import os
from collections.abc import Iterator

from opbench.intervals import median, quantile
from opbench.record import Measurement
from tests.bench.timing.claims import Claim, TimedRun, opbench_run

OVERLAPPING = 0.95
# In the median cell, and in nine of ten.
DISAGREEMENT, NINE_OF_TEN = 0.03, 0.10
SECONDS = 480
PARENT_BYTES = 300 * 10**6


def claims() -> Iterator[Claim]:
    """Two runs; ``BENCH_TARGETS`` narrows them to some targets."""
    targets = os.environ.get("BENCH_TARGETS", "").split()
    first, second = opbench_run(*targets), opbench_run(*targets)
    yield from _repeatable(first, second)
    yield from _thrifty(first)


def _repeatable(first: TimedRun, second: TimedRun) -> Iterator[Claim]:
    others = second.records
    pairs = [
        (record.measurement, others[name].measurement) for name, record in first.records.items()
    ]
    overlapping = sum(map(_overlap, pairs))
    yield Claim(
        what="intervals of the latencies of two runs overlap",
        wanted=f"at least {OVERLAPPING:.0%} of cells",
        seen=f"{overlapping} of {len(pairs)}",
        holds=overlapping >= OVERLAPPING * len(pairs),
    )
    apart = [abs(other.latency_s / one.latency_s - 1) for one, other in pairs]
    medians = [abs(other.median_s / one.median_s - 1) for one, other in pairs]
    yield Claim(
        what="latencies of two runs disagree by, in the median cell and in nine of ten",
        wanted=f"at most {DISAGREEMENT:.0%} and {NINE_OF_TEN:.0%}",
        seen=f"{median(apart):.1%} and {quantile(apart, 0.9):.1%} (medians of rounds: "
        f"{median(medians):.1%} and {quantile(medians, 0.9):.1%})",
        holds=median(apart) <= DISAGREEMENT and quantile(apart, 0.9) <= NINE_OF_TEN,
    )
    good = sum(each.quality == "good" for pair in pairs for each in pair)
    yield Claim(
        what="latencies rated good",
        wanted="at least half of the cells",
        seen=f"{good} of {2 * len(pairs)}",
        holds=good >= len(pairs),
    )


def _overlap(pair: tuple[Measurement, Measurement]) -> bool:
    one, other = pair
    ends = (one.latency_low_s, other.latency_high_s), (other.latency_low_s, one.latency_high_s)
    return all((low or 0) <= (high or 0) for low, high in ends)


def _thrifty(run: TimedRun) -> Iterator[Claim]:
    yield Claim(
        what="a default run",
        wanted=f"at most {SECONDS} s",
        seen=f"{run.wall_s:.0f} s for {len(run.records)} cells",
        holds=run.wall_s <= SECONDS,
    )
    yield Claim(
        what="memory of the parent process",
        wanted="at most 300 MB",
        seen=f"{run.parent_bytes / 1e6:.0f} MB",
        holds=run.parent_bytes <= PARENT_BYTES,
    )
