"""Networks with the accuracies of the reader's own file, which win over all others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from opbench.accuracy.matching import match_own
from opbench.accuracy.own import OwnRow, read_own
from opbench.record import Record
from opbench.table.networks import Network, by_size


def with_own_accuracies(
    networks: Sequence[Network], records: Iterable[Record], path: Path
) -> tuple[tuple[Network, ...], tuple[str, ...]]:
    """Replace accuracies by those of the CSV file ``path``; also return what has to be said.

    A network whose row names another input size moves to it, where ``records`` have counts.
    Raises ``BadFileError`` naming file, line and column.
    """
    counted = by_size(networks, records)
    own = read_own(path)
    found, notes = match_own(own, {name: [*sizes] for name, sizes in counted.items()}, path)
    moved = tuple(
        _with_own(counted[network.name][found[network.name].size], found[network.name].row)
        if network.name in found
        else network
        for network in networks
    )
    unsure = (
        f"{path}, line {found[each.name].row.line}: {each.name} was run at "
        f"{' and '.join(map(str, counted[each.name]))} and is shown at {each.input_size}: say in a "
        "column img_size which the accuracy is of"
        for each in moved
        if each.name in found and not each.entry and not found[each.name].row.size
        if len(counted[each.name]) > 1
    )
    return moved, (*own.notes, *notes, *unsure)


def _with_own(network: Network, row: OwnRow) -> Network:
    accuracy = row.accuracy(network.name, network.dataset, network.input_size)
    return replace(network, accuracy=accuracy, dataset=accuracy.dataset)
