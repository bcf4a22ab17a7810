"""Accuracies of the reader's own, from a CSV file whose columns are found by name.

A plain ``name,top1`` works, and so does the results table that timm publishes.  A row is matched
by the network's full name, with or without what stands before its colon
(``timm:resnet50.a1_in1k`` or ``resnet50.a1_in1k``, ``mine.py:net`` or ``net``); a row for
``resnet50.a1_in1k`` says nothing about the registry's ``resnet50``, which is another network, and
about ``timm:resnet50`` only where the file has no other set of weights for it.
Of several rows of one name, the one at the network's own input size counts; two that cannot be
told apart are refused.  Rows that match nothing are listed, never dropped in silence, and so are
protocols of other names than the published ones'.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from opbench import files
from opbench.accuracy.published import PROTOCOLS, Accuracy
from opbench.errors import BadFileError, folded, near_matches
from opbench.names import spelt
from opbench.spec import Shape

_ALIASES = {
    "name": ("name", "model", "architecture", "network"),
    "top1": ("top1", "top-1", "top1_percent", "acc1", "accuracy"),
    "top5": ("top5", "top-5", "top5_percent", "acc5"),
    "protocol": ("protocol",),
    "source": ("source",),
    "source_url": ("source_url", "url"),
    "dataset": ("dataset",),
    "images": ("images", "n", "test_images", "n_images", "images_tested"),
    "size": ("img_size", "input_size"),
}
_NEEDED = ("name", "top1")
_UNSTATED = "not stated"
_MOST_LOST = 20
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRow:
    """One row of the reader's file; ``size`` as written, "3x224x224" or 224 alone.

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
    size: str
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
            evidence="own",
            recipe="",
            primary=True,
            note="",
            images=self.images,
        )

    def is_at(self, size: Shape) -> bool:
        """Return whether the row is of images of ``size``."""
        return self.size in (str(size), str(size).rpartition("x")[2])


def read_own(path: Path) -> list[OwnRow]:
    """Read the rows of ``path``.  Raises ``BadFileError`` naming file, line and column."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, skipinitialspace=True, strict=True)
            columns = _columns(path, next(reader, []))
            rows = [_row(path, reader.line_num, cells, columns) for cells in reader if any(cells)]
    except OSError as error:
        raise BadFileError(f"{path} cannot be read: {error.strerror}; name another file") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadFileError(f"{path} is not a CSV file in UTF-8 ({error}): save it as one") from None
    if not rows:
        raise BadFileError(f"{path} has no rows below its header: add one for each network")
    _refuse_fractions(path, rows)
    return rows


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


def match_own(
    rows: Sequence[OwnRow], known: Mapping[str, Shape], path: Path
) -> tuple[dict[str, OwnRow], tuple[str, ...]]:
    """Match ``rows`` with the networks of ``known`` (names to input sizes).

    Returns the row of each network that has one, and sentences about rows that match nothing and
    about protocols.  Raises ``BadFileError`` for two rows of one network that cannot be told apart.
    """
    found = dict(_matches(rows, known, path))
    used = {row.line for row in found.values()}
    notes = [note for row in found.values() if (note := _about_protocol(row, path))]
    if lost := [f"{row.name} (line {row.line})" for row in rows if row.line not in used]:
        more = f" and {len(lost) - _MOST_LOST} more" if len(lost) > _MOST_LOST else ""
        notes.append(
            f"{path}: {len(used)} of {len(rows)} rows match a network here; these do not: "
            f"{', '.join(lost[:_MOST_LOST])}{more}"
        )
    return found, tuple(notes)


def _about_protocol(row: OwnRow, path: Path) -> str:
    """Return what to say of a protocol that no published accuracy has; "" for a known one."""
    if row.protocol in (*PROTOCOLS, _UNSTATED):
        return ""
    near = near_matches(row.protocol, PROTOCOLS)
    hint = f"did you mean {near[0]}? Known are" if near else "known are"
    return (
        f"{path}, line {row.line}: unknown protocol {row.protocol!r}, drawn as a square "
        f"and left out of the frontier; {hint} {', '.join(PROTOCOLS)}"
    )


def _columns(path: Path, header: Sequence[str]) -> dict[str, int]:
    """Return the position of each column of ``OwnRow`` that the file has."""
    if len(header) == 1 and (separator := next((s for s in _SEPARATORS if s in header[0]), "")):
        raise files.bad_line(
            path, 1, f"the columns are separated by {_SEPARATORS[separator]}: write commas"
        )
    present = {title.strip().lower(): at for at, title in reversed(list(enumerate(header)))}
    columns = {}
    for column, aliases in _ALIASES.items():
        if found := [present[alias] for alias in aliases if alias in present]:
            columns[column] = found[0]
        elif column in _NEEDED:
            raise files.bad_line(
                path, 1, f"no column {' or '.join(aliases)}: start the header with name,top1"
            )
    return columns


def _row(path: Path, line: int, cells: Sequence[str], columns: Mapping[str, int]) -> OwnRow:
    if max(columns.values()) >= len(cells):
        raise files.bad_line(path, line, "fewer cells than the header: add the missing ones")
    text = {column: cells[at].strip() for column, at in columns.items()}
    if not text["name"]:
        raise files.bad_line(path, line, "the name is empty: fill it in")
    try:
        top1, top5 = (_percent(text.get(key, ""), key) for key in ("top1", "top5"))
        images = _images(text.get("images", ""))
    except ValueError as error:
        raise files.bad_line(path, line, str(error)) from None
    return OwnRow(
        line=line,
        name=text["name"],
        top1=top1,
        top5=top5,
        protocol=_protocol(text.get("protocol", "")),
        source=text.get("source") or path.name,
        source_url=text.get("source_url", ""),
        dataset=text.get("dataset", ""),
        size=text.get("size", ""),
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


def _matches(
    rows: Sequence[OwnRow], known: Mapping[str, Shape], path: Path
) -> Iterator[tuple[str, OwnRow]]:
    by_name: dict[str, list[OwnRow]] = {}
    for row in rows:
        by_name.setdefault(row.name, []).append(row)
    networks = _Names(known, by_name)
    for name, alike in by_name.items():
        if network := networks.meant_by(name):
            own_size = [row for row in alike if row.is_at(known[network])]
            candidates = alike if len(alike) == 1 else own_size or _unsized(alike)
            if len(candidates) > 1:
                first, second, *_ = candidates
                raise files.bad_line(
                    path, second.line, f"{name} has a row in line {first.line} already: keep one"
                )
            if candidates:
                yield network, candidates[0]


def _unsized(rows: Sequence[OwnRow]) -> list[OwnRow]:
    return [row for row in rows if not row.size]


class _Names:
    """Find the network that a row's name stands for."""

    def __init__(self, known: Mapping[str, Shape], written: Mapping[str, object]) -> None:
        self._known = known
        self._by_spelling = {folded(each): each for each in known}
        self._by_attribute = _grouped(known, lambda name: name.rpartition(":")[2])
        self._by_stem = _grouped(written, _stem)

    def meant_by(self, name: str) -> str | None:
        """Return the only network that ``name`` can mean, None where there is none or several."""
        if name in self._known:
            return name
        if spelling := self._by_spelling.get(folded(name)):
            return spelling
        same = self._by_attribute.get(name, [])
        untagged = f"timm:{_stem(name)}"
        if not same and untagged in self._known and len(self._by_stem[_stem(name)]) == 1:
            return untagged
        return same[0] if len(same) == 1 else None


def _grouped(names: Iterable[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(key(name), []).append(name)
    return groups


def _stem(name: str) -> str:
    """Return the name of a network of timm without the tag of its weights."""
    return name.partition(".")[0]
