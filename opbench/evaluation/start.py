"""Prepare an evaluation: network, weights, protocol and images, all checked before a file is made.

A file of an evaluation holds one network's answers.  Shards, and what ``--resume`` fills in after a
run that was killed, are files of the same group, which are read as one evaluation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from opbench import __version__
from opbench.accuracy.measured.evaluation import Evaluation
from opbench.accuracy.measured.lines import (
    EVALUATION,
    SHARDS,
    BatchLine,
    EvaluationEnd,
    EvaluationHeader,
    Unanswered,
)
from opbench.accuracy.measured.preprocessing import Preprocessing
from opbench.errors import BadValueError, OpbenchError, UnknownNameError
from opbench.evaluation.calibration import calibrate
from opbench.evaluation.checked import CheckedClassifier
from opbench.evaluation.classifier import Classifier
from opbench.evaluation.data.image_set import ImageSet
from opbench.evaluation.data.opening import open_images
from opbench.evaluation.images import versions
from opbench.evaluation.loop import Pace, answer
from opbench.evaluation.network import EvaluatedNetwork
from opbench.evaluation.reading import read_input
from opbench.evaluation.resuming import changed_since, evaluation_before
from opbench.evaluation.settings import CLASSIFIED, AskedEvaluation
from opbench.files import Appender, remove
from opbench.record import Totals
from opbench.runs.environment import system_facts
from opbench.runtimes import find
from opbench.runtimes.parts.calibrated_on import Calibration
from opbench.runtimes.parts.quantising import require_int8
from opbench.runtimes.runtime import INT8
from opbench.spec import Shape
from opbench.timing.device import open_device
from opbench.timing.tf32 import set_tf32
from opbench.timing.threads import threads_set
from opbench.timing.torch_facts import gpu_facts, torch_facts

# The group of a file that begins one of its own, before it is called after the file.
NEW = "new"
Watch = Callable[[BatchLine | Unanswered], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedEvaluation:
    """An evaluation ready to start.

    images: those that are still to be answered, and the problems that are not on file yet.
    size: of one input.
    before: what was answered already, None for a new one.  changed: how an evaluation of the same
    name that could not be resumed differs, "" where there is none.  calibration: images for int8.
    """

    header: EvaluationHeader
    network: EvaluatedNetwork
    images: ImageSet
    size: Shape
    before: Evaluation | None = None
    changed: str = ""
    calibration: Calibration | None = None

    @property
    def to_do(self) -> int:
        """The number of entries that are still to be answered, or to be named as problems."""
        return len(self.images.images) + len(self.images.problems)

    def take(self, results: Path, watch: Watch) -> Path:
        """Answer the images into a new file, and return its path.  Ctrl-C ends it in good order.

        A file is left only with a line of an image in it.  Raises ``OpbenchError``.
        """
        header = self.header
        with threads_set(header.threads):
            checked = CheckedClassifier.of(
                self.network.module, self.size, header, calibration=self.calibration
            )
        header = replace(header, artefact=checked.artefact)
        writer = EVALUATION.new(results)
        group = writer.path.stem if self.header.group == NEW else self.header.group
        with writer:
            writer.append(EVALUATION.encode(replace(header, group=group)))
            self._into(writer, checked.classifier, watch)
        return writer.path

    def _into(self, writer: Appender, classifier: Classifier, watch: Watch) -> None:
        start, answered, failed = time.monotonic(), 0, 0
        reason = "stopped by an error"
        try:
            # Closed at once, so that nothing is decoded any more after an error.
            with closing(self._lines(classifier)) as lines:
                for line in lines:
                    writer.append(EVALUATION.encode(line))
                    answered += len(line.ids) if isinstance(line, BatchLine) else 0
                    failed += isinstance(line, Unanswered)
                    watch(line)
            reason = "finished"
        except KeyboardInterrupt:
            reason = "interrupted"
            raise
        finally:
            end = EvaluationEnd(
                reason=reason,
                answered=answered,
                unanswered=failed,
                wall_s=time.monotonic() - start,
            )
            if answered or failed or reason == "finished":
                writer.append(EVALUATION.encode(end))
            elif writer.path.exists():  # and not removed already, for a full disk
                remove(writer.path)

    def _lines(self, classifier: Classifier) -> Generator[BatchLine | Unanswered, None, None]:
        yield from self.images.problems
        header = self.header
        with threads_set(header.threads):
            yield from answer(
                self.images.images,
                classifier,
                header.preprocessing,
                Pace(batch_size=header.batch_size, workers=header.workers),
            )


def prepare(
    asked: AskedEvaluation, results: Path, folder: Path, *, resume: bool = False
) -> PreparedEvaluation:
    """Prepare an evaluation, or with ``resume`` what is missing of the newest one like it.

    ``folder`` gets the images that int8 is calibrated on.  Raises ``OpbenchError`` for whatever the
    user can mend.
    """
    if asked.dataset and asked.dataset not in CLASSIFIED:
        known = f"known: {', '.join(CLASSIFIED)}"
        raise UnknownNameError("data set", asked.dataset, CLASSIFIED, see=known)
    device = open_device(asked.settings.device)
    set_tf32(False)
    network = EvaluatedNetwork.build(asked)
    size = network.preprocessing.input_size or _first_size(asked, network.preprocessing)
    network.require(size)
    outputs = network.outputs(size)
    images = _images(asked, outputs)
    calibration = _calibration(asked, network.preprocessing, size, folder)
    header = _header(asked, network, images, outputs, network.counts(size))
    if device.asynchronous:
        header = replace(header, environment=header.environment | gpu_facts(device.name))
    before = evaluation_before(header, results, resume=resume, resumed=asked.resumed)
    if before:
        header = replace(header, group=before.header.group)
    shard = asked.settings.shard
    mine = images.of_shard(shard) if shard else images
    if before and not resume:
        _refuse_again(mine, before)
    return PreparedEvaluation(
        header=header,
        network=network,
        images=_left(mine, before) if before else mine,
        size=size,
        before=before,
        changed=changed_since(header, results) if resume and not before else "",
        calibration=calibration,
    )


def _calibration(
    asked: AskedEvaluation, preprocessing: Preprocessing, size: Shape, folder: Path
) -> Calibration | None:
    """Draw the images that int8 is calibrated on from all those of the path."""
    if asked.settings.dtype != INT8:
        return None
    require_int8(find(asked.settings.runtime))
    return calibrate(open_images(asked.data), preprocessing, size, folder / "calibration.npy")


def _left(images: ImageSet, before: Evaluation) -> ImageSet:
    """Return the images without an answer, and the problems that are not on file."""
    return replace(
        images,
        images=tuple(each for each in images.images if each.id not in before.answers),
        problems=tuple(each for each in images.problems if each.id not in before.failed),
    )


def _images(asked: AskedEvaluation, outputs: int | None = None) -> ImageSet:
    images = open_images(asked.data, classes=asked.classes, labels=asked.labels, outputs=outputs)
    if asked.dataset:
        images = replace(images, dataset=asked.dataset)
    settings = asked.settings
    return images.limited(settings.limit, settings.seed) if settings.limit else images


def _first_size(asked: AskedEvaluation, preprocessing: Preprocessing) -> Shape:
    """Return the size of the first image that can be read, where the images decide."""
    reason = "it is empty"
    for image in _images(asked).images:
        try:
            return Shape(read_input(image, preprocessing).input.shape)
        except (OSError, ValueError) as error:
            reason = str(error)
    raise BadValueError(f"{asked.data} has no image that can be read: {reason}")


def _header(
    asked: AskedEvaluation,
    network: EvaluatedNetwork,
    images: ImageSet,
    outputs: int,
    counts: Totals | None,
) -> EvaluationHeader:
    settings, preprocessing = asked.settings, network.preprocessing
    return EvaluationHeader(
        format=EVALUATION.version,
        opbench=__version__,
        started=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        environment=system_facts() | torch_facts() | versions(preprocessing),
        name=network.name,
        preprocessing=preprocessing,
        weights=network.loaded.weights,
        weights_sha256=network.loaded.sha256,
        weights_file=str(asked.weights or ""),
        data=images.path,
        layout=images.layout,
        dataset=images.dataset,
        images=len(images.images) + len(images.problems),
        manifest_sha256=images.manifest_sha256,
        outputs=outputs,
        counts=counts,
        classes=str(asked.classes or ""),
        labels=str(asked.labels or ""),
        group=SHARDS if settings.shard else NEW,
        shard=str(settings.shard or ""),
        limit=settings.limit if len(images.images) >= settings.limit else 0,  # all of them
        seed=settings.seed,
        device=settings.device,
        dtype=settings.dtype,
        runtime=settings.runtime,
        compile=settings.compile,
        threads=settings.threads,
        batch_size=settings.batch_size,
        workers=settings.workers,
    )


def _refuse_again(images: ImageSet, before: Evaluation) -> None:
    """Raise ``OpbenchError`` where images of a shard have an answer already."""
    if any(image.id in before.answers for image in images.images):
        names = ", ".join(path.stem for path in before.paths)
        raise OpbenchError(
            f"images of this shard have been answered already, in {names}: fill in what is missing "
            "with --resume, or delete that with `opbench runs --delete` to start anew"
        )
