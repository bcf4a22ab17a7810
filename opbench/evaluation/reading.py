"""Read images ahead of the network, in threads, and put those of one size into batches."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from opbench.accuracy.measured.lines import Unanswered
from opbench.accuracy.measured.preprocessing import Preprocessing
from opbench.errors import OpbenchError, describe
from opbench.evaluation.data.image_set import LabelledImage
from opbench.evaluation.images import cut, decode

# Seconds that a thread may keep the interpreter from others.  A network asks for it after each
# operator: by the default of 5 ms small networks would mostly wait for the threads that decode.
_SWITCH_S = 5e-5


class Read(NamedTuple):
    """One image, in 8 bits or as an input already, and the seconds that it took."""

    image: LabelledImage
    input: Tensor
    decode_s: float
    resize_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Images of one size, all of 8 bits or all inputs already, in the order of their set."""

    images: tuple[LabelledImage, ...]
    inputs: Tensor
    decode_s: float
    resize_s: float

    @classmethod
    def of(cls, read: list[Read]) -> Batch:
        """Put images together."""
        return cls(
            images=tuple(each.image for each in read),
            inputs=torch.stack([each.input for each in read]),
            decode_s=sum(each.decode_s for each in read),
            resize_s=sum(each.resize_s for each in read),
        )


def batches(
    images: Iterable[LabelledImage], preprocessing: Preprocessing, *, size: int, workers: int
) -> Iterator[Batch | Unanswered]:
    """Yield batches of ``size`` images, fewer at the end and before an image of another kind.

    An image that cannot be read is yielded by itself, with the reason.
    """
    waiting: list[Read] = []
    for each in _read_ahead(images, preprocessing, ahead=2 * size + workers, workers=workers):
        if isinstance(each, Unanswered):
            yield each
            continue
        if waiting and (len(waiting) == size or _kind(waiting[0]) != _kind(each)):
            yield Batch.of(waiting)
            waiting = []
        waiting.append(each)
    if waiting:
        yield Batch.of(waiting)


def _kind(read: Read) -> tuple[torch.Size, torch.dtype]:
    """Return what images of one batch have in common: 8 bits are normalised, inputs are not."""
    return read.input.shape, read.input.dtype


def _read_ahead(
    images: Iterable[LabelledImage], preprocessing: Preprocessing, *, ahead: int, workers: int
) -> Iterator[Read | Unanswered]:
    pool = ThreadPoolExecutor(workers, thread_name_prefix="decode")
    pending: deque[Future[Read | Unanswered]] = deque()
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    try:
        for image in images:
            pending.append(pool.submit(_read, image, preprocessing))
            if len(pending) > ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        sys.setswitchinterval(before)
        pool.shutdown(wait=True, cancel_futures=True)


def read_input(image: LabelledImage, preprocessing: Preprocessing) -> Read:
    """Read one image.  Raises ``OSError`` or ``ValueError`` where it cannot be decoded."""
    start = time.perf_counter()
    found = image.read()
    if isinstance(found, Tensor):
        return Read(image, found.float(), 0.0, 0.0)
    decoded = decode(found, preprocessing)
    middle = time.perf_counter()
    made = cut(decoded, preprocessing)
    return Read(image, made, middle - start, time.perf_counter() - middle)


def _read(image: LabelledImage, preprocessing: Preprocessing) -> Read | Unanswered:
    try:
        return read_input(image, preprocessing)
    except OpbenchError:
        raise
    except Exception as error:  # noqa: BLE001  whatever a decoder raises is about this image
        return Unanswered(id=image.id, reason=describe(error))
