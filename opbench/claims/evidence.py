"""The results at hand: counts, published accuracies, the 2016 chart and timed cells.

A test asks for what it needs by name and gets it, or ``LackingError`` says, in the sentence that
the reader is shown, what is missing and which command makes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from opbench import accuracy
from opbench.accuracy import Accuracy, ChartPoint
from opbench.claims.experiments import Experiment, load_experiments
from opbench.registry import counts_csv
from opbench.registry.counts_csv import NetworkRow
from opbench.runs import store

# Settings of a cell, and of its run on a GPU, that make another condition; with the value that goes
# without saying.
_SETTINGS = {"dtype": "float32", "memory_format": "contiguous", "compile": "eager"}
_CUDA_SETTINGS = {"graph": False, "l2": "warm", "tf32": False}


class LackingError(Exception):
    """The evidence does not suffice; the sentence says what is missing and what to run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Where and how cells were timed: those of equal conditions may be compared."""

    device: str
    settings: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ", ".join((self.device, *self.settings))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One timed network at one batch size.

    ``seconds`` is the median of a forward pass of the whole batch; ``energy_j`` and
    ``peak_memory_bytes`` are of that pass too, and ``idle_power_w`` of the device at rest; each is
    None where it was not measured.
    """

    condition: Condition
    name: str
    input_size: str
    batch_size: int
    seconds: float
    peak_memory_bytes: int | None
    energy_j: float | None
    idle_power_w: float | None = None

    @property
    def seconds_per_image(self) -> float:
        return self.seconds / self.batch_size

    @property
    def power_w(self) -> float | None:
        """While it computes, what the idle device draws included."""
        return None if self.energy_j is None else self.energy_j / self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything a test may rest on."""

    facts: Mapping[str, NetworkRow]
    accuracies: Mapping[str, Accuracy]
    chart: tuple[ChartPoint, ...]
    cells: tuple[Cell, ...] = ()
    experiments: Mapping[str, Experiment] = field(default_factory=dict)
    damages: tuple[store.Damage, ...] = ()

    def fact(self, name: str) -> NetworkRow:
        """The counts of a network.  Raises ``LackingError``."""
        if name not in self.facts:
            raise LackingError(f"the counts of {name}: `opbench list --update` makes them")
        return self.facts[name]

    def macs(self, name: str) -> int:
        return self.fact(name).macs

    def params(self, name: str) -> int:
        return self.fact(name).params

    def top1(self, name: str) -> float:
        """The primary top-1 of a network in percent.  Raises ``LackingError``."""
        row = self.accuracies.get(name)
        if row is None or row.top1 is None:
            raise LackingError(f"a confirmed top-1 accuracy of {name}, as a row of published.csv")
        return row.top1

    def point(self, label: str) -> ChartPoint:
        """A point of the 2016 chart.  Raises ``LackingError``."""
        for point in self.chart:
            if point.label == label:
                return point
        raise LackingError(f"the point {label} of the 2016 chart")

    def experiment(self, name: str) -> Experiment:
        """Top-1 in percent by setting, of an experiment of the module study.

        Raises ``LackingError``.
        """
        if name not in self.experiments:
            raise LackingError(f"the experiment {name!r} of the module study: install opbench anew")
        return self.experiments[name]

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions that were timed, in the order of the runs."""
        return tuple(dict.fromkeys(cell.condition for cell in self.cells))

    def under(self, condition: Condition) -> Evidence:
        """The same evidence with the cells of one condition only."""
        return replace(
            self, cells=tuple(cell for cell in self.cells if cell.condition == condition)
        )

    def timed(self, batch_size: int | None = None) -> list[Cell]:
        """The cells of ImageNet classifiers at their own input size, at one batch size or any."""
        return [
            cell
            for cell in self.cells
            if (batch_size is None or cell.batch_size == batch_size)
            and cell.name in self.facts
            and self.facts[cell.name].dataset == "imagenet"
            and self.facts[cell.name].input_size == cell.input_size
        ]


def load_evidence(results: Path) -> Evidence:
    """What lies in a results folder.  Raises ``BadFileError`` for a file that cannot be read; of
    one that can in part, the rest is left out and named in ``damages``.

    Where the folder has no ``counts.csv`` of its own, the counts that come with the package are
    used.  Of cells that were measured more than once, the newest counts.
    """
    counts = results / "counts.csv"
    runs = [store.read_run(path) for path in store.run_files(results)]
    return Evidence(
        facts={fact.name: fact for fact in counts_csv.load(counts if counts.is_file() else None)},
        accuracies=accuracy.primaries(),
        chart=accuracy.load_chart2016(),
        cells=tuple(_newest(_cells(runs))),
        damages=tuple(damage for run in runs for damage in run.damages),
        experiments=load_experiments(),
    )


def _newest(cells: Iterable[Cell]) -> Iterable[Cell]:
    return {
        (cell.condition, cell.name, cell.input_size, cell.batch_size): cell for cell in cells
    }.values()


def _cells(runs: Iterable[store.Run]) -> Iterable[Cell]:
    for run in runs:
        for line in run.of_kind("record"):
            yield _cell(line, run.header)


def _cell(line: Mapping[str, Any], header: Mapping[str, Any]) -> Cell:
    return Cell(
        name=line["name"],
        input_size=line["input_size"],
        batch_size=line["batch_size"],
        condition=_condition(line, header),
        seconds=line["median_s"],
        peak_memory_bytes=line.get("peak_memory_bytes"),
        energy_j=line.get("energy_j"),
        idle_power_w=line.get("idle_power_w"),
    )


def _condition(line: Mapping[str, Any], header: Mapping[str, Any]) -> Condition:
    environment = header.get("environment", {})
    kind = str(line["device"]).split(":")[0]
    name = environment.get("gpu" if kind == "cuda" else "cpu")
    settings = [str(value) for _, value in _unusual(line, _SETTINGS)]
    if kind == "cuda":
        settings += [
            key if value is True else f"{key} {value}"
            for key, value in _unusual(header.get("cuda", {}), _CUDA_SETTINGS)
        ]
    elif threads := line.get("threads") or environment.get("torch_threads"):
        settings.append(f"{threads} thread{'s' * (threads > 1)}")
    return Condition(device=f"{kind} ({name})" if name else kind, settings=tuple(settings))


def _unusual(settings: Mapping[str, Any], usual: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """What is set, and not to the value that goes without saying."""
    for key, value in usual.items():
        if settings.get(key) not in (None, False, value):
            yield key, settings[key]
