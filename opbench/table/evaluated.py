"""Join networks with the accuracies that evaluations measured; ``measured`` has the rules.

A network has one data set.  A built-in one and a library's keep their own, and what was measured on
another stands for itself: the same network once more, on the other data set (LeNet-5 of MNIST,
evaluated on Fashion-MNIST).  Those are kept apart from the others, among which a name is there
once.  A network of the user's has the data set that it was evaluated on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from shlex import quote
from typing import Any, NamedTuple

from opbench.accuracy.measured.evaluation import Evaluation
from opbench.record import Record
from opbench.spec import Shape
from opbench.table.measured import MeasuredAccuracy, best_measured
from opbench.table.networks import Network, by_size

_Sizes = Mapping[Shape, Network]


class Evaluated(NamedTuple):
    """Networks with measured accuracies, sorted by name, each name once.

    elsewhere: the same networks on other data sets than their own.
    notes: sentences on evaluations that are on no chart.
    """

    networks: tuple[Network, ...]
    elsewhere: tuple[Network, ...]
    notes: tuple[str, ...]


def with_measured(
    networks: Sequence[Network], records: Iterable[Record], evaluations: Iterable[Evaluation]
) -> Evaluated:
    """Give networks the accuracies measured, and add those that were evaluated but not run.

    A network that could not be counted when it was evaluated is told in a note.
    """
    measured = best_measured(evaluations)
    if not measured:
        return Evaluated(tuple(networks), (), ())
    known = by_size(networks, records)
    found = {network.name: network for network in networks}
    elsewhere, notes = [], []
    for name, by_dataset in measured.items():
        sizes = known.get(name) or _as_evaluated(name, by_dataset)
        if not sizes:
            notes.append(_uncounted(name, by_dataset))
            continue
        home = _at_home(next(iter(sizes.values())), by_dataset)
        others = {key: each for key, each in by_dataset.items() if key not in ("", home.dataset)}
        notes += _unnamed(name, by_dataset)
        mine = by_dataset.get(home.dataset) or by_dataset.get("")
        found[name] = _measured(home, mine, sizes) if mine else home
        elsewhere += [_on(home, sizes, each) for each in others.values()]
    return Evaluated(
        tuple(found[name] for name in sorted(found)),
        tuple(sorted(elsewhere, key=lambda each: (each.name, each.dataset))),
        tuple(notes),
    )


def _at_home(network: Network, by_dataset: Mapping[str, MeasuredAccuracy]) -> Network:
    """Return the network with its data set: of a user's the one that it was evaluated on.

    Of several the one with a whole evaluation, then that of the newest.
    """
    named = [each for each in by_dataset.values() if each.dataset]
    if network.entry or network.zoo_row or not named:
        return network
    first = max(named, key=lambda each: (not each.beside, each.evaluation))
    return replace(network, dataset=first.dataset)


def _measured(network: Network, measured: MeasuredAccuracy, sizes: _Sizes) -> Network:
    """Return the network with the measured accuracy, or with it beside another."""
    if measured.beside:
        return replace(network, measured=measured)
    there = _counted_at(network, measured, sizes)
    if there is None:
        sides = f"measured on images of {measured.input_size}, counted at {network.input_size}"
        return replace(network, measured=replace(measured, beside=sides))
    accuracy = measured.accuracy(network.name, there.input_size)
    return replace(there, dataset=network.dataset, accuracy=accuracy, measured=measured)


def _on(home: Network, sizes: _Sizes, measured: MeasuredAccuracy) -> Network:
    """Return the network on another data set than its own, where nothing of it was published."""
    there = replace(home, dataset=measured.dataset, accuracy=None, measured=None)
    return _measured(there, replace(measured, against=None), sizes)


def _counted_at(network: Network, measured: MeasuredAccuracy, sizes: _Sizes) -> Network | None:
    """Return the network at the size of the images, None where it was not counted at that.

    A built-in network on its own data set stays at the size of its paper.
    """
    size, entry = measured.input_size, network.entry
    if not size or size == network.input_size:
        return network
    if entry and network.dataset == entry.dataset:
        return None
    counts = _counts(measured)
    if counts is None or size in sizes:
        return sizes.get(size)
    return replace(network, **counts) if entry else Network.of_counts(network.name, counts)


def _counts(measured: MeasuredAccuracy) -> dict[str, Any] | None:
    """Return the counts of an evaluation, by the names of ``Network``."""
    counts = measured.counts
    return {"input_size": measured.input_size, **counts.totals()} if counts else None


def _as_evaluated(name: str, by_dataset: Mapping[str, MeasuredAccuracy]) -> dict[Shape, Network]:
    """Return the network at each size that an evaluation counted it at."""
    found = filter(None, map(_counts, by_dataset.values()))
    return {counts["input_size"]: Network.of_counts(name, counts) for counts in found}


def _uncounted(name: str, by_dataset: Mapping[str, MeasuredAccuracy]) -> str:
    names = ", ".join(each.evaluation for each in by_dataset.values())
    return (
        f"{name} was evaluated ({names}) and is on no chart, because its counts are not known: "
        f"`opbench run {quote(name)}` counts and times it"
    )


def _unnamed(name: str, by_dataset: Mapping[str, MeasuredAccuracy]) -> list[str]:
    """Say which evaluation is on no chart because nothing says what its images are."""
    if "" not in by_dataset:
        return []
    return [
        f"the evaluation {by_dataset[''].evaluation} of {name} is on no chart, because it does not "
        "say which data set it is of: `opbench evaluate --dataset` says so"
    ]
