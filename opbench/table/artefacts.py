"""Artefacts: a network as a runtime executes it, with the time and the accuracy of the very same.

The rules:

    artefact   the hash in the records of runs and evaluations: weights, code or graph, runtime and
               version, precision, size of the image.  What has none is not joined.
    outputs    what differs from eager float32 by more than its precision allows is no artefact of
               the network, neither timed nor evaluated
    time       that of the latest run, for each batch size and conditions
    accuracy   of evaluations of the whole test set; of several on one data set the newest
    base       the same weights, size, batch and machine in eager float32, to which a gain in time
               and a loss of accuracy are relative
    frontier   over latency and top-1 of artefacts of one data set, batch size and device whose
               accuracy is of one view of the image

The interval of a ratio of times is put together from those of both on the scale of logarithms.

Reference:
    G. Y. Zou, A. Donner.  "Construction of confidence limits about effect measures: a general
    approach."  Statistics in Medicine 27 (2008) 1693.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from opbench.accuracy.measured.evaluation import Evaluation
from opbench.accuracy.measured.paired import compare_evaluations
from opbench.errors import BadValueError
from opbench.intervals import Interval
from opbench.record import USUAL
from opbench.table.cells import TimedCell
from opbench.table.frontier import pareto
from opbench.table.measured import MeasuredAccuracy
from opbench.table.networks import ONE_VIEW

# The evaluations of whole test sets and what they measured, by artefact and data set.
Evaluated = Mapping[str, Mapping[str, tuple[Evaluation, MeasuredAccuracy]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedArtefact:
    """An artefact as timed in one setting, and as evaluated on one data set.

    evaluation: None where it was not evaluated, and then ``accuracy`` is None as well.
    base: the same in eager float32, which of eager float32 is itself; None where it was not timed.
    on_frontier: no other artefact is as fast and more accurate.
    """

    cell: TimedCell
    evaluation: Evaluation | None = None
    accuracy: MeasuredAccuracy | None = None
    base: JoinedArtefact | None = None
    on_frontier: bool = False

    @property
    def name(self) -> str:
        """The network's name."""
        return self.cell.name

    @property
    def dataset(self) -> str:
        """The data set of its accuracy, "" without one."""
        return self.accuracy.dataset if self.accuracy else ""

    @property
    def top1(self) -> float | None:
        """Top-1 in percent, measured of this artefact."""
        return self.accuracy.top1.value if self.accuracy else None

    @property
    def is_base(self) -> bool:
        """True of eager float32."""
        return (self.cell.runtime, self.cell.precision) == (USUAL["runtime"], USUAL["dtype"])

    @property
    def times_faster(self) -> Interval | None:
        """The ratio of the time of eager float32 to its own; None where that is not known."""
        if self.base is None or self.is_base:
            return Interval(1.0, 1.0, 1.0) if self.base else None
        base, own = (each.cell.record.measurement for each in (self.base, self))
        ratio = base.latency_s / own.latency_s
        low = _spread(base.latency_s, base.latency_low_s, own.latency_high_s, own.latency_s)
        high = _spread(base.latency_high_s, base.latency_s, own.latency_s, own.latency_low_s)
        return Interval(ratio, ratio / low, ratio * high) if low and high else None

    @property
    def top1_lost(self) -> Interval | None:
        """Points of top-1 that eager float32 has more, image by image; None where not known."""
        base = self.base.evaluation if self.base else None
        if base is None or self.evaluation is None:
            return None
        if self.is_base:
            return Interval(0.0, 0.0, 0.0)
        try:
            (found,) = compare_evaluations(base, [self.evaluation])
        except BadValueError:  # of other images
            return None
        # Not -0.0.
        return Interval(0 - found.difference, 0 - found.high, 0 - found.low)


def _spread(*ends: float | None) -> float | None:
    """Return the factor to an end of a ratio's interval from those of both its times."""
    first, second, third, fourth = ends
    if not (first and second and third and fourth):
        return None
    return math.exp(math.hypot(math.log(first / second), math.log(third / fourth)))


def evaluated_artefacts(evaluations: Iterable[Evaluation]) -> Evaluated:
    """Return what was evaluated on whole test sets; ``evaluations`` are given oldest first."""
    found: dict[str, dict[str, tuple[Evaluation, MeasuredAccuracy]]] = {}
    for each in evaluations:
        measured = MeasuredAccuracy.of(each)
        if measured and measured.artefact and not measured.beside:
            found.setdefault(measured.artefact, {})[measured.dataset] = each, measured
    return found


def join_artefacts(cells: Iterable[TimedCell], evaluated: Evaluated) -> tuple[JoinedArtefact, ...]:
    """Return every artefact that was timed, by name, and of one network the fastest first.

    ``cells`` are given oldest first.
    """
    latest = {
        (each.artefact, each.conditions, each.batch_size): each for each in cells if each.artefact
    }
    joined = [
        each
        for (artefact, *_), cell in latest.items()
        for each in _of_cell(cell, evaluated.get(artefact, {}))
    ]
    based = _with_bases(joined)
    best = {id(each) for some in _alike(based) for each in _best(some)}
    marked = (replace(each, on_frontier=id(each) in best) for each in based)
    return tuple(sorted(marked, key=lambda each: (each.name, each.cell.latency_per_image_s)))


def _of_cell(
    cell: TimedCell, evaluations: Mapping[str, tuple[Evaluation, MeasuredAccuracy]]
) -> Iterator[JoinedArtefact]:
    """Yield the artefact of a cell on each data set that it was evaluated on."""
    for evaluation, accuracy in evaluations.values():
        yield JoinedArtefact(cell=cell, evaluation=evaluation, accuracy=accuracy)
    if not evaluations:
        yield JoinedArtefact(cell=cell)


def _with_bases(artefacts: Sequence[JoinedArtefact]) -> list[JoinedArtefact]:
    """Return artefacts with their eager float32: on the same data set, else without accuracy."""
    bases = {(_same(each), each.dataset): each for each in artefacts if each.is_base}
    timed = {_same(each): each for each in artefacts if each.is_base}
    return [
        replace(each, base=bases.get((_same(each), each.dataset)) or timed.get(_same(each)))
        for each in artefacts
    ]


def _same(each: JoinedArtefact) -> tuple[Any, ...]:
    """Return what an artefact has in common with its base."""
    cell, where = each.cell, each.cell.conditions
    return (
        *(cell.name, cell.weights_sha256, cell.input_size, cell.batch_size),
        *(where.machine, where.device, where.variant),
    )


def _alike(artefacts: Iterable[JoinedArtefact]) -> Iterable[list[JoinedArtefact]]:
    """Group the artefacts whose times and accuracies compare."""
    groups: dict[tuple[Any, ...], list[JoinedArtefact]] = {}
    for each in artefacts:
        if each.accuracy and each.accuracy.protocol in ONE_VIEW:
            where = each.cell.conditions
            key = each.dataset, each.cell.batch_size, where.machine, where.device
            groups.setdefault(key, []).append(each)
    return groups.values()


def _best(artefacts: Sequence[JoinedArtefact]) -> list[JoinedArtefact]:
    kept = pareto([(each.cell.latency_s, each.top1 or 0.0) for each in artefacts])
    return [artefacts[at] for at in kept]
