"""Re-assessed labels: the classes that are right for each image, from a file of their own.

The labels of a data set are one per image, and some are wrong.  People who looked again gave images
all classes that are right, none where nobody agreed: ReaL of Beyer et al., "Are we done with
ImageNet?" (arXiv:2006.07159).  As there, an answer is right where it is one of them, and an image
without any is left out, here as a problem that is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from opbench import files
from opbench.accuracy.measured.lines import Unanswered
from opbench.errors import BadFileError
from opbench.escapes import printable
from opbench.evaluation.data.classes import ClassOrder
from opbench.evaluation.data.image_set import ImageSet
from opbench.evaluation.data.listing import LabelFile, image_id, read_labels
from opbench.evaluation.data.tree import as_utf8

_NO_CLASS = "left out, as in ReaL: the re-assessed labels give it no class"


def reassessed(found: ImageSet, path: Path) -> ImageSet:
    """Give the images of ``found`` the labels in ``path``, a CSV file of ``path,label``.

    A path is an image's id, or the name of its file where only one is called so; several rows of
    one path are several right classes, and an empty label is none.  The set is not that of its data
    set any more.  Raises ``BadFileError`` with the line where the file is damaged: a row that is
    lost would make right answers wrong.
    """
    right = _labels_by_path(
        read_labels(path), ClassOrder(names=found.classes, source="its classes")
    )
    ids = _ids_by_name(found)
    labels: dict[str, set[int]] = {}
    stray = []
    for name, numbers in right.items():
        if name in ids:
            labels.setdefault(ids[name], set()).update(numbers)
        else:
            stray.append(name)
    images = tuple(
        replace(image, labels=tuple(sorted(labels[image.id])))
        for image in found.images
        if labels.get(image.id)
    )
    if found.images and not labels:
        raise BadFileError(
            f"{path} has no image of {found.path}, such as {printable(found.images[0].id)}: write "
            "paths relative to that folder, or the names of files"
        )
    left_out = [
        Unanswered(id=image.id, reason=_NO_CLASS)
        for image in found.images
        if not labels.get(image.id)
    ]
    return replace(
        found,
        images=images,
        dataset="",
        problems=(*found.problems, *left_out, *_about_strays(path, stray)),
    )


def _labels_by_path(listed: LabelFile, order: ClassOrder) -> Mapping[str, set[int]]:
    right: dict[str, set[int]] = {}
    for row in listed.rows:
        try:
            numbers = right.setdefault(image_id(row), set())
            if row.label:
                numbers.add(order.number(row.label))
        except ValueError as error:
            raise files.bad_line(listed.path, row.line, str(error)) from None
    return right


def _ids_by_name(found: ImageSet) -> Mapping[str, str]:
    """Return the id that each id, and each file's name that occurs once, stands for."""
    names = [(PurePosixPath(image.id).name, image.id) for image in found.images]
    times = Counter(name for name, _ in names)
    once = {name: each for name, each in names if times[name] == 1}
    return once | {image.id: image.id for image in found.images}


def _about_strays(path: Path, names: list[str]) -> list[Unanswered]:
    """Return one problem for all labels of other images: often those of a whole set for a part."""
    if not names:
        return []
    number = "1 image" if len(names) == 1 else f"{len(names)} images"
    told = printable(names[0])
    return [
        Unanswered(
            id=as_utf8(path.name),
            reason=f"it has labels of {number} not in the set, such as {told}",
        )
    ]
