"""Images through the network: a line for each batch, one for each image without an answer.

Where outputs of a batch differ from those of each image alone, by another order of summation, an
answer could depend on the batch size and on the shard.  In float32 an image whose best classes are
that close is asked again alone, and that answer counts; in half precision, where it would be most
of them, only the images of the first batch are asked again, and how many answered otherwise is
said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat

from torch import Tensor

from opbench.accuracy.measured.lines import BatchLine, Unanswered
from opbench.accuracy.measured.preprocessing import Preprocessing
from opbench.evaluation.classifier import Classifier
from opbench.evaluation.data.image_set import LabelledImage
from opbench.evaluation.outputs import Ranked, finite, ranked, too_close
from opbench.evaluation.reading import Batch, batches


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The images of a batch, and the threads that decode."""

    batch_size: int
    workers: int


def answer(
    images: Iterable[LabelledImage],
    classifier: Classifier,
    preprocessing: Preprocessing,
    pace: Pace,
) -> Iterator[BatchLine | Unanswered]:
    """Yield the answers to ``images``, batch by batch, each image once.

    Raises ``CountError`` where the forward pass fails, ``TargetError`` for outputs that are no
    classes.
    """
    first = True
    read = batches(images, preprocessing, size=pace.batch_size, workers=pace.workers)
    for each in read:
        if isinstance(each, Unanswered):
            yield each
            continue
        yield from _answered(each, classifier, preprocessing, probed=first)
        first = False


def _answered(
    batch: Batch, classifier: Classifier, preprocessing: Preprocessing, *, probed: bool
) -> Iterator[BatchLine | Unanswered]:
    inputs, copy_s = classifier.placed(batch.inputs, preprocessing)
    outputs, forward_s = classifier.outputs(inputs)
    problems = [*map(_problem, batch.images, finite(outputs), repeat(outputs.shape[1]))]
    for image, problem in zip(batch.images, problems, strict=True):
        if problem:
            yield Unanswered(id=image.id, reason=problem)
    ranks = ranked(outputs)
    again = _asked_again(classifier, inputs, outputs, ranks, probed=probed)
    changed = sum(ranks[index].top != each.top for index, each in again.items())
    if classifier.settles_ties:
        ranks = [again.get(index, each) for index, each in enumerate(ranks)]
    kept = [index for index, problem in enumerate(problems) if not problem]
    if kept:
        yield BatchLine(
            ids=tuple(batch.images[index].id for index in kept),
            labels=tuple(batch.images[index].labels for index in kept),
            top=tuple(ranks[index].top for index in kept),
            margins=tuple(ranks[index].margins for index in kept),
            decode_s=batch.decode_s,
            resize_s=batch.resize_s,
            copy_s=copy_s,
            forward_s=forward_s,
            alone=len(again),
            changed=changed,
        )


def _problem(image: LabelledImage, finite: bool, classes: int) -> str:
    """Return why an image has no answer, "" where it has one."""
    if not finite:
        return "the network's outputs are not finite numbers"
    outside = [label for label in image.labels if label >= classes]
    return f"its class {outside[0]} is none of the network's {classes}" if outside else ""


def _asked_again(
    classifier: Classifier, inputs: Tensor, outputs: Tensor, ranks: list[Ranked], *, probed: bool
) -> dict[int, Ranked]:
    """Return the answers to images that are asked once more, each alone, by their place."""
    if len(inputs) == 1:
        return {}
    if classifier.settles_ties:
        chosen = too_close(outputs, ranks)
    else:
        chosen = [*range(len(inputs))] if probed else []
    alone = {index: classifier.outputs(inputs[index : index + 1])[0] for index in chosen}
    return {index: ranked(each)[0] for index, each in alone.items() if all(finite(each))}
