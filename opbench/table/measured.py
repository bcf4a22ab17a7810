"""Measured accuracies, beside what was published: which counts, and whether the two agree.

Of the accuracies of a network charts, ``list`` and claims use one, in this order:

    the reader's own   of ``--accuracies FILE``, which was asked for on the command line
    measured           by an evaluation of the whole test set, at the input size that is counted
    published          the primary row of ``published.csv``, or what its library states

An evaluation is of the *whole* test set when every image was answered once and has the label of the
data set itself.  One that is not, one at another input size than the network is counted at, one
that does not say which data set it is of, and one in a runtime whose outputs are not those of the
network stand beside the published accuracy.

Of several evaluations of a network on one data set the first by this order counts: those of the
whole set before others, those in float32 and eager execution, those that compare with what was
published, those by a protocol that is no choice of ``opbench evaluate --vary``; then the newest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Self

from opbench.accuracy import Accuracy, load_published
from opbench.accuracy.interval import TEST_IMAGES
from opbench.accuracy.measured.evaluation import Evaluation, Share
from opbench.accuracy.measured.lines import EvaluationHeader
from opbench.record import USUAL, Totals
from opbench.spec import Shape, dataset_label
from opbench.zoo.libraries import library_of
from opbench.zoo.rows import load

MEASURED = "measured"  # where ``Accuracy.evidence`` says how a published one was read
HERE = "measured here"  # the first words of ``Accuracy.source``
AGREES = "agrees"
_VARIED = "--vary"  # how the source of a protocol begins that is one of several choices


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedVerdict:
    """A published accuracy beside a measured one of the same network.

    published: top-1 in percent.  source: the place where it is printed.
    verdict: "agrees", "differs by +0.82" in points, or "not comparable: " and the reason.
    reason: why they do not compare; of those that do, how the network ran where that was not in
        float32 and eager execution, else "".
    difference: points, measured minus published; None where they do not compare.
    """

    published: float
    source: str
    verdict: str
    reason: str
    difference: float | None

    @property
    def comparable(self) -> bool:
        """True where both are of the same images, seen in the same way."""
        return self.difference is not None

    def __str__(self) -> str:
        return (
            f"{self.verdict} ({self.reason})" if self.comparable and self.reason else self.verdict
        )


def against_published(evaluation: Evaluation) -> PublishedVerdict | None:
    """Compare a measured top-1 with the published one of the same network.

    They agree where the published one lies in the interval of the measured, or is the measured one
    as rounded in print.  Of several published rows the first that compares is taken, the primary
    one before others, else the one that differs in least.  None where nothing is published, or
    nothing was answered.
    """
    measured, rows = evaluation.top1, _printed_of(evaluation.header)
    if measured is None or not rows:
        return None
    differing = [[*_differences(evaluation, row)] for row in rows]
    at = min(range(len(rows)), key=lambda at: len(differing[at]))
    row, reason = rows[at], "; ".join(differing[at])
    difference = measured.value - row.top1
    agrees = measured.low <= row.top1 <= measured.high or abs(difference) <= _rounding(row.top1)
    verdict = AGREES if agrees else f"differs by {difference:+.2f}"
    return PublishedVerdict(
        published=row.top1,
        source=row.source,
        verdict=f"not comparable: {reason}" if reason else verdict,
        reason=reason or unusual(evaluation.header),
        difference=None if reason else difference,
    )


class _Printed(NamedTuple):
    """A published accuracy; ``resize`` and ``interpolation`` are empty where it does not say."""

    top1: float
    dataset: str
    protocol: str
    input_size: Shape
    source: str
    resize: int | None = None
    interpolation: str = ""


def _printed_of(header: EvaluationHeader) -> list[_Printed]:
    """Return what was published of a network, the primary row first.

    A library states it of a set of weights, which the network's name need not say.
    """
    name = _library_weights(header) or header.name
    if library := library_of(name):
        return [
            _Printed(
                *(row.top1, row.dataset, row.protocol, row.input_size, row.source),
                *(row.resize, row.interpolation),
            )
            for row in load(library.name)
            if row.name == name and row.top1 is not None
        ]
    rows = (row for row in load_published() if row.architecture == name and row.confirmed)
    return [
        _Printed(row.top1, row.dataset, row.protocol, row.input_size, row.source)
        for row in sorted(rows, key=lambda row: not row.primary)
        if row.top1 is not None
    ]


def _library_weights(header: EvaluationHeader) -> str:
    """Return the name of the library's weights that were loaded; "" where they are of a file."""
    name = header.weights.partition(" (")[0]
    return name if library_of(name) else ""


def _differences(evaluation: Evaluation, row: _Printed) -> Iterator[str]:
    """Yield why a published accuracy is of something else than an evaluation measured."""
    header, how = evaluation.header, evaluation.header.preprocessing
    if not header.dataset:
        yield (
            "the evaluation does not say which data set it is of; `opbench evaluate --dataset "
            f"{row.dataset}` says so"
        )
    elif header.dataset != row.dataset:
        both = (dataset_label(each) for each in (header.dataset, row.dataset))
        yield "measured on {}, published on {}".format(*both)
        return
    if library_of(header.name) and not _library_weights(header):
        yield f"other weights: {header.weights}"
    if missing := not_whole(evaluation):
        yield missing
    if row.protocol != how.view:
        yield f"another view: {row.protocol or 'none stated'} in print, {how.view} here"
    if how.input_size and how.input_size != row.input_size:
        yield f"another input size: {row.input_size} in print, {how.input_size} here"
    if row.resize and set(how.resize) != {row.resize}:
        yield f"resized to {row.resize} in print, {how.resize or 'not at all'} here"
    elif row.interpolation and row.interpolation != how.interpolation:
        yield f"resized by {row.interpolation} interpolation in print, {how.interpolation} here"


def not_whole(evaluation: Evaluation) -> str:
    """Say why an evaluation is not of the whole test set; "" where it is."""
    header = evaluation.header
    known = TEST_IMAGES.get(header.dataset)
    if header.limit and header.images != known:
        return f"of {header.images:,} images drawn at random"
    if not evaluation.complete:
        again = f", {len(evaluation.twice):,} of them twice" if evaluation.twice else ""
        return f"{evaluation.images:,} of {header.images:,} images answered{again}"
    if header.labels:
        return f"by the labels of {header.labels}, not the data set's own"
    if known and header.images != known:
        label = dataset_label(header.dataset)
        return f"of {header.images:,} images, where the test set of {label} has {known:,}"
    return ""


def unusual(header: EvaluationHeader) -> str:
    """Say how a network ran where that was not in float32 and eager execution, else ""."""
    parts = [
        header.dtype if header.dtype != USUAL["dtype"] else "",
        header.runtime if header.runtime != USUAL["runtime"] else "",
        header.compile or "",
    ]
    said = ", ".join(filter(None, parts))
    return f"measured in {said}" if said else ""


def _rounding(value: float) -> float:
    """Return half a unit of the last digit printed, and a little for the last bit."""
    decimals = len(f"{value!r}".partition(".")[2])
    return 0.5 * 0.1**decimals + 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredAccuracy:
    """The accuracy that an evaluation measured of a network.

    evaluation: the name of its first file.  input_size: none where the images decide.
    how: the protocol in words.  unusual: how it ran, where not in float32 and eager execution.
    beside: why it does not take the place of a published accuracy, "" where it does.
    against: the published one, None where there is none.
    artefact, weights_sha256: of what answered, in float32; "" where they are not known.
    counts: those of one image, None where the network could not be counted.
    """

    evaluation: str
    started: str
    dataset: str
    images: int
    top1: Share
    top5: Share | None
    protocol: str
    input_size: Shape
    how: str
    unusual: str
    beside: str
    against: PublishedVerdict | None
    artefact: str = ""
    weights_sha256: str = ""
    counts: Totals | None = None

    @classmethod
    def of(cls, evaluation: Evaluation) -> Self | None:
        """Return the accuracy of an evaluation, None where no image was answered."""
        header, top1 = evaluation.header, evaluation.top1
        if top1 is None:
            return None
        return cls(
            evaluation=evaluation_name(evaluation),
            started=header.started,
            dataset=header.dataset,
            images=evaluation.images,
            top1=top1,
            top5=evaluation.top5,
            protocol=header.preprocessing.view,
            input_size=header.preprocessing.input_size,
            how=str(header.preprocessing),
            unusual=unusual(header),
            beside=_beside(evaluation),
            against=against_published(evaluation),
            artefact=header.artefact_id,
            weights_sha256=header.artefact.weights_sha256 if header.artefact else "",
            counts=header.counts,
        )

    @property
    def conditions(self) -> str:
        """The data type and runtime, in words."""
        return self.unusual or f"measured in {USUAL['dtype']}, {USUAL['runtime']}"

    def accuracy(self, name: str, input_size: Shape) -> Accuracy:
        """Return it as the accuracy of the network ``name`` at the size that is counted."""
        return Accuracy(
            architecture=name,
            dataset=self.dataset,
            top1=self.top1.value,
            top5=self.top5.value if self.top5 else None,
            protocol=self.protocol,
            input_size=input_size,
            source=f"{HERE}, evaluation {self.evaluation}",
            source_url="",
            evidence=MEASURED,
            recipe="",
            primary=True,
            note=self.how,
            images=self.images,
        )


def _beside(evaluation: Evaluation) -> str:
    """Say why an evaluation takes no other accuracy's place, "" where it does."""
    header = evaluation.header
    unnamed = "" if header.dataset else "the data set is not known"
    return header.differs or not_whole(evaluation) or unnamed


def evaluation_name(evaluation: Evaluation) -> str:
    """Return the name of an evaluation: that of its first file."""
    return evaluation.paths[0].stem if evaluation.paths else evaluation.header.group


def best_measured(
    evaluations: Iterable[Evaluation],
) -> dict[str, dict[str, MeasuredAccuracy]]:
    """Return the evaluation that counts, by network and data set; ``evaluations`` oldest first."""
    ranked: dict[tuple[str, str], tuple[tuple[bool, ...], MeasuredAccuracy]] = {}
    for evaluation in evaluations:
        if measured := MeasuredAccuracy.of(evaluation):
            key = evaluation.header.name, measured.dataset
            rank = _rank(evaluation, measured)
            if key not in ranked or rank >= ranked[key][0]:
                ranked[key] = rank, measured
    found: dict[str, dict[str, MeasuredAccuracy]] = {}
    for (name, dataset), (_, measured) in ranked.items():
        found.setdefault(name, {})[dataset] = measured
    return found


def _rank(evaluation: Evaluation, measured: MeasuredAccuracy) -> tuple[bool, ...]:
    """Return the order of evaluations as the module's docstring has it; the last counts."""
    return (
        not evaluation.header.differs and not not_whole(evaluation),
        not measured.unusual,
        bool(measured.against and measured.against.comparable),
        not evaluation.header.preprocessing.source.startswith(_VARIED),
    )
