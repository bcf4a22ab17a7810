"""The networks on file: the registry's, torchvision's and timm's, which options choose from.

``list`` shows the choice and ``run`` times it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from importlib.metadata import entry_points
from shlex import quote
from typing import TYPE_CHECKING

from opbench.cli.counted import macs_of
from opbench.cli.list_filters import Filters, Reference
from opbench.errors import BadValueError, UnknownNameError
from opbench.names import matching, spelt
from opbench.zoo.libraries import LIBRARIES, library_of

if TYPE_CHECKING:
    from opbench.registry.counts_csv import NetworkRow
    from opbench.spec import Shape
    from opbench.table import Folder
    from opbench.table.networks import Network
    from opbench.zoo.rows import ZooRow

EVERYWHERE = ("*", *(f"{library}:*" for library in LIBRARIES))


def networks_on_file(globs: Sequence[str], folder: Folder | None) -> list[Network]:
    """Return the networks that ``globs`` match, and of the user's those with an accuracy.

    A network that ``folder`` has an evaluation of on another data set is there once more.
    Raises ``OpbenchError`` for a glob that matches none.
    """
    from opbench.accuracy import primaries
    from opbench.table.networks import Network

    read = {network.name: network for network in folder.networks} if folder else {}
    others = {name: each for name, each in read.items() if _is_of_folder(each)}
    networks = [
        read.get(fact.name) or Network.of_registry(fact, primaries().get(fact.name))
        for fact in _facts(globs, [*filter(library_of, globs), *others])
    ]
    for row in _weights([glob for glob in globs if library_of(glob)], others):
        own_network = others.get(row.name)
        same = own_network and own_network.input_size == row.input_size
        networks.append(own_network if own_network and same else Network.of_zoo(row))
    listed = {(each.name, each.input_size) for each in networks}
    more = [each for each in others.values() if (each.name, each.input_size) not in listed]
    elsewhere = folder.elsewhere if folder else ()
    return [*networks, *(each for each in (*more, *elsewhere) if _is_meant(each, globs))]


def _is_of_folder(network: Network) -> bool:
    """Return whether the accuracy of a network that is not built in is of the user's files."""
    return not network.entry and (network.own_accuracy or network.measured is not None)


def _is_meant(network: Network, globs: Sequence[str]) -> bool:
    return any(matching(glob, _names(network)) for glob in globs)


def _weights(globs: Sequence[str], others: Collection[str]) -> list[ZooRow]:
    """Return the rows of libraries that ``globs`` match; those may match ``others`` as well.

    Raises ``UnknownNameError`` for one that matches neither.
    """
    from opbench.zoo.rows import chosen

    found: dict[tuple[str, Shape], ZooRow] = {}
    for glob in globs:
        try:
            found |= {(row.name, row.input_size): row for row in chosen([glob])}
        except UnknownNameError:
            if not matching(glob, others):
                raise
    return list(found.values())


def reference_of(target: str, filters: Filters, folder: Folder | None) -> Reference:
    """Return a network on file or with an accuracy in ``folder``; count any other.

    Raises ``OpbenchError`` where it cannot be counted.
    """
    found = _called(target, networks_on_file(EVERYWHERE, folder))
    return filters.reference(found) if found else Reference(macs=macs_of(target))


def _called(target: str, networks: Sequence[Network]) -> list[Network]:
    """Return the networks of that name, by themselves or with all their weights and sizes."""
    exact = [each for each in networks if target in _names(each)]
    return exact or [each for each in networks if spelt(target, _names(each))]


def _names(network: Network) -> tuple[str, ...]:
    """Return the names that a network goes by; a set of weights by that of its network, too."""
    if network.entry:
        return network.name, network.label
    return network.name, *([network.name.partition(".")[0]] if library_of(network.name) else [])


def _facts(globs: Sequence[str], others: Sequence[str]) -> list[NetworkRow]:
    """Return the rows of the registry that ``globs`` match; those may match ``others`` as well.

    Raises ``OpbenchError`` for one that matches neither.
    """
    from opbench.registry import counts_csv

    facts = [*counts_csv.load(), *_of_other_packages()]
    labels = {fact.name: fact.label for fact in facts}
    here = [
        glob
        for glob in globs
        if matching(glob, labels, labels) or not (glob in others or matching(glob, others))
    ]
    for glob in here:
        if ":" in glob and not matching(glob, labels, labels):
            raise BadValueError(
                f"list holds the built-in networks, {' and '.join(LIBRARIES)}: "
                f"use `opbench count {quote(glob)}`"
            )
    return counts_csv.chosen(facts, here)


def _of_other_packages() -> list[NetworkRow]:
    if not entry_points(group="opbench.architectures"):
        return []
    from opbench.registry.audit import foreign_rows

    return foreign_rows()
