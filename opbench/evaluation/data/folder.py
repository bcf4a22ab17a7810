"""A folder with a sub-folder per class, as ImageNet's validation set and torchvision's trees.

Images may stand deeper inside a class's folder.  A file there that is no image by its suffix is a
problem, since it may be one that was renamed or not downloaded to its end; beside the folders of
classes it is noted, as are hidden files and what operating systems leave.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from opbench.accuracy.measured.lines import Unanswered
from opbench.errors import BadFileError
from opbench.escapes import printable
from opbench.evaluation.data.classes import (
    ClassOrder,
    about_sorting,
    naturally_sorted,
    order_of,
)
from opbench.evaluation.data.image_set import ImageSet, LabelledImage, read_encoded
from opbench.evaluation.data.imagenet import is_validation_set, synsets
from opbench.evaluation.data.tree import Tree, as_utf8, walk

# Of the formats that Pillow reads, those of photographs and drawings.
SUFFIXES = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".bmp", ".dib", ".gif", ".webp"),
        *(".avif", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k", ".jpf"),
        *(".jpx", ".tga", ".pcx", ".ico", ".sgi", ".ras"),
    }
)
_SPLITS = {"train", "training", "val", "valid", "validation", "test", "testing"}
_LAYOUT = "make a sub-folder for each class, or name a CSV file with the columns path,label"
_MOST_NAMED = 3


def open_folder(root: Path, given: ClassOrder | None, outputs: int | None) -> ImageSet:
    """Find the images below ``root``, each labelled by the sub-folder that it stands in.

    Raises ``BadFileError`` where there are no such folders, and ``BadValueError`` where nothing
    says which of a network's outputs they are.
    """
    tree = walk(root)
    _require_classes(root, tree, given)
    folders = [*map(as_utf8, naturally_sorted(tree.folders))]
    order = order_of(folders, given, outputs)
    entries = [_entry(root, name, order) for name in tree.files if not _is_beside(name)]
    images = tuple(each for each in entries if isinstance(each, LabelledImage))
    problems = [each for each in entries if isinstance(each, Unanswered)]
    full = order.names == synsets() and is_validation_set(images, by_synset=True)
    return ImageSet(
        path=str(root),
        layout="folder",
        images=images,
        classes=order.names,
        dataset="imagenet" if full else "",
        problems=(*tree.problems, *problems, *_empty(tree, folders)),
        notes=(
            *(() if order.known else about_sorting(folders)),
            *_about_classes(order, folders),
            *_about_clutter(tree),
        ),
    )


def is_image(name: str) -> bool:
    """Return whether the suffix is that of a format that Pillow reads."""
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def _is_beside(name: str) -> bool:
    """Return whether a file that is no image stands beside the folders of classes."""
    return "/" not in name and not is_image(name)


def _entry(root: Path, name: str, order: ClassOrder) -> LabelledImage | Unanswered:
    folder, inside, _ = name.partition("/")
    if not inside:
        return Unanswered(id=name, reason="it is in the folder of no class: move it into one")
    if not is_image(name):
        suffix = printable(PurePosixPath(name).suffix)
        what = f"{suffix} is not the suffix of an image" if suffix else "its name has no suffix"
        return Unanswered(id=name, reason=f"{what}: rename or remove it")
    if (number := order.numbers.get(folder)) is None:
        reason = f"its folder {printable(folder)} is not one of {order.source}"
        return Unanswered(id=name, reason=reason)
    return LabelledImage(id=name, labels=(number,), read=partial(read_encoded, root / name))


def _require_classes(root: Path, tree: Tree, given: ClassOrder | None) -> None:
    if not tree.folders:
        has = "has images but no sub-folders" if any(map(is_image, tree.files)) else "has no images"
        raise BadFileError(f"{root} {has}: {_LAYOUT}")
    if given is None and {name.lower() for name in tree.folders} <= _SPLITS:
        held = " and ".join(tree.folders)
        raise BadFileError(
            f"{root} holds {held}, which are parts of a data set, not classes: "
            f"name one of them, as in {root / tree.folders[-1]}"
        )


def _empty(tree: Tree, folders: Sequence[str]) -> list[Unanswered]:
    """Return the folders of classes without a file, unless something is wrong with them already."""
    used = {name.partition("/")[0] for name in tree.files}
    used |= {problem.id.partition("/")[0] for problem in tree.problems}
    reason = "the folder of this class has no images: fill it, or remove it"
    return [Unanswered(id=name, reason=reason) for name in folders if name not in used]


def _about_classes(order: ClassOrder, folders: Collection[str]) -> tuple[str, ...]:
    missing = len({*order.names} - {*folders})
    if not missing:
        return ()
    return (f"{missing} of {len(order.names)} classes have no folder: accuracy is of the others",)


def _about_clutter(tree: Tree) -> tuple[str, ...]:
    names = [*tree.clutter, *(printable(name) for name in tree.files if _is_beside(name))]
    if not names:
        return ()
    more = ", ..." if len(names) > _MOST_NAMED else ""
    some = ", ".join(names[:_MOST_NAMED])
    return (f"left aside as no images of the set ({len(names)}): {some}{more}",)
