"""IDX files, as of MNIST, Fashion-MNIST and EMNIST: images in one file, labels in another.

    magic number   two zero bytes, the type of the data (8: unsigned bytes), the dimensions
    extents        a big-endian 32-bit integer for each dimension: images, rows, columns
    data           the pixels or labels, one byte each

(http://yann.lecun.com/exdb/mnist/.)  Both files may be compressed by gzip.  Of a folder that has a
test set and training images, the test set (``t10k``, or ``test`` in EMNIST) is taken; an images
file that is named is taken as it is.  MNIST and Fashion-MNIST have the same layout and the same
names, so nothing in the files says which data set they are.
"""

from __future__ import annotations

import gzip
import io
import math
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from opbench.errors import BadFileError, MissingExtraError, remedy
from opbench.escapes import printable
from opbench.evaluation.data.classes import ClassOrder
from opbench.evaluation.data.image_set import ImageSet, LabelledImage
from opbench.evaluation.data.tree import as_utf8

if TYPE_CHECKING:
    from PIL.Image import Image

_IMAGES = re.compile(r"(?P<stem>.*images)[-.]idx3[-.]ubyte(\.gz)?")
_LABELS = re.compile(r".*labels[-.]idx1[-.]ubyte(\.gz)?")
_TEST = re.compile("t10k|test")
_UNSIGNED_BYTES = 8
_GZIP = b"\x1f\x8b"
_LARGEST = 2**31  # bytes: the largest known set, EMNIST's ByClass, has a quarter of it
_DAMAGED = "download it again"


def is_idx(path: Path) -> bool:
    """Return whether a file is called like one of images or labels."""
    return bool(_IMAGES.fullmatch(path.name) or _LABELS.fullmatch(path.name))


def images_files(folder: Path) -> list[Path]:
    """Return the files of images in ``folder``, one where both forms of a file are there."""
    found = sorted(path for path in folder.iterdir() if _IMAGES.fullmatch(path.name))
    return [path for path in found if path.suffix != ".gz" or path.with_suffix("") not in found]


def choose(folder: Path, found: Sequence[Path]) -> tuple[Path, tuple[str, ...]]:
    """Return the images of the test set in ``folder``, and what there is to say about the choice.

    Raises ``BadFileError`` unless there is exactly one.
    """
    test = [path for path in found if _TEST.search(path.name)]
    if len(test) != 1:
        number = len(test) or "no"
        names = ", ".join(printable(path.name) for path in found)
        raise BadFileError(
            f"{folder} has {number} test sets among its images ({names}): name the file of the "
            f"images, as in {found[0]}"
        )
    if len(found) == 1:
        return test[0], ()
    others = ", ".join(printable(path.name) for path in found if path != test[0])
    return test[0], (f"the test set was chosen, {printable(test[0].name)}, and not {others}",)


def open_idx(path: Path, given: ClassOrder | None, notes: Sequence[str] = ()) -> ImageSet:
    """Read the images in ``path``, and their labels in the file beside it.

    Raises ``BadFileError`` where either is damaged or missing, or they do not fit together.
    """
    labels_path = _labels_beside(path)
    (number, rows, columns), pixels = _read(path, 3)
    (labelled,), labels = _read(labels_path, 1)
    if labelled != number:
        raise BadFileError(
            f"{path} has {number} images, and {labels_path.name} has {labelled} labels: "
            "take both files from the same data set"
        )
    stem = as_utf8(_stem(path))
    width = max(5, len(str(number - 1)))
    size = (columns, rows)
    return ImageSet(
        path=str(path),
        layout="idx",
        images=tuple(
            LabelledImage(
                id=f"{stem}/{index:0{width}}",
                labels=(labels[index],),
                read=partial(_image, pixels, size, index),
            )
            for index in range(number)
        ),
        classes=given.names if given else (),
        notes=tuple(notes),
    )


def _image(pixels: bytes, size: tuple[int, int], index: int) -> Image:
    """Copy one image out of the pixels of all."""
    try:
        pillow = import_module("PIL.Image")
    except ImportError as error:
        raise MissingExtraError(
            "images are made by Pillow, which is not installed: pip install 'opbench[images]'"
        ) from error
    area = math.prod(size)
    image: Image = pillow.frombytes("L", size, pixels[index * area : (index + 1) * area])
    return image


def _stem(path: Path) -> str:
    """Return the name without its ending: "t10k-images"."""
    found = _IMAGES.fullmatch(path.name)
    return found["stem"] if found else path.name.partition(".")[0]


def _labels_beside(path: Path) -> Path:
    if _LABELS.fullmatch(path.name):
        raise BadFileError(f"{path} holds labels: name the file of the images beside it")
    if not _IMAGES.fullmatch(path.name):
        raise BadFileError(
            f"{path} has no name by which its labels are found: call them such as "
            "t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte"
        )
    name = _for_labels(path.name)
    plain = name.removesuffix(".gz")
    for each in (name, plain, f"{plain}.gz"):
        if path.with_name(each).is_file():
            return path.with_name(each)
    raise BadFileError(f"{path} has no labels: put {printable(name)} beside it")


def _for_labels(name: str) -> str:
    """Return the name of the labels of images called ``name``."""
    stem = _stem(Path(name))
    return f"{stem.removesuffix('images')}labels{name[len(stem) :].replace('idx3', 'idx1')}"


def _read(path: Path, dimensions: int) -> tuple[tuple[int, ...], bytes]:
    """Return the extents and the bytes of a file.  Raises ``BadFileError``."""
    try:
        with _opened(path) as (file, most):
            shape = _shape(path, file.read(4 + 4 * dimensions), dimensions)
            expected = math.prod(shape)
            # A header may claim any size, for which memory would be asked at once.
            data = file.read(expected + 1) if expected <= min(most, _LARGEST) else b""
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        advice = (isinstance(error, OSError) and remedy(error)) or f"; {_DAMAGED}"
        raise BadFileError(f"{path} cannot be read: {reason}{advice}") from None
    if len(data) != expected:
        more = "more" if len(data) > expected else "fewer"
        told = "x".join(map(str, shape))
        raise BadFileError(f"{path} has {more} bytes than the {told} it states: {_DAMAGED}")
    return shape, data


@contextmanager
def _opened(path: Path) -> Iterator[tuple[io.BufferedIOBase, int]]:
    """Open a file, compressed or not, with the most bytes that it can hold."""
    with path.open("rb") as raw:
        compressed = raw.read(2) == _GZIP
        raw.seek(0)
        size = path.stat().st_size
        if compressed:
            with gzip.GzipFile(fileobj=raw) as file:
                yield file, 1100 * size + 1  # deflate makes nothing smaller than by 1032
        else:
            yield raw, size


def _shape(path: Path, head: bytes, dimensions: int) -> tuple[int, ...]:
    magic = bytes((0, 0, _UNSIGNED_BYTES, dimensions))
    if head[:4] != magic or len(head) != 4 + 4 * dimensions:
        kind = "images" if dimensions == 3 else "labels"
        raise BadFileError(
            f"{path} is no IDX file of {kind}: it begins with {head[:4].hex(' ') or 'nothing'}, "
            f"not with {magic.hex(' ')} and {dimensions} extents; {_DAMAGED}"
        )
    shape = struct.unpack(f">{dimensions}I", head[4:])
    if dimensions == 3 and shape[0] and not shape[1] * shape[2]:
        raise BadFileError(f"{path} has images of {shape[1]}x{shape[2]} pixels: {_DAMAGED}")
    return shape
