"""Specifications of architectures: the facts known before anything is built.

A spec is a row of facts and one callable.  It imports nothing but the standard library, so that
facts can be read where torch is not wanted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Self

Quantity = Literal["params", "macs", "flops", "connections", "weight_bytes"]


class DataSet(NamedTuple):
    """A set of images that networks classify.

    ``test_images`` is None where networks are not tested in top-1.
    """

    label: str
    classes: int | None
    test_images: int | None


# In the order in which they are shown; networks of different data sets never share an axis.
DATASETS: dict[str, DataSet] = {
    "imagenet": DataSet("ImageNet", 1000, 50_000),
    "imagenet128": DataSet("ImageNet at 128 pixels", 1000, 50_000),
    "cifar10": DataSet("CIFAR-10", 10, 10_000),
    "mnist": DataSet("MNIST", 10, 10_000),
    "fashion_mnist": DataSet("Fashion-MNIST", 10, 10_000),
    "cityscapes": DataSet("Cityscapes", 19, None),
    "none": DataSet("Building blocks", None, None),
}


def dataset_label(key: str) -> str:
    """Return how a data set is written; one that is not listed is its own label."""
    return DATASETS[key].label if key in DATASETS else key


def ordered_datasets(keys: Iterable[str]) -> list[str]:
    """Return each of ``keys`` once: the listed ones in their order, then the others by name."""
    there = set(keys)
    return [key for key in DATASETS if key in there] + sorted(there - DATASETS.keys())


_EXTENT = re.compile("[1-9][0-9]{0,17}", re.ASCII)


class Shape(tuple[int, ...]):
    """The extents of a tensor or of one image; ``str`` prints ``(3, 224, 224)`` as "3x224x224"."""

    __slots__ = ()

    def __str__(self) -> str:
        return "x".join(map(str, self))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "3x224x224"; "" is a shape without extents.

        Raises ``ValueError`` unless every extent is a positive decimal integer.
        """
        parts = text.lower().split("x") if text else []
        if not all(_EXTENT.fullmatch(part) for part in parts):
            raise ValueError(f"{text!r} is not a size such as 3x224x224")
        return cls(map(int, parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """The paper that published an architecture."""

    authors: str
    title: str
    venue: str
    year: int
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedValue:
    """A number that a paper states about its own network, to be recomputed.

    ``connections`` are multiply-accumulates plus one per output element that receives a bias;
    ``flops`` are 2 per multiply-accumulate; ``weight_bytes`` are parameters at ``bytes_per_param``.

    ``tolerance`` is relative and follows from the digits printed.  A value that the count does
    not meet must say why in ``disagreement``; one that it meets must leave that empty.
    ``input_size`` is given when the paper states the number for another input than the entry's.
    ``printed`` is false where the authors do not print the value as the number of this network:
    another paper prints it, or theirs gives a bound or a comparison in words (the value is then
    the bound, or the count of the network compared with).
    """

    quantity: Quantity
    value: float
    tolerance: float
    place: str
    disagreement: str = ""
    input_size: tuple[int, ...] | None = None
    bytes_per_param: int = 4
    printed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchitectureSpec:
    """One entry of the registry.

    ``build`` takes no argument and returns the inference graph of the paper as an ``nn.Module``
    with freshly initialised weights.  ``input_size`` is that of one image, without the batch
    dimension.  ``label`` is how the paper writes the name; ``year`` is that of the network's first
    publication, for a later variant not that of ``paper``.  ``dataset`` is a key of ``DATASETS``:
    what the network classifies.  ``note`` is one sentence about this entry that the module's
    docstring does not already say.  ``changes`` names, for a variant in a study of one network,
    the design choices that it changes, the one under study first.
    """

    name: str
    label: str
    family: str
    year: int
    paper: Paper
    build: Callable[[], Any]
    input_size: tuple[int, ...]
    dataset: str
    stated: tuple[StatedValue, ...] = ()
    note: str = ""
    changes: tuple[str, ...] = ()
