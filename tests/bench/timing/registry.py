"""Repeatability and thrift: the whole registry twice, one run after the other."""

from __future__ import annotations

import os
from collections.abc import Iterator

from opbench.intervals import median
from opbench.record import Measurement
from opbench.runs.lines import RoundLine
from tests.bench.timing.claims import Claim, TimedRun, opbench_run

OVERLAPPING = 0.9
DISAGREEMENT = 0.02
FORWARD = 0.75
SECONDS = 360
PARENT_BYTES = 300 * 10**6

# Of a run of few cells, starting is a larger part than of the registry.
_MANY = 50


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
    good = [pair for pair in pairs if all(each.quality == "good" for each in pair)]
    overlapping = sum(map(_overlap, good))
    share = overlapping / len(good) if good else 0.0
    yield Claim(
        what="intervals of two runs overlap, cells rated good in both",
        wanted=f"at least {OVERLAPPING:.0%}",
        seen=f"{overlapping} of {len(good)}; of all cells "
        f"{sum(map(_overlap, pairs))} of {len(pairs)}",
        holds=share >= OVERLAPPING if good else None,
    )
    apart = [abs(other.median_s / one.median_s - 1) for one, other in pairs]
    quiet = len(good) >= len(pairs) / 2
    yield Claim(
        what="medians of two runs disagree by, in the median cell",
        wanted=f"at most {DISAGREEMENT:.0%} on a quiet machine",
        seen=f"{median(apart):.2%}",
        holds=median(apart) <= DISAGREEMENT if quiet else None,
    )


def _overlap(pair: tuple[Measurement, Measurement]) -> bool:
    one, other = pair
    return one.low_s <= other.high_s and other.low_s <= one.high_s


def _thrifty(run: TimedRun) -> Iterator[Claim]:
    forward_s = sum(line.round.forward_s for line in run.file.of(RoundLine))
    share = forward_s / run.wall_s
    yield Claim(
        what="wall time spent inside timed or warm-up forward passes",
        wanted=f"at least {FORWARD:.0%}",
        seen=f"{share:.0%} of {run.wall_s:.0f} s",
        holds=share >= FORWARD if len(run.records) > _MANY else None,
    )
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
