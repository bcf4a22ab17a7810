"""``evaluate``: a module on labelled images in Python; nothing is written.

The module answers where it is, on the device and in the data type of its parameters, and is left as
it was found.
"""

from __future__ import annotations

import operator
import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from opbench import __version__
from opbench.accuracy.measured.evaluation import Evaluation
from opbench.accuracy.measured.lines import EVALUATION, BatchLine, EvaluationHeader, Unanswered
from opbench.accuracy.measured.preprocessing import Preprocessing
from opbench.counting.inputs import require_module
from opbench.counting.tracing.torch_state import kept_settings
from opbench.errors import BadValueError
from opbench.evaluation.classifier import Classifier
from opbench.evaluation.data.image_set import ImageSet, LabelledImage
from opbench.evaluation.data.opening import open_images
from opbench.evaluation.loop import Pace, answer
from opbench.evaluation.network import channels_of
from opbench.registry.weights import sha256_of
from opbench.runs.state import available_cores
from opbench.runtimes import ExecutionSettings, find
from opbench.runtimes.parts.any_shape import AnyShape
from opbench.timing.measurement import device_of, evaluating
from opbench.timing.tf32 import set_tf32


def evaluate(
    module: nn.Module,
    images: str | Path | Iterable[tuple[Any, int]],
    *,
    preprocessing: Preprocessing | None = None,
    classes: str | Path | None = None,
    batch_size: int = 32,
    workers: int | None = None,
) -> Evaluation:
    """Return the answers of ``module`` to every image, and its top-1 and top-5 with intervals.

    ``images`` is a path as `opbench evaluate --data` takes it, with ``classes`` as there, or pairs
    of an image and its class, a number from 0: a path, encoded bytes, a PIL image, or a tensor,
    channels x height x width, which is taken as it is.  Without ``preprocessing`` images keep their
    size, and their values are scaled to 0 to 1.  ``workers`` threads decode, by default one per
    core.

    Raises ``BadValueError`` for anything but a module, for a class that is no number from 0 and for
    a batch size or workers below 1, ``BadFileError`` for images that cannot be had, ``CountError``
    where a forward pass fails, ``TargetError`` for outputs that are no classes.
    """
    require_module(module)
    if batch_size < 1:
        raise BadValueError(f"batch_size must be a positive integer, not {batch_size}")
    if workers is not None and workers < 1:
        raise BadValueError(f"workers must be a positive integer, not {workers}")
    if isinstance(images, str | Path):
        where = None if classes is None else Path(classes)
        found = open_images(images, classes=where)
    else:
        found = ImageSet(path="", layout="pairs", images=tuple(_labelled(images)))
    chosen = preprocessing or _as_they_are(module)
    pace = Pace(batch_size=batch_size, workers=workers or available_cores())
    with kept_settings(), evaluating(module):
        set_tf32(False)
        lines = [*answer(found.images, _classifier(module), chosen, pace)]
    batches = tuple(line for line in lines if isinstance(line, BatchLine))
    unanswered = tuple(line for line in lines if isinstance(line, Unanswered))
    return Evaluation(
        header=_header(module, found, chosen, pace),
        batches=batches,
        unanswered=found.problems + unanswered,
    )


def _labelled(pairs: Iterable[tuple[Any, int]]) -> Iterator[LabelledImage]:
    for index, (image, label) in enumerate(pairs):
        yield LabelledImage(id=str(index), labels=(_class(label, index),), read=partial(_of, image))


def _class(label: Any, index: int) -> int:
    try:
        number = operator.index(label)
    except TypeError:
        number = -1
    if number < 0:
        raise BadValueError(f"image {index} has the class {label!r}: write a number from 0")
    return number


def _of(image: Any) -> Any:
    return Path(image).read_bytes() if isinstance(image, str | Path) else image


def _as_they_are(module: nn.Module) -> Preprocessing:
    return Preprocessing(channels=1 if channels_of(module) == 1 else 3, source="images as they are")


def _classifier(module: nn.Module) -> Classifier:
    dtypes = [each.dtype for each in module.parameters() if each.is_floating_point()]
    return Classifier(
        module=module,
        forward=AnyShape(find("eager"), module, ExecutionSettings()),
        device=str(device_of(module)),
        dtype=dtypes[0] if dtypes else torch.float32,
    )


def _header(
    module: nn.Module, images: ImageSet, preprocessing: Preprocessing, pace: Pace
) -> EvaluationHeader:
    return EvaluationHeader(
        format=EVALUATION.version,
        opbench=__version__,
        started=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        name=type(module).__name__,
        preprocessing=preprocessing,
        weights="as built",
        weights_sha256=sha256_of(module),
        data=images.path,
        layout=images.layout,
        dataset=images.dataset,
        images=len(images.images) + len(images.problems),
        manifest_sha256=images.manifest_sha256,
        group="in memory",
        batch_size=pace.batch_size,
        workers=pace.workers,
    )
