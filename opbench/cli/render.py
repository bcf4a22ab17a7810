"""Render rows in the format asked for; write them to stdout, and everything else to stderr.

    render(rows, format, columns)   a string
    write(text)                     to standard output; nothing else writes there
    say(sentence)                   to standard error: errors, warnings
    note(sentence)                  to standard error, but not with --quiet

``json`` and ``csv`` hold every key unrounded; ``table`` and ``markdown`` hold the columns chosen
for people, scaled as the column says.  ``json`` gives every text back as it was; the others hold
it as ``escapes`` writes it, a row of ``csv`` on one line.
"""

from __future__ import annotations

import csv
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from io import StringIO
from typing import Any
from urllib.parse import quote

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from opbench.cli.columns import Column, Row, text
from opbench.cli.fit import CUT, GAP, Fitted, fit, fold
from opbench.escapes import csv_cell, json_text, markdown, printable
from opbench.processes.printed import stdout_to_stderr


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

# Where the columns are that do not fit into a part of a page that --format csv does not hold.
WIDER = "widen the terminal"

_NAMED = 3  # rows in front of a note that is about many
_OF_ADDRESSES = ":/?#@!$&'*+,;=%~"


def write(text: str) -> None:
    """Write to standard output at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


def say(sentence: str) -> None:
    """Write a line to standard error."""
    messages.print(printable(" ".join(sentence.splitlines())))


def note(sentence: str) -> None:
    """Write a line to standard error that --quiet leaves out."""
    if not output.quiet:
        say(sentence)


def stdout_is_ours() -> AbstractContextManager[None]:
    """Send what other people's networks print to standard error, until the context ends."""
    return stdout_to_stderr()


class Format(StrEnum):
    """Formats of rows."""

    table = "table"
    json = "json"
    csv = "csv"
    markdown = "markdown"


def render(
    rows: Sequence[Row],
    format: Format,
    columns: Sequence[Column] = (),
    *,
    caption: str = "",
    more: str = "--format csv",
    plain: bool = False,
) -> str:
    """Render ``rows``, with every key as it is where there are no ``columns``.

    A table fits the terminal that it is written to, and says where columns that do not fit are
    to be had (``more``); it is as wide as its rows where there is no terminal, or where it is for
    a file (``plain``).
    """
    columns = columns or [Column(key=key, title=key) for key in _keys(rows)]
    match format:
        case Format.json:
            return json_text(list(rows))
        case Format.csv:
            return _csv(rows)
        case Format.markdown:
            return _markdown(rows, columns)
        case Format.table:
            in_rows = [each for each in columns if not each.note]
            shown = fit(in_rows, rows, None if plain else terminal_width())
            parts = _table(rows, columns, shown, more)
            return _printed(*parts, *_caption(caption, shown), plain=plain)


def terminal_width() -> int | None:
    """Return the number of columns of the terminal that stdout is, None where it is none."""
    console = Console()
    return console.width if console.is_terminal else None


def heading(line: str) -> str:
    """Render a line that is bold on a terminal."""
    return _printed(Text(printable(line), style="bold", no_wrap=True, overflow="ignore"))


def wrapped(paragraph: str, *, indent: str = "", hanging: str = "") -> str:
    """Wrap a paragraph at the width of the terminal, at 80 where there is none.

    ``indent`` stands in front of the first line, ``hanging`` of the others.
    """
    lines = textwrap.fill(
        printable(" ".join(paragraph.split())),
        terminal_width() or 80,
        initial_indent=indent,
        subsequent_indent=hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return f"{lines}\n"


def indented(paragraph: str) -> str:
    """Render a paragraph that is indented by two and wrapped at the width of the terminal."""
    return wrapped(paragraph, indent="  ", hanging="  ")


def plural(number: int, noun: str) -> str:
    """Return ``1 cell`` or ``2 cells``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def summarise(noun: str, found: Sequence[StrEnum], order: Iterable[StrEnum]) -> str:
    """Count words: ``12 cells: 1 SLOWER, 11 SAME``."""
    numbers = Counter(found)
    told = ", ".join(f"{numbers[word]} {word}" for word in order if numbers[word])
    return f"{plural(len(found), noun)}: {told}"


def _csv(rows: Sequence[Row]) -> str:
    lines = StringIO()
    writer = csv.DictWriter(lines, _keys(rows), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _csv_value(value) for key, value in row.items()} for row in rows)
    return lines.getvalue()


def _csv_value(value: Any) -> Any:
    """Return a number as it is: it may begin with a minus."""
    return value if isinstance(value, int | float) else csv_cell(text(value))


def _markdown(rows: Sequence[Row], columns: Sequence[Column]) -> str:
    columns = [each for each in columns if not each.note or any(map(each.lines, rows))]
    lines = [
        [column.title for column in columns],
        ["--:" if column.right else "---" for column in columns],
        *([_markdown_cell(row, column) for column in columns] for row in rows),
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _markdown_cell(row: Row, column: Column) -> str:
    cell = "<br>".join(map(markdown, column.lines(row)))
    address = row.get(column.link)
    return f"[{cell}]({quote(address, safe=_OF_ADDRESSES)})" if address else cell


def _keys(rows: Iterable[Row]) -> list[str]:
    return list(dict.fromkeys(key for row in rows for key in row))


def _caption(caption: str, shown: Sequence[Fitted]) -> list[Text]:
    """Return the sentences about the table and about those of its columns that are shown."""
    sentences = dict.fromkeys([caption, *(column.caption for column, _ in shown)])
    paragraph = wrapped(" ".join(filter(None, sentences))).rstrip()
    return [Text(paragraph, style="table.caption")] if paragraph else []


def _table(
    rows: Sequence[Row], columns: Sequence[Column], shown: Sequence[Fitted], more: str
) -> list[Text | Table]:
    """Return the table, and below it what is missing and the notes on rows."""
    cells = [[fold(each.lines(row), size) for each, size in shown] for row in rows]
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for column, size in shown:
        justify: Any = "right" if column.right else "left"
        table.add_column(column.title, justify=justify, width=size)
    for row in cells:
        # Text, not str: a name such as "[red]" is a name and not markup.
        table.add_row(*(Text(cell.text) for cell in row))
    left = sum(not each.note for each in columns) - len(shown)
    missing = [plural(left, "more column")] if left else []
    if any(cell.cut for row in cells for cell in row):
        missing.append(f"texts cut at {CUT}")
    below = [wrapped(f"{' and '.join(missing)}: {more}").rstrip()] if missing else []
    return [table, *map(Text, [*below, *_notes(rows, columns)])]


def _notes(rows: Sequence[Row], columns: Sequence[Column]) -> Iterator[str]:
    """Yield each note once, behind the rows that it is about."""
    about: dict[str, dict[str, None]] = {}
    for row in rows:
        for column in columns:
            if column.note and (note := " ".join(column.lines(row))):
                about.setdefault(note, {})[_named(row, columns)] = None
    for note, names in about.items():
        first, more = list(names)[:_NAMED], len(names) - _NAMED
        told = ", ".join(first) + (f" and {more} more" if more > 0 else "")
        yield wrapped(f"{told}: {note}", hanging="  ").rstrip()


def _named(row: Row, columns: Sequence[Column]) -> str:
    """Say which row it is: "resnet18 batch 16"."""
    kept = [(each, " ".join(each.lines(row))) for each in columns if each.keep]
    return " ".join(f"{each.title} {cell}" if each.right else cell for each, cell in kept if cell)


def _printed(*renderables: RenderableType, plain: bool = False) -> str:
    console = Console(
        highlight=False,
        force_terminal=False if plain else None,
        color_system=None if output.plain else "auto",
    )
    console.width = 10_000  # lines are wrapped already, and no name is cut
    with console.capture() as captured:
        console.print(*renderables, sep="\n")
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())
