"""Read the rows of ``torchvision.csv`` and ``timm.csv``, without torch.

A row is one set of weights at one size of its images: what the network counts at that size, what
its library states, and the accuracy on images of that size.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from opbench.errors import UnknownNameError
from opbench.files import bad_line
from opbench.names import matching
from opbench.record import Totals
from opbench.row_files import RowFormat
from opbench.spec import Shape
from opbench.value import Natural, Text
from opbench.zoo.groups import Group
from opbench.zoo.libraries import LIBRARIES, Library, library_of, require_library

FEATURES = "features"
Percent = Annotated[float, Meta(ge=0, le=100)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ZooRow(Totals):
    """One set of weights at one size of its images, and the counts for one image.

    name: LIBRARY:NETWORK.WEIGHTS.  release: of the library, that which states the accuracy.
    dataset: what it classifies, a key of ``spec.DATASETS`` or another data set; ``FEATURES`` where
        it only makes features.
    protocol: the view of each image behind the accuracy; "" where none is stated.
    resize: the shorter side that an image is scaled to before the crop of the input's size.
    trained_on: a group of ``groups``.
    stated_params, stated_macs: as the library prints them.
    uncounted: operators without a rule.
    licence: that of the weights, where the library states one.
    url: where the weights are explained, where that is not ``Library.weights_url``.
    """

    name: Text
    release: Text
    input_size: Shape
    top1: Percent | None
    top5: Percent | None
    dataset: Text
    protocol: str
    resize: Natural | None
    interpolation: str
    trained_on: Group
    stated_params: Natural | None
    stated_macs: Natural | None
    uncounted: tuple[str, ...]
    licence: str
    url: str

    @property
    def library(self) -> Library:
        """The library that has the network."""
        return require_library(self.name)

    @property
    def weights(self) -> str:
        """The name without its library."""
        return self.name.partition(":")[2]

    @property
    def architecture(self) -> str:
        """The library and its network, without the weights."""
        library, _, weights = self.name.partition(":")
        return f"{library}:{weights.partition('.')[0]}"

    @property
    def source(self) -> str:
        """The place where the accuracy was read."""
        return f"{self.library.name} {self.release}: {self.library.accuracies}"

    @property
    def address(self) -> str:
        """The address at which the weights are explained."""
        return self.url or self.library.weights_url.format(weights=self.weights)


_FIRST = ("name", "release", "input_size", "params", "macs", "activations")
COLUMNS = (*_FIRST, *(each.name for each in fields(ZooRow) if each.name not in _FIRST))


def csv_file(library: str) -> Path:
    """Return where the rows of a library are."""
    return Path(__file__).with_name(f"{library}.csv")


def _format(library: str) -> RowFormat[ZooRow]:
    return RowFormat(ZooRow, COLUMNS, remedy=f"`opbench list --update '{library}:*'` rewrites it")


@cache
def load(library: str, path: Path | None = None) -> tuple[ZooRow, ...]:
    """Read the rows of a library, none where there is no file.

    Raises ``BadFileError`` naming file and line.
    """
    path = path or csv_file(library)
    return tuple(_read(library, path)) if path.is_file() else ()


def _read(library: str, path: Path) -> Iterator[ZooRow]:
    for line, row in _format(library).read(path):
        if not row.name.startswith(f"{library}:"):
            raise bad_line(path, line, f"name is {row.name!r}: it must begin with {library}:")
        yield row


def save(
    library: str, rows: Iterable[ZooRow], path: Path | None = None, benchmark: str = ""
) -> None:
    """Write the rows of a library, sorted: the same bytes for the same rows.

    ``benchmark`` is the file of the stated MACs; without it the one that is named there stays.
    Raises ``BadFileError`` where the folder cannot be written to.
    """
    ordered = sorted(rows, key=lambda row: (row.name, row.input_size))
    path = path or csv_file(library)
    header = LIBRARIES[library].header(benchmark or _benchmark_in(csv_file(library)))
    _format(library).write(path, ordered, header)
    load.cache_clear()
    _by_size.cache_clear()


def _benchmark_in(path: Path) -> str:
    """Return the file that the comment of ``path`` says the stated MACs are of."""
    text = path.read_text(errors="replace") if path.is_file() else ""
    found = re.search(r"^# .*stated_macs: (\S+\.csv) of", text, re.MULTILINE)
    return found[1] if found else ""


def chosen(patterns: Iterable[str]) -> list[ZooRow]:
    """Return the rows that globs such as ``timm:resnet50*`` match, library by library.

    A glob without a dot is one of networks, and stands for all their weights.
    Raises ``UnknownNameError`` with near matches for one that matches nothing.
    """
    wanted: dict[str, set[str]] = {}
    for pattern in patterns:
        library = require_library(pattern).name
        wanted.setdefault(library, set()).update(_matching(pattern, load(library)))
    return [row for library, names in wanted.items() for row in load(library) if row.name in names]


def row_of(name: str, size: Shape) -> ZooRow | None:
    """Return the row of a set of weights at a size, None where none is on file."""
    library = library_of(name)
    return _by_size(library.name).get((name, size)) if library and "." in name else None


@cache
def _by_size(library: str) -> dict[tuple[str, Shape], ZooRow]:
    return {(row.name, row.input_size): row for row in load(library)}


def _matching(pattern: str, rows: Sequence[ZooRow]) -> list[str]:
    dotted = "." in pattern
    known = {row.name: row.name if dotted else row.architecture for row in rows}
    found = set(matching(pattern, dict.fromkeys(known.values())))
    if not found:
        raise UnknownNameError(
            "network",
            pattern,
            list(dict.fromkeys(known.values())),
            see=f"`opbench list '{pattern.partition(':')[0]}:*'` shows all",
            globs=True,
        )
    return [name for name, spelt in known.items() if spelt in found]
