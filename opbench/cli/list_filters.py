"""Choose networks by what they cost and by the data behind their accuracy.

``list`` and ``run`` share the options.  A limit is called ``--max-`` and the quantity:
``--max-memory`` is of weights and activations at their peak, as counted; ``--max-latency``, which
``list`` alone has, is of what was timed in the folder of ``--results``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opbench.cli.options import parse_bytes, parse_quantity, words
from opbench.cli.render import note, plural
from opbench.errors import BadValueError
from opbench.names import find
from opbench.spec import dataset_label, ordered_datasets
from opbench.table.frontier import pareto
from opbench.zoo.groups import GROUPS

if TYPE_CHECKING:
    from opbench.table.networks import Network

MaxMacs = Annotated[
    str | None,
    typer.Option(metavar="N", help="Only networks of at most so many MACs, such as 500M or 2G."),
]
MaxParams = Annotated[
    str | None,
    typer.Option(metavar="N", help="Only networks of at most so many parameters, such as 20M."),
]
MaxMemory = Annotated[
    str | None,
    typer.Option(
        metavar="BYTES",
        help="Only networks whose weights and activations take at most so many bytes at their "
        "peak, as counted for one image, such as 200MB or 200MiB.",
    ),
]
MaxLatency = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="Only networks that were timed in the folder of --results and take at most so long "
        "for one image in float32, eager unless --runtime says otherwise, such as 20ms: on the "
        "machine of --device, or the CPU that was timed last.",
    ),
]
Runtimes = Annotated[
    str | None,
    typer.Option(
        metavar="all|NAME[,NAME]...",
        help="A row for each network, runtime and precision that was timed in the folder of "
        "--results, with the top-1 of that very artefact where `opbench evaluate` measured it, "
        "what it loses and how many times faster it is than eager float32; the best first.",
    ),
]
TrainedOn = Annotated[
    str | None,
    typer.Option(
        metavar="DATA[,DATA]...",
        help=f"Only weights that saw no other images than these: {', '.join(GROUPS)}. distilled is "
        "imagenet1k with a teacher, which may have seen more.",
    ),
]
Best = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="The N with the highest top-1, best first, of those that compare: on one data set "
        "(ImageNet where there are any), by one central view of the image, of the size counted.",
    ),
]
Frontier = Annotated[
    bool,
    typer.Option(
        "--frontier",
        help="Of the networks that compare, as for --best, only those that no other beats in MACs "
        "and top-1; best first.",
    ),
]
Near = Annotated[
    str | None,
    typer.Option(
        metavar="TARGET",
        help="Only networks that need as many MACs as this one, give or take a tenth, and are more "
        "accurate, best first; those of --best compare. Of a network with several weights, the "
        "most accurate that --trained-on admits stand for it. Where no accuracy of it compares, as "
        "of a network of your own, which is counted, on a 3x224x224 image where it brings no "
        "inputs, all networks of that cost are listed.",
    ),
]
_A_TENTH = 0.1
_OPTIONS = ("max_macs", "max_params", "max_memory", "trained_on", "frontier", "best", "near")


def given(options: Mapping[str, Any]) -> list[str]:
    """Return those of the options of this module that were given, as they are written."""
    return [
        f"--{name.replace('_', '-')}" for name in _OPTIONS if options[name] not in (None, False)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The network that others are near to: its MACs, and its facts where they are on file."""

    macs: int
    network: Network | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """The limits that were asked for; None for none."""

    max_macs: float | None
    max_params: float | None
    max_memory: float | None
    trained_on: tuple[str, ...]
    frontier: bool
    best: int | None

    @classmethod
    def parse(cls, options: Mapping[str, Any]) -> Filters:
        """Read the options, by their names.  Raises ``BadValueError`` and ``UnknownNameError``."""
        trained_on = options["trained_on"]
        asked = [each for each in words(trained_on or "") if each]
        if trained_on is not None and not asked:
            raise BadValueError(
                f"--trained-on must be one of {', '.join(GROUPS)}, or several with commas; not "
                f"{trained_on!r}"
            )
        groups = [find("training data", each, GROUPS) for each in asked]
        return cls(
            max_macs=parse_quantity("--max-macs", options["max_macs"]),
            max_params=parse_quantity("--max-params", options["max_params"]),
            max_memory=parse_bytes("--max-memory", options["max_memory"]),
            trained_on=tuple(groups),
            frontier=options["frontier"],
            best=options["best"],
        )

    def choose(self, networks: Sequence[Network], near: Reference | None = None) -> list[Network]:
        """Return the networks within the limits, in their order, or the best first."""
        found = self.admitted(networks)
        if near is not None:
            found = better(found, near)
        if self.best is None and near is None and not self.frontier:
            return found
        ranked = best(found)
        return (on_frontier(ranked) if self.frontier else ranked)[: self.best]

    def admitted(self, networks: Sequence[Network]) -> list[Network]:
        """Return the networks within the limits, in their order."""
        within = [each for each in networks if self._is_within(each)]
        unknown = [each for each in within if each.trained_on is None]
        if self.trained_on and unknown:
            note(f"{plural(len(unknown), 'network')} left out: the training data is not known")
        return [each for each in within if self._saw(each)]

    def reference(self, found: Sequence[Network]) -> Reference:
        """Return the one of a network's weights and sizes that stands for it, and say which.

        It is the most accurate one that compares and saw the data that was asked for; of those
        that do not compare, the first.
        """
        alike = [each for each in found if each.comparable]
        asked = [each for each in alike if self._saw(each)]
        network = best_first(asked or alike)[0] if alike else found[0]
        top1 = f"top-1 {network.top1:g} %" if alike else "no top-1 that compares"
        note(f"near {network.name} at {network.input_size}: {network.macs:,} MACs, {top1}")
        return Reference(macs=network.macs, network=network)

    def _is_within(self, network: Network) -> bool:
        limits = (
            (network.macs, self.max_macs),
            (network.params, self.max_params),
            (network.analytic_memory_bytes, self.max_memory),
        )
        return all(most is None or (cost is not None and cost <= most) for cost, most in limits)

    def _saw(self, network: Network) -> bool:
        return not self.trained_on or network.trained_on in self.trained_on


def best(networks: Sequence[Network]) -> list[Network]:
    """Sort the networks whose accuracies compare, best first, and say how many do not."""
    alike = [each for each in networks if each.comparable]
    datasets = ordered_datasets(each.dataset for each in alike)
    ranked = [each for each in alike if each.dataset == datasets[0]]
    if left := len(networks) - len(ranked):
        where = f" on {dataset_label(datasets[0])}" if datasets else ""
        note(
            f"{plural(left, 'network')} left out of the ranking: no top-1{where} by one central "
            "view of the size that is counted"
        )
    return best_first(ranked)


def on_frontier(networks: Sequence[Network]) -> list[Network]:
    """Return the networks that no other beats in MACs and top-1, best first."""
    kept = pareto([(each.macs, each.top1 or 0) for each in networks])
    return best_first([networks[at] for at in kept])


def best_first(networks: Sequence[Network]) -> list[Network]:
    """Sort networks by their top-1, the highest first."""
    return sorted(networks, key=lambda each: (-(each.top1 or 0), each.macs))


def better(networks: Sequence[Network], near: Reference) -> list[Network]:
    """Return the networks that cost about as much and are not known to be less accurate."""
    itself, margin = near.network, _A_TENTH * near.macs
    found = [
        each
        for each in networks
        if abs(each.macs - near.macs) <= margin and (itself is None or each.name != itself.name)
    ]
    if itself is None or itself.top1 is None or not itself.comparable:
        note(
            f"no accuracy of {itself.name if itself else 'the network'} compares: all networks of "
            "like cost that have one are listed, not more accurate ones alone"
        )
        return found
    least = itself.top1
    return [each for each in found if each.dataset == itself.dataset and (each.top1 or 0) > least]
