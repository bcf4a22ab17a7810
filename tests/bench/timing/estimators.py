"""Estimators of a latency, tried on the same samples: which one differs least from run to run.

``python -m tests.bench.timing.estimators [RESULTS]`` prints the table of the runs in a results
folder, or of four runs of ten networks that it takes first.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path

from opbench.intervals import Interval, median, median_of_rounds, quantile
from opbench.record import Round
from opbench.runs.lines import RoundLine
from opbench.runs.store import RunFile, read_runs
from opbench.timing.latency import floor_of, latency
from tests.bench.timing.claims import opbench_run

NETWORKS = (
    *("lenet5", "inception_3a", "caffenet128", "squeezenet1_1", "alexnet_owt"),
    *("resnet110_cifar", "googlenet", "resnet18", "resnet50", "vgg16"),
)
RUNS = 4

# From the rounds of a cell and the least time of the fixed work in its run.
Estimator = Callable[[Sequence[Round], Interval], float]
Runs = Sequence[tuple[Mapping[str, Sequence[Round]], Interval]]


def everything(rounds: Sequence[Round]) -> list[float]:
    """All samples, smallest first."""
    return sorted(sample for each in rounds for sample in each.samples_s)


def ratios(each: Round) -> list[float]:
    """Samples in units of the work beside them."""
    return [s / work for s, work in zip(each.samples_s, each.reference_samples_s, strict=True)]


def half_sample_mode(ordered: Sequence[float]) -> float:
    """Half of the values that lie closest together, and half of those, until two are left."""
    while len(ordered) > 2:
        half = (len(ordered) + 1) // 2
        starts = range(len(ordered) - half + 1)
        start = min(starts, key=lambda at: ordered[at + half - 1] - ordered[at])
        ordered = ordered[start : start + half]
    return sum(ordered) / len(ordered)


def until_it_stops_falling(rounds: Sequence[Round]) -> float:
    """The smallest sample of so many rounds that the last two did not lower it by 1 %."""
    least = [min(each.samples_s) for each in rounds]
    for end in range(3, len(least)):
        if min(least[:end]) > 0.99 * min(least[: end - 2]):
            return min(least[:end])
    return min(least)


def _lowest_tenth(rounds: Sequence[Round], _: Interval) -> float:
    lowest = everything(rounds)[: max(1, len(everything(rounds)) // 10)]
    return sum(lowest) / len(lowest)


def _quantile(part: float, rounds: Sequence[Round], _: Interval) -> float:
    return quantile(everything(rounds), part)


def _in_units(rounds: Sequence[Round], floor: Interval) -> float:
    return floor.estimate * median([ratio for each in rounds for ratio in ratios(each)])


def _mixed(part: float, rounds: Sequence[Round], floor: Interval) -> float:
    """Geometric mean of the median ratio and, by ``part``, of the smallest sample."""
    return float(_in_units(rounds, floor) ** (1 - part) * everything(rounds)[0] ** part)


def _mean_by_work(part: float, rounds: Sequence[Round], floor: Interval) -> float:
    """Geometric mean over rounds, of medians of samples that follow the work's power ``part``."""
    middles = [
        median(
            [
                s / work**part
                for s, work in zip(each.samples_s, each.reference_samples_s, strict=True)
            ]
        )
        for each in rounds
    ]
    mean = math.exp(math.fsum(map(math.log, middles)) / len(middles))
    return float(mean * floor.estimate**part)


def _least_by_work(part: float, rounds: Sequence[Round], floor: Interval) -> float:
    least = min(min(each.reference_samples_s) for each in rounds)
    return float(everything(rounds)[0] * (floor.estimate / least) ** part)


ESTIMATORS: dict[str, Estimator] = {
    "median of the rounds' medians": lambda rounds, _: median(
        [median(each.samples_s) for each in rounds]
    ),
    "smallest sample (timeit, Chen and Revels 2016)": partial(_quantile, 0),
    "smallest sample, sampled until it stops falling": lambda rounds, _: until_it_stops_falling(
        rounds
    ),
    "median of the rounds' smallest": lambda rounds, _: median(
        [min(each.samples_s) for each in rounds]
    ),
    "5 % quantile": partial(_quantile, 0.05),
    "25 % quantile": partial(_quantile, 0.25),
    "mean of the fastest tenth": _lowest_tenth,
    "half-sample mode": lambda rounds, _: half_sample_mode(everything(rounds)),
    "rounds' smallest over smallest work, median": lambda rounds, floor: (
        floor.estimate
        * median([min(each.samples_s) / min(each.reference_samples_s) for each in rounds])
    ),
    "median in units of the work beside": _in_units,
    "two thirds of that and one of the smallest sample, geometric mean": partial(_mixed, 1 / 3),
    "geometric mean of both": partial(_mixed, 1 / 2),
    "mean of the rounds' medians in units of the work": partial(_mean_by_work, 1.0),
    "the same, in units of its square root": partial(_mean_by_work, 0.5),
    "the same, in units of its power 0.75": partial(_mean_by_work, 0.75),
    "smallest sample over smallest work": partial(_least_by_work, 1.0),
    "the same, over the square root of the work: `latency_s`": lambda rounds, floor: (
        latency(rounds, floor).whole.estimate
    ),
}


def read(files: Sequence[RunFile]) -> Runs:
    """The rounds of each run by network, and the least time of the work in it."""
    runs = []
    for file in files:
        rounds: dict[str, list[Round]] = {}
        least: dict[int, float] = {}
        for line in file.of(RoundLine):
            rounds.setdefault(line.cell.name, []).append(line.round)
            number = line.round.number
            least[number] = min(least.get(number, math.inf), *line.round.reference_samples_s)
        runs.append((rounds, floor_of(least.values())))
    return runs


def table(runs: Runs) -> str:
    """A row per estimator in Markdown: by how much runs disagree."""
    rows = [f"| {name} | {_percent(_apart(runs, of))} | |" for name, of in ESTIMATORS.items()]
    intervals = {
        "interval of the median": lambda rounds, _: median_of_rounds(
            [each.samples_s for each in rounds]
        ),
        "interval of `latency_s`": lambda rounds, floor: latency(rounds, floor).whole,
    }
    rows += [f"| {name} | | | | {_overlap(runs, of):.0%} |" for name, of in intervals.items()]
    head = ["| estimator | median | 90th percentile | worst | intervals overlap |"]
    return "\n".join([*head, "| --- | --- | --- | --- | --- |", *rows]) + "\n"


def _percent(apart: Sequence[float]) -> str:
    values = (quantile(apart, part) for part in (0.5, 0.9, 1))
    return " | ".join(f"{value:.1%}" for value in values)


def _pairs(runs: Runs) -> Iterator[tuple[tuple[Sequence[Round], Interval], ...]]:
    for one, other in combinations(runs, 2):
        for name in one[0].keys() & other[0].keys():
            yield (one[0][name], one[1]), (other[0][name], other[1])


def _apart(runs: Runs, of: Estimator) -> list[float]:
    return [abs(math.log(of(*one) / of(*other))) for one, other in _pairs(runs)]


def _overlap(runs: Runs, of: Callable[[Sequence[Round], Interval], Interval]) -> float:
    both = [(of(*one), of(*other)) for one, other in _pairs(runs)]
    return sum(a.low <= b.high and b.low <= a.high for a, b in both) / len(both)


def report(files: Sequence[RunFile] = ()) -> str:
    """The table of runs, of new ones by default, under its heading."""
    files = files or [opbench_run(*NETWORKS, "--device", "cpu").file for _ in range(RUNS)]
    return (
        "## The estimator of `latency_s`\n\n"
        f"Tried on the same samples of {len(files)} runs of {len(NETWORKS)} networks from LeNet-5 "
        "to VGG-16: by how much two runs disagree, over all pairs of runs and networks.  The work "
        "is a small convolution and some tiny operators, timed before and after every few samples."
        "  `python -m tests.bench.timing.estimators` does it again.\n\n"
        f"{table(read(files))}"
    )


def main() -> None:
    """Print the report."""
    folders = sys.argv[1:]
    files = [each for folder in folders for each in read_runs(Path(folder))[0] if each.finished]
    sys.stdout.write(report(files))


if __name__ == "__main__":
    main()
