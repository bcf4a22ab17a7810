"""Open a set of images: a folder of classes, a list, IDX files or Parquet, by what a path is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from opbench.accuracy.measured.lines import Unanswered
from opbench.errors import BadFileError, remedy
from opbench.escapes import printable
from opbench.evaluation.data import idx
from opbench.evaluation.data.classes import ClassOrder, read_classes
from opbench.evaluation.data.folder import is_image, open_folder
from opbench.evaluation.data.image_set import ImageSet, LabelledImage
from opbench.evaluation.data.listing import open_list
from opbench.evaluation.data.parquet import open_parquet
from opbench.evaluation.data.parquet_splits import choose_split, parquet_files
from opbench.evaluation.data.reassessed import reassessed

_KINDS = (
    "name a folder with a sub-folder per class, a .csv with the columns path,label, IDX files such "
    "as t10k-images-idx3-ubyte, or .parquet files"
)


def open_images(
    path: str | Path,
    *,
    classes: Path | None = None,
    labels: Path | None = None,
    outputs: int | None = None,
) -> ImageSet:
    """Find the images of a path and their labels; none is read yet, but for IDX files.

    classes: a file with the names of classes in the order of the network's outputs, one a line.
    labels: a CSV file of re-assessed labels.  outputs: the number of the network's outputs; what is
    labelled beyond them is a problem.  Raises ``BadFileError`` where there are no images or a file
    is damaged, ``BadValueError`` where nothing says which output is which class, and
    ``MissingExtraError`` for Parquet without pyarrow.
    """
    path = Path(path)
    given = read_classes(classes, outputs) if classes is not None else None
    found = _open(path, given, outputs)
    if labels is not None:
        found = reassessed(found, labels)
    if outputs is not None:
        found = _within(found, outputs)
    if not found.images:
        raise BadFileError(f"{path} has no images to evaluate: {_why_empty(found)}")
    return found


def _open(path: Path, given: ClassOrder | None, outputs: int | None) -> ImageSet:
    try:
        if path.is_dir():
            return _open_folder(path, given, outputs)
        if not path.is_file():
            what = "is neither a file nor a folder" if path.exists() else "does not exist"
            raise BadFileError(f"{path} {what}: {_KINDS}")
    except OSError as error:
        advice = remedy(error) or "; name another"
        raise BadFileError(f"{path} cannot be read: {error.strerror}{advice}") from None
    if path.suffix.lower() == ".csv":
        return open_list(path, given, outputs)
    if path.suffix.lower() == ".parquet":
        return open_parquet(path, [path], given, outputs)
    if idx.is_idx(path):
        return idx.open_idx(path, given)
    if is_image(path.name):
        raise BadFileError(f"{path} is a single image, without a label: {_KINDS}")
    raise BadFileError(f"{path} is a file of another kind: {_KINDS}")


def _open_folder(path: Path, given: ClassOrder | None, outputs: int | None) -> ImageSet:
    if parts := parquet_files(path):
        chosen, missing, notes = choose_split(path, parts)
        return open_parquet(path, chosen, given, outputs, problems=missing, notes=notes)
    if found := idx.images_files(path):
        file, notes = idx.choose(path, found)
        return replace(idx.open_idx(file, given, notes), path=str(path))
    return open_folder(path, given, outputs)


def _within(found: ImageSet, outputs: int) -> ImageSet:
    """Turn images whose label is beyond the network's outputs into problems."""
    inside = [image for image in found.images if max(image.labels) < outputs]
    outside = [
        Unanswered(id=image.id, reason=_beyond(found, image, outputs))
        for image in found.images
        if max(image.labels) >= outputs
    ]
    return replace(found, images=tuple(inside), problems=(*found.problems, *outside))


def _beyond(found: ImageSet, image: LabelledImage, outputs: int) -> str:
    number = max(image.labels)
    name = f" ({printable(found.classes[number])})" if number < len(found.classes) else ""
    return f"its label is {number}{name}, and the network's outputs are 0 to {outputs - 1}"


def _why_empty(found: ImageSet) -> str:
    if not found.problems:
        return _KINDS
    first, *others = found.problems
    more = f", and {len(others)} more such problems" if others else ""
    return f"{printable(first.id)}: {first.reason}{more}"
