"""Prepare the images that networks are calibrated on for int8, by each network's own protocol.

They are drawn from all images of a path with one seed, and their labels are not looked at: a run, a
comparison and an evaluation of the same path calibrate a network on the same images, whatever part
of them an evaluation answers.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from opbench.accuracy.measured.preprocessing import Preprocessing
from opbench.errors import BadFileError, BadValueError, OpbenchError
from opbench.evaluation.data.image_set import ImageSet
from opbench.evaluation.data.opening import open_images
from opbench.evaluation.images import normalised
from opbench.evaluation.protocols import protocol_of
from opbench.evaluation.reading import read_input
from opbench.record import Cell
from opbench.registry.targets import resolve
from opbench.runs.start import Prepared
from opbench.runtimes import find
from opbench.runtimes.parts.calibrated_on import Calibration, calibration_key
from opbench.runtimes.parts.calibration import kept
from opbench.runtimes.parts.quantising import require_int8
from opbench.runtimes.runtime import INT8
from opbench.spec import Shape

# To calibrate on, and others that show how far the outputs are off.
IMAGES, OTHERS = 64, 8
_SEED = 0


def calibrated(prepared: Prepared, data: Path, folder: Path) -> Prepared:
    """Return a run whose int8 networks have their images in ``folder``.

    Raises ``OpbenchError`` where a run is resumed with other images.
    """
    found = calibrations(prepared.state.plan, data, folder)
    for cell, artefact in prepared.state.artefacts.items():
        now = found.get(calibration_key(cell.name, cell.input_size))
        if cell.dtype == INT8 and now and now.sha256 != artefact.calibration_sha256:
            raise OpbenchError(
                f"{cell.name} was calibrated on other images of {data}: start a new run"
            )
    return replace(prepared, settings=replace(prepared.settings, calibrations=found))


def require_data(names: Iterable[str], data: Path | None) -> Path:
    """Return ``data``, for int8 in the runtimes ``names``.

    Raises ``BadValueError`` for int8 without images, images without int8, and runtimes of which
    none quantises.
    """
    runtimes = [*map(find, names)]
    if runtimes and not any(each.quantises for each in runtimes):
        require_int8(runtimes[0])
    if data is None:
        raise BadValueError("--dtype int8 is calibrated on images: add --data PATH")
    if not runtimes:
        raise BadValueError("--data is for --dtype int8: remove it, or add that")
    return data


def calibrations(cells: Iterable[Cell], data: Path, folder: Path) -> dict[str, Calibration]:
    """Keep the images of all int8 cells in ``folder``, and return them by ``calibration_key``."""
    wanted = {
        calibration_key(cell.name, cell.input_size): cell for cell in cells if cell.dtype == INT8
    }
    images = open_images(data)
    return {
        key: calibrate(images, _protocol(cell), cell.input_size, folder / f"{number}.npy")
        for number, (key, cell) in enumerate(wanted.items())
    }


def _protocol(cell: Cell) -> Preprocessing:
    (target,) = resolve([cell.name])
    size = cell.input_size
    return protocol_of(target.name, input_size=size, channels=(*size, 3)[0])


def calibrate(
    images: ImageSet, preprocessing: Preprocessing, size: Shape, path: Path
) -> Calibration:
    """Draw images, make them inputs of ``size``, and keep them in a file.

    Raises ``BadFileError`` where none can be read, ``BadValueError`` where they become inputs of
    another size.
    """
    found: list[Tensor] = []
    for each in _inputs(images, preprocessing):
        if Shape(each.shape) != size:
            raise BadValueError(
                f"the images of {images.path} become inputs of {Shape(each.shape)}, and the "
                f"network takes {size}: bring images of that size, or calibrate it in `opbench "
                "evaluate` with --resize and --crop"
            )
        found.append(each)
        if len(found) == IMAGES + OTHERS:
            break
    if not found:
        raise BadFileError(f"{images.path} has no image that can be read: name others with --data")
    return kept(torch.stack(found), min(IMAGES, len(found)), path)


def _inputs(images: ImageSet, preprocessing: Preprocessing) -> Iterator[Tensor]:
    """Yield images in random order as a network takes them, without those that cannot be read."""
    for image in random.Random(_SEED).sample(images.images, len(images.images)):
        try:
            read = read_input(image, preprocessing).input
        except (OSError, ValueError):
            continue
        yield normalised(read, preprocessing) if read.dtype is torch.uint8 else read
