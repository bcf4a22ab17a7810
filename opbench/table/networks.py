"""Networks, each with its exact counts for one image and its accuracy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from opbench.accuracy import PUBLISHED_ONLY, Accuracy, ChartPoint, load_published, top1_interval
from opbench.accuracy.own import OWN
from opbench.errors import BadFileError
from opbench.metrics import METRICS, family_key
from opbench.record import Record
from opbench.registry.counts_csv import NetworkRow
from opbench.spec import Shape
from opbench.table.measured import MEASURED, MeasuredAccuracy
from opbench.zoo.families import family_of
from opbench.zoo.libraries import LIBRARIES
from opbench.zoo.rows import ZooRow, load, row_of

# One view of the image: charts draw accuracies by these protocols, and only these, as one kind.
SINGLE_CROP = "single central crop"
ONE_VIEW = (SINGLE_CROP, "full image")
# Facts of the registry that hold at the network's own input size only.
_OF_SIZE = ("linear_macs", "fvcore_macs", "onnx_macs", "witness_note", "stated_macs")
_TRAINED_ON = {"imagenet": "imagenet1k"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """One network: its counts for one image, and its accuracy where one is known.

    ``entry`` is the registry's row of it, ``zoo_row`` that of a library's weights; a network of the
    user's has neither.  ``measured`` is what an evaluation found: it is ``accuracy`` too, unless it
    says why it stands beside.  ``published_only`` is true of a network whose numbers were
    printed but whose definition was not.
    """

    name: str
    label: str
    family: str
    year: int | None = None
    dataset: str
    input_size: Shape
    params: int
    macs: int
    activations: int | None = None
    weight_bytes: int | None = None
    peak_activation_bytes: int | None = None
    entry: NetworkRow | None = None
    zoo_row: ZooRow | None = None
    accuracy: Accuracy | None = None
    measured: MeasuredAccuracy | None = None
    published_only: bool = False

    @classmethod
    def of_registry(cls, row: NetworkRow, accuracy: Accuracy | None) -> Network:
        """Return an entry of the registry."""
        return cls(
            name=row.name,
            label=row.label,
            family=row.family,
            year=row.year,
            dataset=row.dataset,
            input_size=row.input_size,
            **row.totals(),  # type: ignore[arg-type]
            entry=row,
            accuracy=accuracy,
        )

    @classmethod
    def of_zoo(cls, row: ZooRow) -> Network:
        """Return a set of weights of a library."""
        family = family_of(row.architecture)
        return cls(
            name=row.name,
            label=row.weights,
            family=family_key(family.family) if family else row.library.name,
            year=family.year if family else None,
            dataset=row.dataset,
            input_size=row.input_size,
            **row.totals(),  # type: ignore[arg-type]
            zoo_row=row,
            accuracy=_stated_accuracy(row),
        )

    @classmethod
    def of_record(cls, record: Record) -> Network:
        """Return a network that is not built in, as it was run."""
        return cls.of_counts(record.cell.name, _counts(record))

    @classmethod
    def of_counts(cls, name: str, counts: Mapping[str, Any]) -> Network:
        """Return a network that is not built in, taken for one of ImageNet's.

        Weights of a library that are on file at the size that was counted have the accuracy stated.
        """
        provider, _, attribute = name.rpartition(":")
        row = row_of(name, counts["input_size"])
        family = family_of(row.architecture) if row else None
        return cls(
            name=name,
            label=attribute,
            family=provider if provider.isidentifier() else "your own",
            year=family.year if family else None,
            dataset=row.dataset if row else "imagenet",
            zoo_row=row,
            accuracy=_stated_accuracy(row) if row else None,
            **counts,
        )

    def fact(self, column: str) -> Any:
        """Return a column of the row on file.

        None where there is no row, and for a count at another input size than this one.
        """
        row = self.entry or self.zoo_row
        moved = row and row.input_size != self.input_size
        return None if moved and column in _OF_SIZE else getattr(row, column, None)

    @property
    def trained_on(self) -> str | None:
        """The data behind the accuracy: a group of ``opbench.zoo.groups``.

        What papers of the registry print on ImageNet was trained on its 1,000 classes alone; of
        weights that were evaluated here nobody says so.
        """
        if self.zoo_row:
            return self.zoo_row.trained_on
        unsaid = self.own_accuracy or (self.top1_measured and self.dataset in _TRAINED_ON)
        known = self.accuracy and not unsaid
        return _TRAINED_ON.get(self.dataset, "other") if known else None

    @property
    def paper(self) -> str | None:
        """The title of the paper that describes it."""
        return self.entry.paper if self.entry else _of_family(self.zoo_row, "paper")

    @property
    def paper_url(self) -> str | None:
        """The address of that paper."""
        return self.entry.paper_url if self.entry else _of_family(self.zoo_row, "url")

    @property
    def flops(self) -> int:
        """Two operations per multiply-accumulate: for charts only."""
        return 2 * self.macs

    @property
    def analytic_memory_bytes(self) -> int | None:
        """Bytes of the weights and, at their peak, of the activations of one image, as counted."""
        if self.weight_bytes is None or self.peak_activation_bytes is None:
            return None
        return self.weight_bytes + self.peak_activation_bytes

    @property
    def top1(self) -> float | None:
        """Top-1 accuracy in percent."""
        return self.accuracy.top1 if self.accuracy else None

    @property
    def top5(self) -> float | None:
        """Top-5 accuracy in percent."""
        return self.accuracy.top5 if self.accuracy else None

    @property
    def top1_low(self) -> float | None:
        """Lower end of the 95 % interval of top-1, from the number of test images."""
        return self._interval[0]

    @property
    def top1_high(self) -> float | None:
        """Upper end of the 95 % interval of top-1."""
        return self._interval[1]

    @property
    def _interval(self) -> tuple[float, float] | tuple[None, None]:
        images = self.accuracy.images if self.accuracy else None
        known = None if self.top1 is None else top1_interval(self.top1, self.dataset, images)
        return known or (None, None)

    @property
    def own_accuracy(self) -> bool:
        """True when the accuracy is of the reader's own file."""
        return bool(self.accuracy and self.accuracy.evidence == OWN)

    @property
    def top1_measured(self) -> bool:
        """True when the accuracy was measured by an evaluation of the results folder."""
        return bool(self.accuracy and self.accuracy.evidence == MEASURED)

    @property
    def top1_weights(self) -> str | None:
        """The hash of the weights whose accuracy was measured."""
        return (self.measured.weights_sha256 or None) if self.measured else None

    @property
    def top1_told(self) -> str | None:
        """Say in a few words what the accuracy is."""
        if self.top1 is None:
            return None
        if self.top1_measured and self.measured:
            return f"accuracy {self.measured.conditions}"
        return "accuracy of your own" if self.own_accuracy else "published accuracy"

    @property
    def counted_alike(self) -> bool:
        """True where the accuracy was measured of a network with these counts."""
        if not self.top1_measured:
            return False
        counts = self.measured.counts if self.measured else None
        return counts is None or (counts.params, counts.macs) == (self.params, self.macs)

    @property
    def evaluation(self) -> str | None:
        """The name of the evaluation that measured an accuracy of it."""
        return self.measured.evaluation if self.measured else None

    @property
    def measured_top1(self) -> float | None:
        """Top-1 in percent as measured, which may stand beside another."""
        return self.measured.top1.value if self.measured else None

    @property
    def measured_beside(self) -> str | None:
        """Say why the measured accuracy is not the one that counts."""
        return (self.measured.beside or None) if self.measured else None

    @property
    def published_source(self) -> str | None:
        """The source of the published accuracy that stands beside a measured one."""
        against = self.measured.against if self.measured else None
        return against.source if against else None

    @property
    def published_top1(self) -> float | None:
        """Top-1 in percent as published, beside a measured one; None without that."""
        against = self.measured.against if self.measured else None
        return against.published if against else None

    @property
    def top1_verdict(self) -> str | None:
        """The published top-1 against the measured one; None where one of them is not known."""
        against = self.measured.against if self.measured else None
        return str(against) if against else None

    @property
    def density(self) -> float | None:
        """Top-1 in percent per million parameters."""
        if self.top1 is None or not self.params:
            return None
        return self.top1 / (self.params * METRICS["params"].scale)

    @property
    def protocol(self) -> str | None:
        """The protocol of the accuracy."""
        return self.accuracy.protocol if self.accuracy else None

    @property
    def single_crop(self) -> bool:
        """True when the accuracy is of one view of the image."""
        return self.protocol in ONE_VIEW

    @property
    def comparable(self) -> bool:
        """True when the accuracy is of one view of images of the size that is counted."""
        accuracy = self.accuracy
        known = accuracy and accuracy.top1 is not None and self.single_crop
        return bool(known and accuracy and accuracy.input_size == self.input_size)

    @property
    def source(self) -> str | None:
        """The source of the accuracy."""
        return self.accuracy.source if self.accuracy else None

    @property
    def source_url(self) -> str | None:
        """The address of the source."""
        return self.accuracy.source_url or None if self.accuracy else None


def _of_family(row: ZooRow | None, column: str) -> str | None:
    family = family_of(row.architecture) if row else None
    return getattr(family, column) or None if family else None


def _stated_accuracy(row: ZooRow) -> Accuracy | None:
    if row.top1 is None:
        return None
    return Accuracy(
        architecture=row.name,
        dataset=row.dataset,
        top1=row.top1,
        top5=row.top5,
        protocol=row.protocol,
        input_size=row.input_size,
        source=row.source,
        source_url=row.address,
        evidence="read",
        recipe="modern",
        primary=False,
        note="",
    )


def read_networks(
    rows: Iterable[NetworkRow], records: Iterable[Record], accuracies: Mapping[str, Accuracy]
) -> tuple[Network, ...]:
    """Return the registry's networks and those that only ``records`` know, sorted by name.

    The smallest batch of a network stands for it.  Raises ``BadFileError`` for a repeated name.
    """
    networks: dict[str, Network] = {}
    for row in rows:
        if row.name in networks:
            raise BadFileError(f"the registry's counts: {row.name} has two rows")
        networks[row.name] = Network.of_registry(row, accuracies.get(row.name))
    for record in _by_batch(records):
        if record.cell.name not in networks:
            networks[record.cell.name] = Network.of_record(record)
    return tuple(networks[name] for name in sorted(networks))


@cache
def zoo_networks() -> tuple[Network, ...]:
    """Return every set of weights on file, at each of its sizes.

    Raises ``BadFileError`` naming file and line.
    """
    return tuple(Network.of_zoo(row) for library in LIBRARIES for row in load(library))


def by_size(
    networks: Sequence[Network], records: Iterable[Record]
) -> dict[str, dict[Shape, Network]]:
    """Return each network at each size that it was counted at, by name, its own first."""
    counted = {network.name: {network.input_size: network} for network in networks}
    for record in _by_batch(records):
        sizes = counted[record.cell.name]
        first = next(iter(sizes.values()))
        sizes.setdefault(record.cell.input_size, replace(first, **_counts(record)))
    return counted


def _by_batch(records: Iterable[Record]) -> list[Record]:
    return sorted(records, key=lambda each: (each.cell.name, each.cell.batch_size))


def _counts(record: Record) -> dict[str, Any]:
    """Return the counts of a record for one image, by the names of ``Network``."""
    cell, load = record.cell, record.load
    return {
        "input_size": cell.input_size,
        "params": load.params,
        "macs": load.macs // cell.batch_size,
        "activations": load.activations // cell.batch_size,
        "weight_bytes": load.weight_bytes,
        "peak_activation_bytes": load.peak_activation_bytes if cell.batch_size == 1 else None,
    }


def published_only(points: Iterable[ChartPoint]) -> tuple[Network, ...]:
    """Return the networks of the 2016 chart that cannot be run."""
    printed = {row.architecture: row for row in load_published() if row.primary}
    return tuple(
        Network(
            name=point.architecture,
            label=f"{point.label} (2016)",
            family=point.label.lower(),
            dataset=printed[point.architecture].dataset,
            input_size=printed[point.architecture].input_size,
            params=round(point.params_millions * 1e6),
            macs=round(point.gops_2xmac * 1e9 / 2),
            accuracy=printed[point.architecture],
            published_only=True,
        )
        for point in points
        if point.architecture in PUBLISHED_ONLY
    )
