"""The order of classes: which class each output of a network stands for.

Folders have names, outputs have numbers, and no image says which belong together.  Sorting names as
text is a trap: class10 then stands before class2, and the folders 0 to 999 of ImageNetV2 become 0,
1, 10, 100, 101, ...  Nothing fails, and a network that is right is right by chance only.  Therefore
numbers in names are sorted as numbers (natural sort), ImageNet's synsets have their standard order,
and any other order is given in a file.  torchvision's ``ImageFolder`` does sort as text: where that
makes a difference, a note says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from opbench import files
from opbench.errors import BadFileError, BadValueError
from opbench.escapes import printable
from opbench.evaluation.data.imagenet import are_synsets, synsets

_NUMBER = re.compile("[0-9]{1,18}", re.ASCII)
# A line of ImageNet's own list: "n01440764 tench, Tinca tinca".
_SYNSET_AND_WORDS = re.compile(r"(n\d{8})\s+\S", re.ASCII)
_GIVE = "give the names in the order of the network's outputs, one a line, with --classes"


@dataclass(frozen=True, kw_only=True)
class ClassOrder:
    """Names of classes in the order of a network's outputs.

    source: where the order is from, such as "classes.txt".
    known: whether it is the network's for certain, and not only the order of names.
    """

    names: tuple[str, ...]
    source: str
    known: bool = True

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """The number of each class by its name."""
        return {name: number for number, name in enumerate(self.names)}

    @cached_property
    def _numeric(self) -> bool:
        return any(map(_NUMBER.fullmatch, self.names))

    def number(self, text: str) -> int:
        """Read a label: a class's name, or its number.  Raises ``RowError``.

        Where names are numbers, a number is a name: the class called 3 need not be number 3.
        """
        if text in self.numbers:
            return self.numbers[text]
        if _NUMBER.fullmatch(text) and not self._numeric:
            return int(text)
        told = printable(text)
        if not self.names:
            raise files.RowError(f"its label is {told!r}, not a number: {_GIVE}")
        raise files.RowError(f"its label is {told!r}, which is not one of {self.source}")


NUMBERS_ONLY = ClassOrder(names=(), source="")


def read_classes(path: Path, outputs: int | None) -> ClassOrder:
    """Read names of classes, one a line, in the order of a network's outputs.

    Behind ImageNet's synsets there may be words.  Raises ``BadFileError`` naming file and line.
    """
    try:
        text = files.read(path).decode("utf-8-sig")
    except OSError as error:
        raise BadFileError(f"{path} cannot be read: {error.strerror}; name another file") from None
    except UnicodeDecodeError as error:
        raise BadFileError(f"{path} is not text in UTF-8 ({error}): save it as such") from None
    # Not splitlines(), which ends a line at characters that a name may have.
    names = [line.strip() for line in text.rstrip().split("\n")]
    names = [found[1] if (found := _SYNSET_AND_WORDS.match(name)) else name for name in names]
    _check(path, names, outputs)
    return ClassOrder(names=tuple(names), source=f"the classes in {printable(path.name)}")


def order_of(names: Iterable[str], given: ClassOrder | None, outputs: int | None) -> ClassOrder:
    """Return the order of classes called ``names``: the given one, ImageNet's, else their own.

    Raises ``BadValueError`` where they are fewer than a network's outputs and in no known order.
    """
    names = tuple(names)
    if given is not None:
        return given
    if are_synsets(names, outputs):
        return ClassOrder(names=synsets(), source="ImageNet's 1000 synsets")
    if outputs is not None and len(names) < outputs:
        some = ", ".join(map(printable, names[:3])) + (", ..." if len(names) > 3 else "")
        raise BadValueError(
            f"the images are of {len(names)} classes ({some}), the network has {outputs} outputs, "
            f"and nothing says which output is which class: {_GIVE}"
        )
    return ClassOrder(names=names, source="the classes of the data", known=False)


def naturally_sorted(names: Iterable[str]) -> list[str]:
    """Sort by natural order: class2 before class10, upper and lower case alike."""
    return sorted(names, key=_natural_key)


def about_sorting(names: Sequence[str]) -> tuple[str, ...]:
    """Say where natural order is not that of text, in which some networks were trained."""
    as_text = sorted(names)
    at = next(
        (at for at, pair in enumerate(zip(names, as_text, strict=True)) if len({*pair}) > 1), -1
    )
    if at < 0:
        return ()
    mine, other = printable(names[at]), printable(as_text[at])
    return (
        f"class folders are in natural order, {mine} before {other}; torchvision's ImageFolder "
        "sorts them as text: for a network that was trained so, name the order with --classes",
    )


def _natural_key(name: str) -> tuple[list[tuple[str, int]], str]:
    parts = re.split("([0-9]+)", name.lower())
    pairs = zip(parts[::2], [*map(int, parts[1::2]), -1], strict=True)
    return [*pairs], name


def _check(path: Path, names: Sequence[str], outputs: int | None) -> None:
    first: dict[str, int] = {}
    for line, name in enumerate(names, 1):
        if not name:
            raise files.bad_line(path, line, "no name: write the name of a class in each line")
        if name in first:
            told = printable(name)
            raise files.bad_line(path, line, f"{told} is in line {first[name]} too: remove one")
        first[name] = line
    if outputs is not None and len(names) != outputs:
        raise BadFileError(
            f"{path} names {len(names)} classes, and the network has {outputs} outputs: "
            "write one line for each output"
        )
