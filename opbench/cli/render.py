"""Render rows in the format asked for; write them to stdout, and everything else to stderr.

    render(rows, format, columns)   a string
    write(text)                     to standard output; nothing else writes there
    say(sentence)                   to standard error: errors, warnings
    note(sentence)                  to standard error, but not with --quiet

``json`` and ``csv`` hold every key unrounded; ``table`` and ``markdown`` hold the columns chosen
for people, scaled as the column says.
"""

from __future__ import annotations

import csv
import json
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from enum import StrEnum
from io import StringIO
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from opbench.metrics import METRICS

Row = Mapping[str, Any]


@dataclass(slots=True)
class _Output:
    """Options of the command that runs: --quiet and --no-color."""

    quiet: bool = False
    plain: bool = False

    def restore(self) -> None:
        """Return to the defaults, for the next command of this process."""
        self.quiet = self.plain = False


output = _Output()

# Names hold brackets and colons, which are neither markup nor emoji.
messages = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)


def write(text: str) -> None:
    """Write to standard output at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


def say(sentence: str) -> None:
    """Write a line to standard error."""
    messages.print(sentence)


def note(sentence: str) -> None:
    """Write a line to standard error that --quiet leaves out."""
    if not output.quiet:
        say(sentence)


def stdout_is_ours() -> redirect_stdout[Any]:
    """Send what other people's networks print to standard error, until the context ends."""
    return redirect_stdout(sys.stderr)


class Format(StrEnum):
    """Formats of rows."""

    table = "table"
    json = "json"
    csv = "csv"
    markdown = "markdown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column for people: the key of its values, its heading, and how a value is written."""

    key: str
    title: str
    show: Callable[[Any], str] = str
    right: bool = False


def integer(value: Any) -> str:
    """Return ``1234567`` as ``1,234,567``, None as nothing."""
    return "" if value is None else f"{value:,}"


def scaled(factor: float, digits: int) -> Callable[[Any], str]:
    """Return a formatter that multiplies by ``factor`` and rounds, and shows None as nothing."""
    return lambda value: "" if value is None else f"{value * factor:,.{digits}f}"


def in_unit(metric: str, digits: int) -> Callable[[Any], str]:
    """Return a formatter that rounds in the unit of ``metric``."""
    return scaled(METRICS[metric].scale, digits)


def metric_column(metric: str, digits: int, title: str | None = None, key: str = "") -> Column:
    """Return the column of a metric, or of ``key`` in its unit; ``title`` replaces its label."""
    label = METRICS[metric].label if title is None else title
    return Column(
        key=key or metric,
        title=f"{label} {METRICS[metric].unit}".strip(),
        show=in_unit(metric, digits),
        right=True,
    )


def as_printed(factor: float) -> Callable[[Any], str]:
    """Return ``scaled`` with two digits, without the zeros that a source did not print."""
    exact = scaled(factor, 2)
    return lambda value: "" if value is None else exact(value).rstrip("0").rstrip(".")


def text(value: Any) -> str:
    """Return the value unchanged, a list with commas, None as nothing."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def render(
    rows: Sequence[Row],
    format: Format,
    columns: Sequence[Column] = (),
    *,
    caption: str = "",
    plain: bool = False,
) -> str:
    """Render ``rows``, with every key as it is where there are no ``columns``.

    A table fits the terminal that it is written to; it is as wide as its rows where there is
    none, or where it is for a file (``plain``).
    """
    columns = columns or [Column(key=key, title=key, show=text) for key in _keys(rows)]
    match format:
        case Format.json:
            return json.dumps(list(rows), indent=1) + "\n"
        case Format.csv:
            return _csv(rows)
        case Format.markdown:
            return _markdown(rows, columns)
        case Format.table:
            below = [Text(_wrapped(caption), style="table.caption")] if caption else []
            return _printed(_table(rows, columns), *below, plain=plain)


def heading(line: str) -> str:
    """Render a line that is bold on a terminal."""
    return _printed(Text(line, style="bold", no_wrap=True, overflow="ignore"))


def indented(paragraph: str) -> str:
    """Render a paragraph that is indented by two and wrapped at the width of the terminal."""
    return f"{_wrapped(paragraph, indent='  ')}\n"


def plural(number: int, noun: str) -> str:
    """Return ``1 cell`` or ``2 cells``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def summarise(noun: str, found: Sequence[StrEnum], order: Iterable[StrEnum]) -> str:
    """Count words: ``12 cells: 1 SLOWER, 11 SAME``."""
    numbers = Counter(found)
    told = ", ".join(f"{numbers[word]} {word}" for word in order if numbers[word])
    return f"{plural(len(found), noun)}: {told}"


def _wrapped(paragraph: str, *, indent: str = "") -> str:
    console = Console()
    return textwrap.fill(
        paragraph,
        console.width if console.is_terminal else 80,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _csv(rows: Sequence[Row]) -> str:
    lines = StringIO()
    writer = csv.DictWriter(lines, _keys(rows), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: text(value) for key, value in row.items()} for row in rows)
    return lines.getvalue()


def _markdown(rows: Sequence[Row], columns: Sequence[Column]) -> str:
    lines = [
        [column.title for column in columns],
        ["--:" if column.right else "---" for column in columns],
        *([cell.replace("|", "\\|") for cell in _cells(row, columns)] for row in rows),
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cells(row: Row, columns: Sequence[Column]) -> list[str]:
    return [column.show(row.get(column.key)) for column in columns]


def _keys(rows: Iterable[Row]) -> list[str]:
    return list(dict.fromkeys(key for row in rows for key in row))


def _table(rows: Sequence[Row], columns: Sequence[Column]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        justify: Any = "right" if column.right else "left"
        table.add_column(column.title, justify=justify, no_wrap=column.right)
    for row in rows:
        # Text, not str: a name such as "[red]" is a name and not markup.
        table.add_row(*map(Text, _cells(row, columns)))
    return table


def _printed(*renderables: RenderableType, plain: bool = False) -> str:
    console = Console(
        highlight=False,
        force_terminal=False if plain else None,
        color_system=None if output.plain else "auto",
    )
    if not console.is_terminal:
        console.width = 10_000  # a pipe has no width: no column is cut for it, and no line padded
    with console.capture() as captured:
        console.print(*renderables, sep="\n")
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())
