"""Read the exact counts of the built-in architectures from a file.

``results/counts.csv`` holds one row per built-in architecture, written by ``opbench list
--update`` from real counts and kept fresh by a test.  Reading it needs neither torch nor pandas,
so that ``opbench list``, ``plot`` and ``report`` start at once.  In an installed wheel
the same file lies inside the package.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from opbench.errors import BadFileError, UnknownNameError
from opbench.names import matching
from opbench.record import Totals
from opbench.row_files import RowFormat
from opbench.spec import Shape
from opbench.value import Natural, Text

_PACKAGE = Path(__file__).parents[1]
RESULTS = _PACKAGE.parent / "results" / "counts.csv"
_CANDIDATES = (_PACKAGE / "counts.csv", RESULTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRow(Totals):
    """One row of ``counts.csv``: an architecture and its exact counts for one image.

    ``linear_params`` and ``linear_macs`` are the part of both that lies in fully connected
    layers; ``fvcore_macs`` is the count of the independent witness, None if it cannot trace the
    network, and ``witness_note`` the reason for a difference; ``onnx_macs`` is the count of the
    graph that torch exports, None where it was not exported; ``uncounted`` are operators without a
    rule; ``stated_params`` and ``stated_macs`` are the numbers that its authors print, None if
    there are none; ``changes`` are the design choices that a variant changes, as in
    ``ArchitectureSpec``.
    """

    name: Text
    label: Text
    family: Text
    year: Natural
    dataset: Text
    input_size: Shape
    linear_params: Natural
    linear_macs: Natural
    fvcore_macs: Natural | None
    onnx_macs: Natural | None = None
    witness_note: str
    uncounted: tuple[str, ...]
    stated_params: Natural | None
    stated_macs: Natural | None
    paper: str
    paper_url: str
    changes: str


_FIRST = ("name", "label", "family", "year", "dataset", "input_size")
COLUMNS = (*_FIRST, *(each.name for each in fields(NetworkRow) if each.name not in _FIRST))
_FORMAT = RowFormat(
    NetworkRow,
    COLUMNS,
    remedy="`opbench list --update` rewrites it",
    later=("onnx_macs",),  # files written before have no such column
)


def counts_file() -> Path:
    """Return where the counts are: in an installed package, else among a clone's results."""
    return next((path for path in _CANDIDATES if path.is_file()), RESULTS)


@cache
def load(path: Path | None = None) -> tuple[NetworkRow, ...]:
    """Read all rows, in the order of the file.  Raises ``BadFileError`` naming file and line."""
    path = path or counts_file()
    if not path.is_file():
        raise BadFileError(
            f"the registry's counts are missing from {path}: `opbench list --update` writes them"
        )
    return tuple(row for _, row in _FORMAT.read(path))


def save(rows: Iterable[NetworkRow], path: Path) -> None:
    """Write ``rows`` sorted by name, the same bytes for the same rows.

    Raises ``BadFileError`` where the folder cannot be written to.
    """
    _FORMAT.write(path, sorted(rows, key=lambda row: row.name))


def list_architectures(pattern: str = "*") -> list[str]:
    """Return the built-in names that a glob matches.  Raises ``UnknownNameError`` if none does."""
    return [row.name for row in chosen(load(), [pattern])]


def chosen(rows: Sequence[NetworkRow], patterns: Iterable[str]) -> list[NetworkRow]:
    """Return the rows whose name or label a pattern matches, in their order.

    Raises ``UnknownNameError`` with near matches for a pattern that matches nothing.
    """
    labels = {row.name: row.label for row in rows}
    wanted: set[str] = set()
    for pattern in patterns:
        found = matching(pattern, labels, labels)
        if not found:
            raise unknown(pattern, labels)
        wanted.update(found)
    return [row for row in rows if row.name in wanted]


def unknown(pattern: str, names: Iterable[str]) -> UnknownNameError:
    """Return the error for a name or glob that matches none of the registry's ``names``."""
    return UnknownNameError("network", pattern, names, see="`opbench list` shows all", globs=True)
