"""CSV files read row by row, so that what is wrong can be named by file and line.

``BadFileError`` says the file, the line, the column and what to write instead.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from opbench.errors import BadFileError

T = TypeVar("T")


class RowError(ValueError):
    """What is wrong with one row: a sentence without file and line."""


def read_rows(
    path: Path, columns: Sequence[str], parse: Callable[[dict[str, str]], T]
) -> Iterator[tuple[int, T]]:
    """The line number and the parsed value of each row of ``path``.

    The header must hold exactly ``columns``, in any order.  Raises ``BadFileError``.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, strict=True)
            _check_header(path, reader.fieldnames or (), columns)
            for row in reader:
                yield reader.line_num, _parsed(path, reader.line_num, row, parse)
    except OSError as error:
        raise BadFileError(f"{path} cannot be read ({error.strerror}): give another file") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadFileError(f"{path} is no CSV file in UTF-8 ({error}): save it as one") from None


def bad_line(path: Path, line: int, problem: str) -> BadFileError:
    """The error for one line of a file."""
    return BadFileError(f"{path}, line {line}: {problem}")


def percent(row: dict[str, str], column: str) -> float | None:
    """A percentage from 0 to 100, None when the cell is empty.  Raises ``RowError``."""
    text = row[column]
    if not text:
        return None
    value = number(row, column)
    if not 0 <= value <= 100:
        raise RowError(f"{column} is {text}: write a percentage from 0 to 100")
    return value


def number(row: dict[str, str], column: str) -> float:
    """A finite number.  Raises ``RowError``."""
    try:
        value = float(row[column])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise RowError(f"{column} is {row[column]!r}: write a number")
    return value


def choice(row: dict[str, str], column: str, allowed: Sequence[str]) -> str:
    """One word of a closed vocabulary.  Raises ``RowError``."""
    if row[column] not in allowed:
        raise RowError(f"{column} is {row[column]!r}: write one of {', '.join(allowed)}")
    return row[column]


def _check_header(path: Path, found: Sequence[str], columns: Sequence[str]) -> None:
    missing = [column for column in columns if column not in found]
    unknown = [column for column in found if column not in columns]
    twice = sorted({column for column in found if found.count(column) > 1})
    for problem, names in (("lacks", missing), ("has no use for", unknown), ("repeats", twice)):
        if names:
            raise bad_line(
                path, 1, f"the header {problem} {', '.join(names)}: write {','.join(columns)}"
            )


def _parsed(path: Path, line: int, row: dict[str, str], parse: Callable[[dict[str, str]], T]) -> T:
    if None in row or None in row.values():
        raise bad_line(path, line, "more or fewer cells than the header has columns: quote commas")
    try:
        return parse({column: text.strip() for column, text in row.items()})
    except RowError as error:
        raise bad_line(path, line, str(error)) from None
