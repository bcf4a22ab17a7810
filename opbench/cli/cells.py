"""Columns of the settings that tell the cells of a table apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from opbench.cli.columns import Column, Row, text
from opbench.record import USUAL


def _sizes(first: Any, others: Sequence[Any] | None) -> str:
    return ", ".join(map(text, (first, *(others or ()))))


CELL = (
    Column(key="name", title="name", keep=True),
    Column(key="input_size", also=("other_input_sizes",), title="input", show=_sizes),
    Column(key="inputs", title="inputs", prose=True),
    Column(key="batch_size", title="batch", right=True),
    Column(key="device", title="device"),
    Column(key="dtype", title="dtype"),
    Column(key="memory_format", title="layout"),
    Column(key="runtime", title="runtime"),
    Column(key="compile", title="mode"),
    Column(key="threads", title="threads", right=True),
    Column(key="pass", title="pass"),
)


class CellColumns(NamedTuple):
    """The name and the settings that differ between rows, which stay; and the others."""

    vary: list[Column]
    same: list[Column]


def cell_columns(rows: Sequence[Row]) -> CellColumns:
    """Return the columns of cells: the name, and settings that are unusual in any row."""
    name, *settings = shown(CELL, rows, USUAL)
    vary = [each for each in settings if len({text(row.get(each.key)) for row in rows}) > 1]
    same = [each for each in settings if each not in vary]
    return CellColumns([name, *(replace(each, keep=True) for each in vary)], same)


def shown(columns: Sequence[Column], rows: Sequence[Row], usual: dict[str, object]) -> list[Column]:
    """Return ``columns`` without those that hold nothing, or the usual value, in every row."""
    return [
        column
        for column in columns
        if column.key not in usual
        or any(row.get(column.key) not in (None, "", usual[column.key]) for row in rows)
    ]
