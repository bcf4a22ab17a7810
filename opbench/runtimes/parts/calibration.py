"""Images that a network is calibrated on before it is quantised, in a file that processes share.

Static quantisation takes the range of each activation from images.  The first of the file are for
that; a few others show how far the outputs are off, as those that set the ranges would flatter it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from opbench.errors import BadValueError
from opbench.files import write
from opbench.runtimes.parts.calibrated_on import Calibration
from opbench.runtimes.parts.flat import tensors_in
from opbench.runtimes.runtime import Example, ExecutionSettings


def kept(images: Tensor, number: int, path: Path) -> Calibration:
    """Write images, of which the first ``number`` are to calibrate on, into a file."""
    values = images.detach().to("cpu", torch.float32).contiguous().numpy()
    content = BytesIO()
    np.save(content, values)
    write(path, content.getvalue())
    digest = hashlib.sha256(str(values[:number].shape).encode())
    digest.update(values[:number].tobytes())
    return Calibration(path=str(path), images=number, sha256=digest.hexdigest())


def calibration_batches(
    settings: ExecutionSettings, example: Example, name: str
) -> Iterator[np.ndarray[Any, np.dtype[np.float32]]]:
    """Return the images to calibrate on in batches of the example's size, for the runtime ``name``.

    The last batch is filled up with the first images.  Raises ``BadValueError`` where there are
    none, or the network takes something else.
    """
    if settings.calibration is None:
        raise BadValueError(f"{name} calibrates int8 on images: add --data PATH")
    images, tensors = _mapped(settings.calibration), tensors_in((example.args, example.kwargs))
    if len(tensors) != 1 or tensors[0].shape[1:] != images.shape[1:]:
        raise BadValueError(
            "int8 is calibrated on images, and the network takes something else: "
            "use --dtype float32"
        )
    size, number = tensors[0].shape[0], settings.calibration.images
    starts = range(0, number, size)
    return (images[np.arange(start, start + size) % number] for start in starts)


def images_to_check_on(calibration: Calibration, size: int) -> Iterator[Tensor]:
    """Yield batches of ``size`` of the images that set no range, of all where there are no such."""
    images = _mapped(calibration)
    others = images[calibration.images :] if len(images) > calibration.images else images
    for start in range(0, len(others), size):
        yield torch.from_numpy(others[np.arange(start, start + size) % len(others)])


def _mapped(calibration: Calibration) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return the images, which stay in the file until they are read."""
    found: np.ndarray[Any, np.dtype[np.float32]] = np.load(calibration.path, mmap_mode="r")
    return found
