"""Measure how often two runs of the same thing are found to differ on this machine.

The same cells are timed in several runs, one after the other, and every two of the runs are
compared as any two would be: each SLOWER, and each FASTER, is a false alarm.  Comparisons that
share a run are not independent of each other, so the rate is that of all pairs, and the bound on
the rate is from the pairs that share none: the first run with the second, the third with the
fourth.  What slows down the whole machine during one of the runs affects all its cells; no bound
can know that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from opbench.files import Appender
from opbench.intervals import rate_bound
from opbench.runs.compare import Comparison, compare_runs
from opbench.runs.lines import RUN
from opbench.runs.plan import Sweep
from opbench.runs.pool import Workers
from opbench.runs.start import Prepared, prepare
from opbench.runs.store import RunFile, read_run
from opbench.runs.verdict import Verdict
from opbench.settings import Threshold
from opbench.timing.protocol import Protocol
from opbench.timing.settings import CudaOptions

RUNS = 4
# Small networks, so that a run of all of them takes seconds.
TARGETS = (
    *("lenet5", "ciresan_mlp", "inception_3a", "caffenet128", "squeezenet1_0", "squeezenet1_1"),
    *("enet_classifier", "resnet110_cifar", "alexnet", "nin", "googlenet", "resnet18"),
)
PROMISED = 0.05  # intervals of 95 % may be wrong one time in twenty
_SECONDS = 1.0


def time_once(
    targets: Sequence[str], workers: Workers, take: Callable[[Prepared, Appender, Workers], None]
) -> RunFile:
    """Time ``targets`` in a run of its own, which ``take`` carries out."""
    with TemporaryDirectory() as folder:
        prepared = prepare(targets, Sweep(), Protocol(max_seconds=_SECONDS), CudaOptions(), workers)
        writer = RUN.new(Path(folder))
        take(prepared, writer, workers)
        return read_run(writer.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """Comparisons of every two of several runs; ``independent`` are those that share no run."""

    every: tuple[Comparison, ...]
    independent: tuple[Comparison, ...]

    @classmethod
    def of(cls, runs: Sequence[RunFile], thresholds: Sequence[Threshold]) -> Self:
        """Compare every two of ``runs``."""

        def compared(pairs: Iterable[tuple[RunFile, RunFile]]) -> tuple[Comparison, ...]:
            return tuple(each for pair in pairs for each in compare_runs(*pair, thresholds))

        return cls(
            every=compared(combinations(runs, 2)),
            independent=compared(zip(runs[::2], runs[1::2], strict=True)),
        )

    @property
    def fails(self) -> bool:
        """Return whether a cell could not be timed, or alarms were more frequent than promised."""
        timed = with_ratio(self.every)
        return len(timed) < len(self.every) or len(false_alarms(timed)) > PROMISED * len(timed)

    @property
    def bound(self) -> float:
        """The upper 95 % bound on the rate of false alarms."""
        return rate_bound(len(false_alarms(self.independent)), len(with_ratio(self.independent)))

    @property
    def quiet_threshold(self) -> float:
        """The smallest threshold, to a whole percent, without a false alarm."""
        return max(map(_beyond, false_alarms(self.every)), default=0.0)

    def rows(self) -> list[dict[str, Any]]:
        """Make a row for each cell, of all comparisons of it."""
        cells = dict.fromkeys(each.cell for each in self.every)
        return [_row([each for each in self.every if each.cell == cell]) for cell in cells]


def with_ratio(comparisons: Iterable[Comparison]) -> list[Comparison]:
    """Return the comparisons of cells that were timed in both runs."""
    return [each for each in comparisons if each.ratio is not None]


def false_alarms(comparisons: Iterable[Comparison]) -> list[Comparison]:
    """Return the comparisons that found a difference."""
    return [each for each in comparisons if each.verdict in (Verdict.SLOWER, Verdict.FASTER)]


def ambiguous(comparisons: Iterable[Comparison]) -> int:
    """Count the comparisons that could not tell."""
    return sum(each.verdict is Verdict.AMBIGUOUS for each in comparisons)


def _row(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    timed, cell = with_ratio(comparisons), comparisons[0].cell
    ratios = [each.ratio.estimate for each in timed if each.ratio]
    return {
        **cell.to_json(),
        "comparisons": len(timed),
        "alarms": len(false_alarms(timed)),
        "ambiguous": ambiguous(timed),
        "largest": max((max(ratio, 1 / ratio) - 1 for ratio in ratios), default=0.0),
    }


def _beyond(alarm: Comparison) -> float:
    assert alarm.ratio is not None
    change = max(alarm.ratio.low, 1 / alarm.ratio.high) - 1
    return math.ceil(change * 100) / 100
