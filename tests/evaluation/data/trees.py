"""Make small data sets of every layout."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from torch import Tensor

from opbench.evaluation.data.image_set import ImageSet


def encoded(value: int = 0, *, kind: str = "PNG") -> bytes:
    """Encode an image of 4 x 3 pixels of one grey value."""
    file = io.BytesIO()
    Image.new("L", (4, 3), value).save(file, kind)
    return file.getvalue()


def plant(root: Path, *names: str) -> Path:
    """Write an image for each name; its grey value is the position of the name."""
    for value, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(value, kind="JPEG" if path.suffix == ".jpg" else "PNG"))
    return root


def idx(*shape: int, data: bytes | None = None, magic: bytes | None = None) -> bytes:
    """Return the bytes of an IDX file; zeros unless ``data`` is given."""
    size = 1
    for extent in shape:
        size *= extent
    head = magic or bytes((0, 0, 8, len(shape)))
    return head + struct.pack(f">{len(shape)}I", *shape) + (bytes(size) if data is None else data)


def write_pair(
    folder: Path,
    stem: str,
    *,
    number: int = 3,
    ending: str = "",
    pack: Callable[[bytes], bytes] = bytes,
) -> Path:
    """Write images of 2 rows and 3 columns with labels 0, 1, 2, ... and return their path."""
    images = folder / f"{stem}-images-idx3-ubyte{ending}"
    pixels = b"".join(bytes((index,)) * 6 for index in range(number))
    images.write_bytes(pack(idx(number, 2, 3, data=pixels)))
    labels = folder / f"{stem}-labels-idx1-ubyte{ending}"
    labels.write_bytes(pack(idx(number, data=bytes(range(number)))))
    return images


def grey(found: ImageSet, index: int) -> int:
    """Read an image of a set, and return the grey value of its first pixel."""
    read = found.images[index].read()
    assert not isinstance(read, Tensor)
    image = Image.open(io.BytesIO(read)) if isinstance(read, bytes) else read
    return image.convert("L").tobytes()[0]


def labelled(found: ImageSet) -> dict[str, tuple[int, ...]]:
    """Return the labels by id."""
    return {image.id: image.labels for image in found.images}


def problems(found: ImageSet) -> dict[str, str]:
    """Return the reasons by id, each id once and none of them an image's."""
    reasons = {problem.id: problem.reason for problem in found.problems}
    assert len(reasons) == len(found.problems)
    assert not reasons.keys() & labelled(found).keys()
    return reasons
