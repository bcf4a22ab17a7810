"""The evidence for claims: counts, accuracies, the 2016 chart and timed cells of a folder.

A test asks for what it needs by name and gets it, or ``LackingError`` says, in the sentence that
the reader is shown, what is missing and which command makes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from opbench.accuracy import Accuracy, ChartPoint, primaries
from opbench.claims.experiments import Experiment, load_experiments
from opbench.record import USUAL
from opbench.registry.counts_csv import NetworkRow
from opbench.table import Folder
from opbench.table.cells import Conditions, TimedCell
from opbench.table.fits import Line, fit_line
from opbench.table.networks import Network
from opbench.table.progress import competing


class LackingError(Exception):
    """The evidence does not suffice; the sentence says what is missing and what to run."""


def fitted(x: Sequence[float], y: Sequence[float]) -> Line:
    """Fit a line by least squares.  Raises ``LackingError`` where all ``x`` are equal."""
    if len(set(x)) < 2:
        raise LackingError("networks that differ in cost, for a line through them")
    return fit_line(x, y)


def _accuracy(network: Network) -> tuple[str, Accuracy] | None:
    """Return the accuracy that a claim is about: of the paper's data set and input size."""
    best, entry = network.accuracy, network.entry
    if entry and (network.dataset, network.input_size) != (entry.dataset, entry.input_size):
        best = primaries().get(network.name)
    return (network.name, best) if best else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything a test may rest on, by name of the network.

    ``competing`` are the networks of registry and zoo whose accuracies on ImageNet compare.
    """

    facts: Mapping[str, NetworkRow]
    accuracies: Mapping[str, Accuracy]
    chart: tuple[ChartPoint, ...]
    cells: tuple[TimedCell, ...] = ()
    experiments: Mapping[str, Experiment] = field(default_factory=dict)
    competing: tuple[Network, ...] = ()

    @classmethod
    def of(cls, folder: Folder) -> Evidence:
        """Return the evidence in a results folder."""
        return cls(
            facts={each.name: each.entry for each in folder.networks if each.entry},
            accuracies=dict(filter(None, map(_accuracy, folder.networks))),
            chart=folder.chart2016,
            cells=folder.cells,
            experiments=load_experiments(),
            competing=competing(folder.networks),
        )

    def fact(self, name: str) -> NetworkRow:
        """Return the counts of a network.  Raises ``LackingError``."""
        if name not in self.facts:
            raise LackingError(f"the counts of {name}: `opbench list --update` makes them")
        return self.facts[name]

    def macs(self, name: str) -> int:
        """Return the multiply-accumulates of a network.  Raises ``LackingError``."""
        return self.fact(name).macs

    def params(self, name: str) -> int:
        """Return the parameters of a network.  Raises ``LackingError``."""
        return self.fact(name).params

    def top1(self, name: str) -> float:
        """Return the primary top-1 of a network in percent.  Raises ``LackingError``."""
        row = self.accuracies.get(name)
        if row is None or row.top1 is None:
            raise LackingError(f"a confirmed top-1 accuracy of {name}, as a row of published.csv")
        return row.top1

    def point(self, label: str) -> ChartPoint:
        """Return a point of the 2016 chart.  Raises ``LackingError``."""
        for point in self.chart:
            if point.label == label:
                return point
        raise LackingError(f"the point {label} of the 2016 chart")

    def experiment(self, name: str) -> Experiment:
        """Return top-1 in percent by setting, of an experiment of the module study.

        Raises ``LackingError``.
        """
        if name not in self.experiments:
            raise LackingError(f"the experiment {name!r} of the module study: reinstall opbench")
        return self.experiments[name]

    @property
    def conditions(self) -> tuple[Conditions, ...]:
        """The conditions that were timed, in the order of the runs."""
        return tuple(dict.fromkeys(cell.conditions for cell in self.cells))

    def under(self, *conditions: Conditions) -> Evidence:
        """Return the same evidence with the cells of these conditions only."""
        return replace(
            self, cells=tuple(cell for cell in self.cells if cell.conditions in conditions)
        )

    def by_device(self) -> Iterator[tuple[Conditions, tuple[Conditions, ...]]]:
        """Yield each condition in eager execution, with all that differ from it in runtime alone.

        Eager execution itself is among those where it was timed.
        """
        groups: dict[Conditions, list[Conditions]] = {}
        for each in self.conditions:
            groups.setdefault(replace(each, runtime=USUAL["runtime"]), []).append(each)
        yield from ((usual, tuple(alike)) for usual, alike in groups.items())

    def timed(self, batch_size: int | None = None) -> list[TimedCell]:
        """Return cells of ImageNet classifiers at their own input size, at one batch or any."""
        return [
            cell
            for cell in self.cells
            if (batch_size is None or cell.batch_size == batch_size)
            and cell.name in self.facts
            and self.facts[cell.name].dataset == "imagenet"
            and self.facts[cell.name].input_size == cell.input_size
        ]
