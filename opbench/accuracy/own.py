"""Accuracies of the reader's own, from a CSV file whose columns are found by name.

A plain ``name,top1`` works, and so does the results table that timm publishes.  A row is matched
by the network's full name, with or without what stands before its colon
(``timm:resnet50.a1_in1k`` or ``resnet50.a1_in1k``, ``mine.py:net`` or ``net``); a row for
``resnet50.a1_in1k`` says nothing about the registry's ``resnet50``, which is another network, and
about ``timm:resnet50`` only where the file has no other set of weights for it.
Of several rows of one name, the one at the network's own input size counts.  Rows that match
nothing are listed, never dropped in silence.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from opbench import files
from opbench.accuracy.published import Accuracy
from opbench.errors import BadFileError
from opbench.spec import Shape

_ALIASES = {
    "name": ("name", "model", "architecture", "network"),
    "top1": ("top1", "top-1", "top1_percent", "acc1", "accuracy"),
    "top5": ("top5", "top-5", "top5_percent", "acc5"),
    "protocol": ("protocol",),
    "source": ("source",),
    "source_url": ("source_url", "url"),
    "dataset": ("dataset",),
    "size": ("img_size", "input_size"),
}
_NEEDED = ("name", "top1")
_UNSTATED = "not stated"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRow:
    """One row of the reader's file; ``size`` as written, "3x224x224" or 224 alone."""

    name: str
    top1: float | None
    top5: float | None
    protocol: str
    source: str
    source_url: str
    dataset: str
    size: str

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
            return [_row(path, reader.line_num, cells, columns) for cells in reader if any(cells)]
    except OSError as error:
        raise BadFileError(f"{path} cannot be read: {error.strerror}; name another file") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadFileError(f"{path} is not a CSV file in UTF-8 ({error}): save it as one") from None


def match_own(
    rows: Sequence[OwnRow], known: Mapping[str, Shape], path: Path
) -> tuple[dict[str, OwnRow], tuple[str, ...]]:
    """Match ``rows`` with the networks of ``known`` (names to input sizes).

    Returns the row of each network that has one, and sentences about rows that match nothing.
    """
    found = dict(_matches(rows, known))
    used = {id(row) for row in found.values()}
    lost = [row.name for row in rows if id(row) not in used]
    if not lost:
        return found, ()
    return found, (
        f"{path}: {len(used)} of {len(rows)} rows match a network here; these do not: "
        f"{', '.join(lost)}",
    )


def _columns(path: Path, header: Sequence[str]) -> dict[str, int]:
    """Return the position of each column of ``OwnRow`` that the file has."""
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
        top1, top5 = (files.percent({key: text.get(key, "")}, key) for key in ("top1", "top5"))
    except ValueError as error:
        raise files.bad_line(path, line, str(error)) from None
    return OwnRow(
        name=text["name"],
        top1=top1,
        top5=top5,
        protocol=text.get("protocol") or _UNSTATED,
        source=text.get("source") or path.name,
        source_url=text.get("source_url", ""),
        dataset=text.get("dataset", ""),
        size=text.get("size", ""),
    )


def _matches(rows: Sequence[OwnRow], known: Mapping[str, Shape]) -> Iterator[tuple[str, OwnRow]]:
    by_name: dict[str, list[OwnRow]] = {}
    for row in rows:
        by_name.setdefault(row.name, []).append(row)
    networks = _Names(known, by_name)
    for name, alike in by_name.items():
        if network := networks.meant_by(name):
            own_size = [row for row in alike if row.is_at(known[network])]
            candidates = alike if len(alike) == 1 else own_size
            if len(candidates) == 1:
                yield network, candidates[0]


class _Names:
    """Find the network that a row's name stands for."""

    def __init__(self, known: Mapping[str, Shape], written: Mapping[str, object]) -> None:
        self._known = known
        self._by_attribute = _grouped(known, lambda name: name.rpartition(":")[2])
        self._by_stem = _grouped(written, _stem)

    def meant_by(self, name: str) -> str | None:
        """Return the only network that ``name`` can mean, None where there is none or several."""
        if name in self._known:
            return name
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
