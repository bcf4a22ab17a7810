"""Rows to stdout in the format asked for; everything else goes to stderr.

A command hands over flat rows; ``json`` and ``csv`` print them unrounded with every key,
``table`` and ``markdown`` print the columns chosen for people, scaled as the column says.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

Row = Mapping[str, Any]

messages = Console(stderr=True, highlight=False, soft_wrap=True)


def stdout_is_ours() -> redirect_stdout[Any]:
    """For as long as it is entered, what other people's networks print goes to stderr."""
    return redirect_stdout(sys.stderr)


class Format(StrEnum):
    """How rows are printed."""

    table = "table"
    json = "json"
    csv = "csv"
    markdown = "markdown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column for people: which key, its heading, and how a value is written."""

    key: str
    title: str
    show: Callable[[Any], str] = str
    right: bool = False


def integer(value: Any) -> str:
    """``1234567`` as ``1,234,567``; nothing for None."""
    return "" if value is None else f"{value:,}"


def scaled(factor: float, digits: int) -> Callable[[Any], str]:
    """A formatter that multiplies by ``factor``; nothing for None."""
    return lambda value: "" if value is None else f"{value * factor:,.{digits}f}"


def as_printed(factor: float) -> Callable[[Any], str]:
    """As ``scaled`` with two digits, without the zeros that a source did not print."""
    exact = scaled(factor, 2)
    return lambda value: "" if value is None else exact(value).rstrip("0").rstrip(".")


def text(value: Any) -> str:
    """The value as it is; nothing for None."""
    return "" if value is None else str(value)


def emit(
    rows: Sequence[Row],
    format: Format,
    columns: Sequence[Column] = (),
    *,
    title: str = "",
    caption: str = "",
) -> None:
    """Print ``rows`` on stdout.  ``columns`` default to every key, unscaled."""
    columns = columns or [Column(key=key, title=key, show=text) for key in _keys(rows)]
    if format is Format.json:
        sys.stdout.write(json.dumps(list(rows), indent=1) + "\n")
    elif format is Format.csv:
        writer = csv.DictWriter(sys.stdout, _keys(rows), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    elif format is Format.markdown:
        sys.stdout.write(markdown(rows, columns) + "\n")
    else:
        _print_table(rows, columns, title, caption)


def markdown(rows: Sequence[Row], columns: Sequence[Column]) -> str:
    """The rows as a GitHub table."""
    lines = [
        _line(column.title for column in columns),
        _line("--:" if column.right else "---" for column in columns),
    ]
    for row in rows:
        lines.append(_line(_cell(row, column).replace("|", "\\|") for column in columns))
    return "\n".join(lines)


def _line(cells: Any) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(row: Row, column: Column) -> str:
    return column.show(row.get(column.key))


def _keys(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(key for row in rows for key in row))


def _print_table(rows: Sequence[Row], columns: Sequence[Column], title: str, caption: str) -> None:
    table = Table(
        title=title or None,
        caption=caption or None,
        title_justify="left",
        caption_justify="left",
        box=None,
        pad_edge=False,
        header_style="bold",
        title_style="bold",
    )
    for column in columns:
        table.add_column(
            column.title, justify="right" if column.right else "left", no_wrap=column.right
        )
    for row in rows:
        # Text, not str: a name such as "[red]" is a name and not markup.
        table.add_row(*(Text(_cell(row, column)) for column in columns))
    console = Console(highlight=False)
    if console.is_terminal:
        console.print(table)
        return
    console.width = 10_000  # a pipe has no width: no column is cut for it, and no line padded
    with console.capture() as printed:
        console.print(table)
    for line in printed.get().splitlines():
        sys.stdout.write(line.rstrip() + "\n")
