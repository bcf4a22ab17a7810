"""A list of images: a CSV file with the columns ``path`` and ``label``, as for a flat folder.

Paths are relative to the folder of the file; a label is a number, a synset of ImageNet, or the name
of a class in ``--classes``.  A row that cannot be used is a problem by its line, and the rest
counts.
"""

from __future__ import annotations

import csv
import io
import posixpath
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath

from opbench import files
from opbench.accuracy.measured.lines import Unanswered
from opbench.errors import BadFileError
from opbench.escapes import printable
from opbench.evaluation.data.classes import NUMBERS_ONLY, ClassOrder
from opbench.evaluation.data.image_set import ImageSet, LabelledImage, read_encoded
from opbench.evaluation.data.imagenet import are_synsets, is_validation_set, synsets
from opbench.evaluation.data.tree import as_utf8

_COLUMNS = ("path", "label")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRow:
    """One row of a list: its line, its two cells, and what is wrong with their number."""

    line: int
    path: str = ""
    label: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelFile:
    """The rows of a list, and the names of columns that are not used."""

    path: Path
    rows: tuple[LabelRow, ...]
    unused: tuple[str, ...]

    def place(self, row: LabelRow) -> str:
        """Return where a row stands: "images.csv, line 7"."""
        return f"{as_utf8(self.path.name)}, line {row.line}"


def read_labels(path: Path) -> LabelFile:
    """Read a list.  Raises ``BadFileError`` where it is none: no CSV in UTF-8, another header."""
    try:
        text = io.StringIO(files.read(path).decode("utf-8-sig"), newline="")
        reader = csv.reader(text, strict=True)
        header = [cell.strip().lower() for cell in next(reader, [])]
        _check_header(path, header)
        rows = tuple(_row(reader.line_num, cells, header) for cells in filter(None, reader))
    except OSError as error:
        raise BadFileError(f"{path} cannot be read: {error.strerror}; name another file") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadFileError(f"{path} is not a CSV file in UTF-8 ({error}): save it as one") from None
    return LabelFile(
        path=path, rows=rows, unused=tuple(each for each in header if each not in _COLUMNS)
    )


def open_list(path: Path, given: ClassOrder | None, outputs: int | None) -> ImageSet:
    """Find the images of a list.  Raises ``BadFileError`` where it is none."""
    listed = read_labels(path)
    order = given or _synset_order(listed.rows, outputs)
    reader = _Reader(listed, order, outputs)
    images = tuple(reader.images())
    by_synset = order.names == synsets()
    return ImageSet(
        path=str(path),
        layout="list",
        images=images,
        classes=order.names,
        dataset="imagenet" if is_validation_set(images, by_synset=by_synset) else "",
        problems=tuple(reader.problems),
        notes=_about_columns(listed),
    )


class _Reader:
    """From rows to images, each once, and to problems."""

    def __init__(self, listed: LabelFile, order: ClassOrder, outputs: int | None) -> None:
        self._listed, self._order, self._outputs = listed, order, outputs
        self._first: dict[str, tuple[int, int]] = {}
        self.problems: list[Unanswered] = []

    def images(self) -> Iterator[LabelledImage]:
        for row in self._listed.rows:
            try:
                yield self._image(row)
            except ValueError as error:
                self.problems.append(Unanswered(id=self._listed.place(row), reason=str(error)))

    def _image(self, row: LabelRow) -> LabelledImage:
        """Read a row.  Raises ``RowError``."""
        name = image_id(row)
        label = self._label(row)
        path = self._listed.path.parent / name
        if problem := _no_file(path):
            raise files.RowError(f"{printable(name)}: {problem}")
        if name in self._first:
            line, before = self._first[name]
            other = f" with the label {before}, which counts" if before != label else ""
            raise files.RowError(f"{printable(name)} is in line {line} already{other}: remove one")
        self._first[name] = (row.line, label)
        return LabelledImage(id=name, labels=(label,), read=partial(read_encoded, path))

    def _label(self, row: LabelRow) -> int:
        label = self._order.number(row.label)
        if self._outputs is not None and label >= self._outputs:
            raise files.RowError(
                f"its label is {row.label}, and the network's outputs are 0 to {self._outputs - 1}"
            )
        return label


def image_id(row: LabelRow) -> str:
    """Return the path of a row in its shortest form.  Raises ``RowError``."""
    if row.problem:
        raise files.RowError(row.problem)
    if not row.path:
        raise files.RowError("its path is empty: fill it in")
    path = PurePath(row.path)
    if path.is_absolute():
        told = printable(row.path)
        raise files.RowError(
            f"{told} is an absolute path, which names no image on another machine: write it "
            "relative to the folder of the list"
        )
    return posixpath.normpath(path.as_posix())


def _synset_order(rows: Sequence[LabelRow], outputs: int | None) -> ClassOrder:
    """Return ImageNet's order where the labels are its synsets, else none."""
    names = {row.label for row in rows if row.label and not row.label.isdecimal()}
    if not are_synsets(names, outputs):
        return NUMBERS_ONLY
    return ClassOrder(names=synsets(), source="ImageNet's 1000 synsets")


def _no_file(path: Path) -> str:
    """Return why there is no file to read, "" where there is one."""
    try:
        if stat.S_ISREG(path.stat().st_mode):
            return ""
        return "it is a folder" if path.is_dir() else "it is no regular file"
    except FileNotFoundError:
        return "a link that leads nowhere" if path.is_symlink() else "the file is missing"
    except OSError as error:
        return str(error.strerror)
    except ValueError:  # a null character
        return "no file can be called so"


def _check_header(path: Path, header: Sequence[str]) -> None:
    for column in _COLUMNS:
        if header.count(column) != 1:
            problem = "occurs twice" if column in header else "is missing"
            raise files.bad_line(
                path, 1, f"the column {column} {problem}: write the header path,label"
            )


def _row(line: int, cells: Sequence[str], header: Sequence[str]) -> LabelRow:
    if len(cells) != len(header):
        fields = f"{len(cells)} field{'s' * (len(cells) > 1)}"
        problem = f"the row has {fields}, the header {len(header)}: put commas in quotes"
        return LabelRow(line=line, problem=problem)
    path, label = (cells[header.index(column)].strip() for column in _COLUMNS)
    return LabelRow(line=line, path=path, label=label)


def _about_columns(listed: LabelFile) -> tuple[str, ...]:
    if not listed.unused:
        return ()
    return (f"columns that are not used: {printable(', '.join(listed.unused))}",)
