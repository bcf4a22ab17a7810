"""Fit a table into the width of a terminal.

Columns leave from the right until the rest fits, and prose is wrapped into what is left, at most
``_MOST`` lines of it.  Columns that say what a row is stay, whole, even where they alone are too
wide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from opbench.cli.columns import Column, Row

GAP = 2
CUT = "..."
_LINES = 4  # of prose, as long as there is room for columns that wide
_MOST = 6
_NARROWEST = 18


class Fitted(NamedTuple):
    """A column that fits, and its width."""

    column: Column
    width: int


class Folded(NamedTuple):
    """The lines of a cell, and whether there were too many."""

    text: str
    cut: bool


def fit(columns: Sequence[Column], rows: Sequence[Row], width: int | None) -> list[Fitted]:
    """Return the columns that fit into ``width``, with the width of each; all where it is None."""
    sizes = {each.key: _size(each, rows) for each in columns}
    full = [Fitted(each, sizes[each.key][0]) for each in columns]
    if width is None or _total(full) <= width:
        return full
    kept = _kept([Fitted(each, sizes[each.key][1]) for each in columns], width)
    return _spread(kept, {key: full for key, (full, _) in sizes.items()}, width)


def _size(column: Column, rows: Sequence[Row]) -> tuple[int, int]:
    """Return the width without wrapping, and the least one that takes ``_LINES`` lines."""
    cells = [[cell_len(line) for line in column.lines(row)] for row in rows]
    title = cell_len(column.title)
    full = max([title, *(size for lines in cells for size in lines)])
    if not column.prose:
        return full, full
    longest = max((sum(lines) for lines in cells), default=0)
    return full, min(full, max(_NARROWEST, math.ceil(longest / _LINES)))


def _total(columns: Sequence[Fitted]) -> int:
    return sum(size for _, size in columns) + GAP * (len(columns) - 1)


def _kept(columns: list[Fitted], width: int) -> list[Fitted]:
    kept = list(columns)
    for each in reversed(columns):
        if _total(kept) <= width:
            break
        if not each.column.keep:
            kept.remove(each)
    return kept


def _spread(columns: list[Fitted], full: dict[str, int], width: int) -> list[Fitted]:
    """Give prose what is left of ``width``, or take from it what is missing, left to right."""
    spare = width - _total(columns)
    spread = []
    for column, size in columns:
        new = min(full[column.key], max(_NARROWEST, size + spare)) if column.prose else size
        spare -= new - size
        spread.append(Fitted(column, new))
    return spread


def fold(lines: Sequence[str], size: int) -> Folded:
    """Wrap the lines of a cell at ``size``; from the ``_MOST``-th on they are cut."""
    if all(cell_len(line) <= size for line in lines):
        return Folded("\n".join(lines), cut=False)
    folded = [each.plain for each in Text("\n".join(lines)).wrap(Console(), size, overflow="fold")]
    if len(folded) <= _MOST:
        return Folded("\n".join(folded), cut=False)
    last = folded[_MOST - 1][: size - len(CUT)].rstrip()
    return Folded("\n".join([*folded[: _MOST - 1], f"{last}{CUT}"]), cut=True)
