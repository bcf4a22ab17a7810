"""Choose networks by what they cost and by the data behind their accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from opbench.cli.options import parse_quantity, words
from opbench.cli.render import note, plural
from opbench.names import find
from opbench.spec import dataset_label, ordered_datasets
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


Near = Annotated[
    str | None,
    typer.Option(
        metavar="TARGET",
        help="Only networks that need as many MACs as this one, give or take a tenth, and are more "
        "accurate, best first; those of --best compare. A network of your own is counted, on a "
        "3x224x224 image where it brings no inputs.",
    ),
]
_A_TENTH = 0.1


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
    trained_on: tuple[str, ...]
    best: int | None

    @classmethod
    def parse(
        cls, max_macs: str | None, max_params: str | None, trained_on: str | None, best: int | None
    ) -> Filters:
        """Read the options.  Raises ``BadValueError`` and ``UnknownNameError``."""
        groups = [find("training data", each, GROUPS) for each in words(trained_on or "") if each]
        return cls(
            max_macs=parse_quantity("--max-macs", max_macs),
            max_params=parse_quantity("--max-params", max_params),
            trained_on=tuple(groups),
            best=best,
        )

    @property
    def any(self) -> bool:
        """True where something is asked for."""
        return bool(self.max_macs or self.max_params or self.trained_on or self.best)

    def choose(self, networks: Sequence[Network], near: Reference | None = None) -> list[Network]:
        """Return the networks within the limits, in their order, or the best first."""
        found = [each for each in networks if self._admits(each)]
        if near is not None:
            found = better(found, near)
        return found if self.best is None and near is None else best(found)[: self.best]

    def _admits(self, network: Network) -> bool:
        return (
            (self.max_macs is None or network.macs <= self.max_macs)
            and (self.max_params is None or network.params <= self.max_params)
            and (not self.trained_on or network.trained_on in self.trained_on)
        )


def best(networks: Sequence[Network]) -> list[Network]:
    """Sort the networks whose accuracies compare, best first, and say how many do not."""
    alike = [each for each in networks if _compares(each)]
    datasets = ordered_datasets(each.dataset for each in alike)
    ranked = [each for each in alike if each.dataset == datasets[0]]
    if left := len(networks) - len(ranked):
        where = f" on {dataset_label(datasets[0])}" if datasets else ""
        note(
            f"{plural(left, 'network')} left out of the ranking: no top-1{where} by one central "
            "view of the size that is counted"
        )
    return sorted(ranked, key=lambda each: (-(each.top1 or 0), each.macs))


def better(networks: Sequence[Network], near: Reference) -> list[Network]:
    """Return the networks that cost about as much and are not known to be less accurate."""
    itself, margin = near.network, _A_TENTH * near.macs
    found = [
        each
        for each in networks
        if abs(each.macs - near.macs) <= margin and (itself is None or each.name != itself.name)
    ]
    if itself is None or itself.top1 is None or not _compares(itself):
        return found
    least = itself.top1
    return [each for each in found if each.dataset == itself.dataset and (each.top1 or 0) > least]


def _compares(network: Network) -> bool:
    """Return whether the accuracy is of one view of images of the size that is counted."""
    accuracy = network.accuracy
    known = accuracy and accuracy.top1 is not None and network.single_crop
    return bool(known and accuracy and accuracy.input_size == network.input_size)
