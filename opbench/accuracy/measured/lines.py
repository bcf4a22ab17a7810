"""Lines of an evaluation's file, ``results/evaluations/RUN.jsonl``.

One JSON object each, told apart by ``kind``: a header; a line per batch with every image's id,
labels and best classes; an image that has no answer, with the reason; and the end.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from msgspec import Meta

from opbench.accuracy.measured.preprocessing import Preprocessing
from opbench.line_files import LineFormat
from opbench.record import Artefact, Totals
from opbench.value import AtLeastOne, Natural, Nested, NonNegative, Text, Value

Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
TOP = 5

# The group of all shards, which start without knowing of each other.
SHARDS = "shards"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationHeader(Value):
    """The first line: which network answered, to which images, by which protocol.

    environment: facts of the machine and its software by name, the decoder's version among them.
    weights: where they come from, weights_file: the file that was asked for, "" without one;
        weights_sha256: of all parameters and buffers as loaded.
    data: the path as given; layout: how it was read ("folder", "list", "idx", "parquet").
    dataset: a key of ``spec.DATASETS``, "" where nothing says which.
    images: the number of entries of all shards together, each of which ends as an answer or as
        ``Unanswered``; manifest_sha256: of the ids and labels of the images among them.
    outputs: the number of classes that the network tells apart, 0 if unknown; counts: of one image.
    classes, labels: the files of the order of classes and of re-assessed labels, "" without one.
    group: files of the same group are parts of one evaluation: the name of the first file, or
        ``SHARDS``.
    shard: such as "2/5", "" for all images.
    artefact: what a runtime made of the network, the same as in a run's record; None in files of
        older versions.
    limit: images drawn at random with ``seed``; 0 for all.
    threads: of the runtime on the CPU, None where it chose; workers: threads that decode.
    """

    format: int
    opbench: str = ""
    started: str = ""
    environment: dict[str, Any] = field(default_factory=dict)
    name: Text
    preprocessing: Nested[Preprocessing]
    weights: str
    weights_sha256: Sha256
    weights_file: str = ""
    data: str
    layout: str
    dataset: str = ""
    images: Natural
    manifest_sha256: Sha256
    outputs: Natural = 0
    counts: Totals | None = None
    classes: str = ""
    labels: str = ""
    group: Text
    shard: str = ""
    limit: Natural = 0
    seed: Natural = 0
    device: Text = "cpu"
    dtype: Text = "float32"
    runtime: Text = "eager"
    compile: str | None = None
    artefact: Nested[Artefact] | None = None
    threads: AtLeastOne | None = None
    batch_size: AtLeastOne
    workers: AtLeastOne = 1

    @property
    def work(self) -> tuple[Any, ...]:
        """The facts that are equal where the same images are answered in the same way."""
        return (
            *(self.name, self.weights_sha256, self.preprocessing.sha256, self.manifest_sha256),
            *(self.device, self.dtype, self.runtime, self.compile),
        )

    @property
    def artefact_id(self) -> str:
        """The hash of the artefact that answered, "" where it is not known."""
        return self.artefact.known if self.artefact else ""

    @property
    def differs(self) -> str:
        """The sentence about outputs that are not those of the network, "" where they are."""
        return self.artefact.differs if self.artefact else ""

    @property
    def key(self) -> tuple[Any, ...]:
        """The facts that are equal in all files of one evaluation."""
        return (*self.work, self.group)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLine(Value):
    """The answers to one batch.

    ids: of the images.  labels: the right classes of each, one unless labels were re-assessed.
    top: the best classes of each image, five or as many as there are, best first.
    margins: by how much each of these outputs exceeds the next one, in their order.
    decode_s, resize_s: seconds of work, of all threads together; copy_s and forward_s: of waiting.
    alone: images that were too close to call and were asked again one at a time, of which
        ``changed`` answered otherwise than in their batch.
    """

    ids: tuple[Text, ...]
    labels: tuple[tuple[Natural, ...], ...]
    top: tuple[Annotated[tuple[Natural, ...], Meta(min_length=1)], ...]
    margins: tuple[tuple[NonNegative, ...], ...]
    decode_s: NonNegative = 0.0
    resize_s: NonNegative = 0.0
    copy_s: NonNegative = 0.0
    forward_s: NonNegative = 0.0
    alone: Natural = 0
    changed: Natural = 0

    def __post_init__(self) -> None:
        for name in ("labels", "top", "margins"):
            if len(getattr(self, name)) != len(self.ids):
                raise ValueError(
                    f"{name} are of {len(getattr(self, name))} images, ids of {len(self.ids)}"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered(Value):
    """An image without an answer, or an entry of the data that is none, with the reason."""

    id: Text
    reason: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationEnd(Value):
    """The end: "finished", "interrupted" or "stopped by an error"."""

    reason: str
    answered: Natural = 0
    unanswered: Natural = 0
    wall_s: NonNegative = 0.0


EVALUATION = LineFormat(
    what="evaluation",
    folder="evaluations",
    version=1,
    header=EvaluationHeader,
    kinds={
        "header": EvaluationHeader,
        "batch": BatchLine,
        "unanswered": Unanswered,
        "end": EvaluationEnd,
    },
    go_on="continue with `opbench evaluate --resume`",
)


def manifest_sha256(images: Iterable[tuple[str, Sequence[int]]]) -> str:
    """Return the hash of ids and labels, in whichever order they come."""
    rows = sorted((name, sorted(labels)) for name, labels in images)
    return hashlib.sha256(json.dumps(rows, separators=(",", ":")).encode()).hexdigest()
