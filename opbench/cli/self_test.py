"""``opbench compare --self-test``: how often runs of the same thing are found to differ here.

The same cells are timed in several runs, one after the other, and every two of the runs are
compared as any two would be: each SLOWER, and each FASTER, is a false alarm.  Comparisons that
share a run are not independent of each other, so the rate seen is that of all pairs, and the bound
on the rate is from the pairs that share none: the first run with the second, the third with the
fourth.  What slows the whole machine down during one of the runs hits all its cells alike; that
no bound can know.

Intervals of 95 % may be wrong one time in twenty.  More alarms than that, or a cell that cannot be
timed, is exit code 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from opbench.cli.output import Column, Format, emit, messages
from opbench.intervals import rate_bound
from opbench.runs.compare import Comparison, Verdict, compare_runs
from opbench.runs.store import RunFile, new_run, read_run
from opbench.settings import Threshold

RUNS = 4
# Small networks, so that a run of all of them is a matter of seconds.
TARGETS = (
    *("lenet5", "ciresan_mlp", "inception_3a", "caffenet128", "squeezenet1_0", "squeezenet1_1"),
    *("enet_classifier", "resnet110_cifar", "alexnet", "nin", "googlenet", "resnet18"),
)
PROMISED = 0.05
_SECONDS = 1.0

_COLUMNS = (
    Column(key="cell", title="cell"),
    Column(key="comparisons", title="comparisons", right=True),
    Column(key="alarms", title="false alarms", right=True),
    Column(key="ambiguous", title="ambiguous", right=True),
    Column(key="largest", title="largest change", show=lambda change: f"{change:.1%}", right=True),
)


def self_test(targets: Sequence[str], thresholds: Sequence[Threshold], format: Format) -> bool:
    """Time ``targets`` and print how often the comparison was fooled; whether that is too often."""
    runs = list(timed(targets))
    every = [
        each
        for pair in combinations(runs, 2)
        for each in compare_runs(*pair, thresholds=thresholds)
    ]
    apart = [
        each
        for base, new in zip(runs[::2], runs[1::2], strict=True)
        for each in compare_runs(base, new, thresholds)
    ]
    cells = dict.fromkeys(each.cell for each in every)
    emit([_row([each for each in every if each.cell == cell]) for cell in cells], format, _COLUMNS)
    messages.print(sentence(every, apart))
    told = _told(every)
    return len(told) < len(every) or len(_alarms(told)) > PROMISED * len(told)


def timed(targets: Sequence[str]) -> Iterator[RunFile]:
    """Runs of the same targets, as a gate takes them."""
    from opbench.cli.run import choose_workers, take
    from opbench.runs.plan import Sweep
    from opbench.runs.start import prepare
    from opbench.timing.protocol import Protocol
    from opbench.timing.settings import CudaOptions

    protocol = Protocol(max_seconds=_SECONDS)
    for number in range(1, RUNS + 1):
        messages.print(f"run {number} of {RUNS}")
        with TemporaryDirectory() as folder, choose_workers() as workers:
            prepared = prepare(targets, Sweep(), protocol, CudaOptions(), workers)
            writer = new_run(Path(folder))
            if take(prepared, writer, workers):
                raise KeyboardInterrupt
            yield read_run(writer.path)


def sentence(every: Sequence[Comparison], apart: Sequence[Comparison]) -> str:
    """How often the comparison was fooled, and how often it may be.  ``apart`` are those of
    ``every`` that share no run with each other."""
    told, alarms = _told(every), _alarms(every)
    ambiguous = sum(each.verdict is Verdict.AMBIGUOUS for each in told)
    plural = "" if len(alarms) == 1 else "s"
    said = f"{len(alarms)} false alarm{plural} in {len(told)} comparisons of the same with the same"
    if not told:
        return said
    few, alone = _told(apart), _alarms(apart)
    said += (
        f" ({len(alarms) / len(told):.1%}); {len(alone)} in the {len(few)} that share no run: "
        f"a rate of at most {rate_bound(len(alone), len(few)):.0%}, with 95 % confidence"
    )
    if alarms:
        said += f"; none with --threshold {max(map(_beyond, alarms)):.0%}"
    return f"{said}; {ambiguous} ambiguous"


def _row(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """One cell in all pairs of runs."""
    told, cell = _told(comparisons), comparisons[0].cell
    ratios = [each.ratio.estimate for each in told if each.ratio]
    return {
        **cell.to_json(),
        "cell": str(cell),
        "comparisons": len(told),
        "alarms": len(_alarms(told)),
        "ambiguous": sum(each.verdict is Verdict.AMBIGUOUS for each in told),
        "largest": max((max(ratio, 1 / ratio) - 1 for ratio in ratios), default=0.0),
    }


def _told(comparisons: Sequence[Comparison]) -> list[Comparison]:
    return [each for each in comparisons if each.ratio is not None]


def _alarms(comparisons: Sequence[Comparison]) -> list[Comparison]:
    return [each for each in comparisons if each.verdict in (Verdict.SLOWER, Verdict.FASTER)]


def _beyond(alarm: Comparison) -> float:
    """The smallest threshold, to a whole percent, that would have kept it quiet."""
    assert alarm.ratio is not None
    slower = max(alarm.ratio.low, 1 / alarm.ratio.high)
    return math.ceil((slower - 1) * 100) / 100
