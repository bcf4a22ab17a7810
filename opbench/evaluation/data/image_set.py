"""A set of images with labels, its random subsets and its shards."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from opbench import files
from opbench.accuracy.measured.lines import Unanswered, manifest_sha256
from opbench.shards import Shard

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledImage:
    """One image: its id, unique in the set; the right classes; and how to read it.

    ``read`` returns encoded bytes, a decoded image, or a tensor that is an input already, in any
    thread, and raises an ``OSError`` or a ``ValueError`` where it cannot.
    """

    id: str
    labels: tuple[int, ...]
    read: Callable[[], bytes | Image | Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSet:
    """Images of one path, each once, by id.

    layout: how the path was read.  classes: their names in the order of a network's outputs, empty
    where only numbers are known.  dataset: a key of ``spec.DATASETS``, "" where nothing says which.
    problems: entries that are no image of the set, or whose label is no class: they have no answer.
        Their ids say where they stand, such as "images.csv, line 7".
    notes: sentences about what was chosen or set aside without being an entry, such as files that
        an operating system leaves.
    """

    path: str
    layout: str
    images: tuple[LabelledImage, ...]
    classes: tuple[str, ...] = ()
    dataset: str = ""
    problems: tuple[Unanswered, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def manifest_sha256(self) -> str:
        """The hash of ids and labels."""
        return manifest_sha256((image.id, image.labels) for image in self.images)

    def limited(self, number: int, seed: int) -> ImageSet:
        """Return ``number`` images drawn at random, in their order; all where there are fewer."""
        if number >= len(self.images):
            return self
        chosen = sorted(random.Random(seed).sample(range(len(self.images)), number))
        return replace(self, images=tuple(self.images[index] for index in chosen))

    def of_shard(self, shard: Shard) -> ImageSet:
        """Return the images of a shard.  Problems are those of the first."""
        mine = tuple(image for image in self.images if shard.has(image.id))
        return replace(self, images=mine, problems=self.problems if shard.part == 1 else ())


def read_encoded(path: Path) -> bytes:
    """Read the file of an image.  Raises ``OSError``, and ``ValueError`` where it is empty."""
    if not (encoded := files.read(path)):
        raise ValueError("the file is empty")
    return encoded
