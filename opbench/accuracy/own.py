"""Read accuracies of the reader's own from a CSV file whose columns are found by name.

A plain ``name,top1`` works, and so does the results table that timm publishes.  A column that is
not used is named, and so are protocols and data sets of other names than the published ones'.
``matching`` says which network a row is about.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from opbench import files
from opbench.accuracy.published import PROTOCOLS, Accuracy
from opbench.errors import BadFileError, near_matches
from opbench.names import spelt
from opbench.spec import DATASETS, Shape

_ALIASES = {
    "name": ("name", "model", "architecture", "network"),
    "top1": ("top1", "top-1", "top1_percent", "acc1", "accuracy"),
    "top5": ("top5", "top-5", "top5_percent", "acc5"),
    "protocol": ("protocol",),
    "source": ("source",),
    "source_url": ("source_url", "url"),
    "dataset": ("dataset",),
    "images": ("images", "n", "test_images", "n_images", "images_tested"),
    "size": ("img_size", "input_size", "image_size"),
}
COLUMNS = tuple(aliases[0] for aliases in _ALIASES.values())
_NEEDED = ("name", "top1")
# Columns of timm's results that say nothing that is shown.
_OF_TIMM = {"top1_err", "top5_err", "param_count", "crop_pct", "interpolation"}
_UNSTATED = "not stated"
OWN = "own"  # where ``Accuracy.evidence`` says how a published one was read
_TESTED_ON = tuple(key for key in DATASETS if key != "none")
_DATASET_ALIASES = {
    **{DATASETS[key].label: key for key in _TESTED_ON},
    **dict.fromkeys(("ImageNet-1k", "ILSVRC", "ILSVRC2012"), "imagenet"),
}
_ALIKE = 0.7  # of the letters of two columns, for one to be taken for the other
_NO_NUMBER = ("protocol", "source", "source_url", "dataset")
_WITH_POINT = "; a decimal comma? Write {}"
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRow:
    """One row of the reader's file.

    ``size`` has one extent for square images, or two or three; None where the row does not say.
    ``images`` is the number of test images, None where it is that of the data set.
    """

    line: int
    name: str
    top1: float | None
    top5: float | None
    protocol: str
    source: str
    source_url: str
    dataset: str
    size: Shape | None
    images: int | None

    def accuracy(self, name: str, dataset: str, input_size: Shape) -> Accuracy:
        """Return the row as the accuracy of the network ``name``."""
        return Accuracy(
            architecture=name,
            dataset=self.dataset or dataset,
            top1=self.top1,
            top5=self.top5,
            protocol=self.protocol,
            input_size=input_size,
            source=self.source,
            source_url=self.source_url,
            evidence=OWN,
            recipe="",
            primary=True,
            note="",
            images=self.images,
        )

    def is_at(self, size: Shape) -> bool:
        """Return whether the row is, or may be, of images of ``size``."""
        return self.size is None or size == self.full_size(size)

    def full_size(self, like: Shape) -> Shape:
        """Return the row's size with the channels of ``like``; ``like`` where it has none."""
        stated = self.size or like
        if len(stated) == 1 < len(like):
            stated = Shape((*stated, *stated))
        missing = max(0, len(like) - len(stated))
        return Shape((*like[:missing], *stated))


class OwnFile(NamedTuple):
    """The rows of a file, and sentences about what in it is not used or not known."""

    rows: Sequence[OwnRow]
    notes: tuple[str, ...]


def read_own(path: Path) -> OwnFile:
    """Read ``path``.  Raises ``BadFileError`` naming file, line and column."""
    try:
        text = io.StringIO(files.read(path).decode("utf-8-sig"), newline="")
        reader = csv.reader(text, skipinitialspace=True, strict=True)
        header = next(reader, [])
        columns = _columns(path, header)
        rows = []
        for cells in filter(any, reader):
            _check_length(path, reader.line_num, cells, header, columns)
            _refuse_decimal_comma(path, reader.line_num, cells, columns)
            rows.append(_row(path, reader.line_num, cells, columns))
    except OSError as error:
        raise BadFileError(f"{path} cannot be read: {error.strerror}; name another file") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadFileError(f"{path} is not a CSV file in UTF-8 ({error}): save it as one") from None
    if not rows:
        raise BadFileError(f"{path} has no rows below its header: add one for each network")
    _refuse_fractions(path, rows)
    unused = _about_columns(header, columns, path)
    return OwnFile(rows, (*unused, *_about_rows(rows, path)))


def _about_rows(rows: Iterable[OwnRow], path: Path) -> Iterator[str]:
    for row in rows:
        if row.top1 is None:
            yield (
                f"{path}, line {row.line}: top1 of {row.name} is empty: none is shown, not a "
                "published one either"
            )
        if row.protocol not in (*PROTOCOLS, _UNSTATED):
            what = f"protocol {row.protocol!r}, drawn as a square and left out of the frontier"
            yield _unknown(path, row, what, row.protocol, PROTOCOLS)
        if row.dataset not in (*_TESTED_ON, ""):
            what = f"data set {row.dataset!r}, drawn on an axis of its own"
            yield _unknown(path, row, what, row.dataset, _TESTED_ON)


def _unknown(path: Path, row: OwnRow, what: str, word: str, known: Sequence[str]) -> str:
    near = near_matches(word, known)
    hint = f"did you mean {near[0]}? Known are" if near else "known are"
    return f"{path}, line {row.line}: unknown {what}; {hint} {', '.join(known)}"


def _about_columns(header: Sequence[str], columns: Mapping[str, int], path: Path) -> list[str]:
    """Name the columns that are not used, with the known ones that they may be meant for."""
    used = {*columns.values()}
    unused = [title.strip() for at, title in enumerate(header) if at not in used and title.strip()]
    unused = [title for title in unused if title.lower() not in _OF_TIMM]
    if not unused:
        return []
    left = [
        alias for column, aliases in _ALIASES.items() if column not in columns for alias in aliases
    ]
    near = [match for title in unused for match in near_matches(title, left, likeness=_ALIKE)[:1]]
    hint = f"did you mean {', '.join(dict.fromkeys(near))}? Known are" if near else "known are"
    return [f"{path}: not used: {', '.join(unused)}; {hint} {', '.join(COLUMNS)}"]


def _refuse_fractions(path: Path, rows: Sequence[OwnRow]) -> None:
    """Refuse a file in which no accuracy is above 1 %: it holds fractions."""
    stated = [row for row in rows if row.top1]
    if stated and all(row.top1 <= 1 for row in stated if row.top1):
        first = stated[0]
        raise files.bad_line(
            path,
            first.line,
            f"top1 is {first.top1:g}, which looks like a fraction: write percent, "
            f"{100 * (first.top1 or 0):g}",
        )


def _columns(path: Path, header: Sequence[str]) -> dict[str, int]:
    """Return the position of each column of ``OwnRow`` that the file has."""
    if len(header) == 1 and (separator := next((s for s in _SEPARATORS if s in header[0]), "")):
        raise files.bad_line(
            path,
            1,
            f"the columns are separated by {_SEPARATORS[separator]}: write commas, and decimals "
            "with a point, such as 75.2",
        )
    titles = [title.strip().lower() for title in header]
    present = {title: at for at, title in enumerate(titles)}
    columns = {}
    for column, aliases in _ALIASES.items():
        if found := [alias for alias in aliases if alias in present]:
            if titles.count(found[0]) > 1:
                raise files.bad_line(path, 1, f"{found[0]} occurs twice: remove one")
            columns[column] = present[found[0]]
        elif column in _NEEDED:
            raise files.bad_line(
                path, 1, f"no column {' or '.join(aliases)}: start the header with name,top1"
            )
    return columns


def _check_length(
    path: Path, line: int, cells: Sequence[str], header: Sequence[str], columns: Mapping[str, int]
) -> None:
    """Refuse a row of more or fewer fields than the header: its numbers may be in other columns."""
    if len(cells) == len(header):
        return
    counts = f"{len(cells)} field{'s' * (len(cells) > 1)}, the header {len(header)}"
    if len(cells) < len(header):
        remedy = ": add the missing ones"
    elif number := _decimal_comma(cells, columns):
        remedy = _WITH_POINT.format(number)
    else:
        remedy = ': remove the others, or put a field with commas in quotes ("a, b")'
    raise files.bad_line(path, line, f"the row has {counts}{remedy}")


def _refuse_decimal_comma(
    path: Path, line: int, cells: Sequence[str], columns: Mapping[str, int]
) -> None:
    """Refuse ``net,75,2``: a whole top1, behind it a number where there should be none so small."""
    column = next((key for key, at in columns.items() if at == columns["top1"] + 1), "")
    whole, behind = (cells[columns[key]].strip() if key else "" for key in ("top1", column))
    if not (whole.isdecimal() and behind.isdecimal()):
        return
    if column in _NO_NUMBER or (column == "top5" and len(behind) == 1 < len(whole)):
        told = f"top1 is {whole} and {column} {behind}"
        advice = _WITH_POINT.format(f"{whole}.{behind}")
        raise files.bad_line(path, line, f"{told}{advice}, else {whole}.0")


def _decimal_comma(cells: Sequence[str], columns: Mapping[str, int]) -> str:
    """Return "75.2" for a percentage that a comma cut into the fields 75 and 2, else ""."""
    pairs = (cells[at : at + 2] for key in ("top1", "top5") if (at := columns.get(key)) is not None)
    halves = ([each.strip() for each in pair] for pair in pairs)
    pattern = re.compile(r"\d{1,3}\.\d+%?", re.ASCII)
    return next((n for pair in halves if pattern.fullmatch(n := ".".join(pair))), "")


def _row(path: Path, line: int, cells: Sequence[str], columns: Mapping[str, int]) -> OwnRow:
    text = {column: cells[at].strip() for column, at in columns.items()}
    if not text["name"]:
        raise files.bad_line(path, line, "the name is empty: fill it in")
    try:
        top1, top5 = (_percent(text.get(key, ""), key) for key in ("top1", "top5"))
        images, size = _images(text.get("images", "")), _size(text.get("size", ""))
    except ValueError as error:
        raise files.bad_line(path, line, str(error)) from None
    if top1 is not None and top5 is not None and top5 < top1:
        problem = f"top5 is {top5:g}, which is below top1, {top1:g}: correct one of them"
        raise files.bad_line(path, line, problem)
    return OwnRow(
        line=line,
        name=text["name"],
        top1=top1,
        top5=top5,
        protocol=_protocol(text.get("protocol", "")),
        source=text.get("source") or path.name,
        source_url=text.get("source_url", ""),
        dataset=_dataset(text.get("dataset", "")),
        size=size,
        images=images,
    )


def _percent(text: str, column: str) -> float | None:
    """Read "75.2" or "75.2%"; None for an empty cell.  Raises ``RowError``."""
    if re.fullmatch(r"\d+,\d+\s*%?", text):
        raise files.RowError(f"{column} is {text!r}: write a point, {text.replace(',', '.')!r}")
    return files.percent({column: text.removesuffix("%").strip()}, column)


def _images(text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch("[1-9][0-9]{0,11}", text, re.ASCII):
        raise files.RowError(f"images is {text!r}: write the number of test images, such as 50000")
    return int(text)


def _protocol(text: str) -> str:
    """Return the protocol in the spelling of the published ones where it is one of them."""
    return spelt(text, PROTOCOLS) or text or _UNSTATED


def _dataset(text: str) -> str:
    return spelt(text, _TESTED_ON, _DATASET_ALIASES) or text


def _size(text: str) -> Shape | None:
    if not text:
        return None
    try:
        return Shape.parse(text)
    except ValueError:
        raise files.RowError(f"img_size is {text!r}: write 224 or 3x224x224") from None
