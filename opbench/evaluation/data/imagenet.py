"""Facts about ImageNet (ILSVRC 2012): the standard order of its classes, its validation set.

``synsets.txt`` holds the WordNet ids of the 1000 classes in the order of a network's outputs, as
timm's ``imagenet_synsets.txt`` does: with it a tree that has only some of the classes still gives
each its right number.  Networks of 1001 outputs have a background class and another order.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path, PurePosixPath

from opbench.evaluation.data.image_set import LabelledImage

CLASSES, _PER_CLASS = 1000, 50
_SYNSETS = Path(__file__).with_name("synsets.txt")
_OF_VALIDATION = re.compile(r"ILSVRC2012_val_\d{8}\b", re.ASCII)
_OF_TRAINING = re.compile(r"n\d{8}_\d+\.", re.ASCII)
# A soup bowl.  The challenge's development kit numbers classes in another order, by which a network
# is right by chance: one image tells them apart.
_FOURTH, _SOUP_BOWL = "ILSVRC2012_val_00000004", 809


@cache
def synsets() -> tuple[str, ...]:
    """Return the WordNet ids of the 1000 classes in their standard order."""
    lines = _SYNSETS.read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if not line.startswith("#"))


def are_synsets(names: Collection[str], outputs: int | None) -> bool:
    """Return whether classes called ``names`` are ImageNet's, told apart by 1000 outputs.

    Half of the names are enough: a folder of another name among them must not move the rest.
    """
    known = len({*names} & {*synsets()})
    return outputs in (None, CLASSES) and known > 0 and 2 * known >= len(names)


def is_validation_set(images: Sequence[LabelledImage], *, by_synset: bool) -> bool:
    """Return whether ``images`` are all 50,000 of the validation set, 50 of each class.

    ``by_synset``: the labels come from synsets, and images may have been renamed.  Else only the
    images' own names say which set they are from.
    """
    if len(images) != CLASSES * _PER_CLASS:
        return False
    classes = Counter(image.labels for image in images)
    if classes != {(number,): _PER_CLASS for number in range(CLASSES)}:
        return False
    names = {PurePosixPath(image.id).name: image.labels for image in images}
    if by_synset:
        return not any(map(_OF_TRAINING.match, names))
    fourth = next((label for name, label in names.items() if name.startswith(_FOURTH)), None)
    return fourth == (_SOUP_BOWL,) and all(map(_OF_VALIDATION.match, names))
