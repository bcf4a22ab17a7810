"""Rows in a file, one for each name, each on disk before the next is made.

    counted.jsonl   one JSON object a line
    counted.csv     a header, then one line a row

A file that exists is gone on with: its rows are taken as they are.  Every row says in
``settings`` what it was made with, and a row made with others is refused, so that two kinds of
numbers never share a file unseen; what failed is tried again.  A last line that is damaged (the
program was killed while it wrote) is dropped and reported; other damage is the user's to mend,
because nothing here writes it, and a file of another kind is never touched.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from opbench.errors import BadFileError, BadValueError

Row = dict[str, Any]

SUFFIXES = (".jsonl", ".csv")


class RowFile:
    """The rows of one file by name, and the file open for more.

    ``columns`` are the keys of a row in their order, with the type of their values; "name" and
    "settings" are among them, and "error", which is empty in a row that did not fail.  ``notes``
    are what a user has to know about the file as it was found.
    """

    def __init__(self, path: Path, columns: Mapping[str, type]) -> None:
        """Open ``path``.  Raises ``BadValueError`` for another suffix than those of ``SUFFIXES``
        and ``BadFileError``, with file and line, for a file that these rows cannot go to."""
        if path.suffix not in SUFFIXES:
            raise BadValueError(f"the output {path} must end with {' or '.join(SUFFIXES)}")
        self.path, self._columns = path, dict(columns)
        self.rows: dict[str, Row] = {}
        self.notes: list[str] = []
        self._lines: dict[str, int] = {}
        try:
            self._read(path.read_bytes().decode() if path.exists() else "")
            if self.notes or not path.exists():
                self._rewrite()
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise BadFileError(f"the output {path} cannot be used: {error.strerror}") from None
        except UnicodeDecodeError:
            raise BadFileError(f"the output {path} exists and is no text: give another") from None

    def resume(self, settings: Mapping[str, str]) -> None:
        """Prepare for rows of these names, made with these settings; failed ones are taken out.

        Raises ``BadFileError`` for a row that was made with others.
        """
        for name, wanted in settings.items():
            found = self.rows.get(name, {}).get("settings", wanted)
            if found != wanted:
                raise BadFileError(
                    f"{self.path}, line {self._lines[name]}: {name} was counted with {found} and "
                    f"not with {wanted}: give another --output, or what was given before"
                )
        failed = [name for name in settings if self.rows.get(name, {}).get("error")]
        for name in failed:
            del self.rows[name]
        if failed:
            self._file.close()
            self._rewrite()
            self._file = self.path.open("ab", buffering=0)

    def append(self, row: Row) -> None:
        """Write one row, its missing values as None, and bring it to the disk.

        Raises ``BadFileError`` on a full disk.
        """
        row = {key: row.get(key) for key in self._columns}
        try:
            self._file.write(self._line(row))
            os.fsync(self._file.fileno())
        except OSError as error:
            raise BadFileError(
                f"{self.path} cannot be written: {error.strerror}: what was counted before is in "
                "it; the same command goes on from there"
            ) from None
        self.rows[row["name"]] = row

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    @property
    def _is_csv(self) -> bool:
        return self.path.suffix == ".csv"

    def _read(self, text: str) -> None:
        lines = list(io.StringIO(text, newline="\n"))
        for number, line in enumerate(lines, start=1):
            try:
                self._take(line, number)
            except (ValueError, csv.Error) as error:
                where = f"{self.path}, line {number}: {error}"
                if number == 1 or number < len(lines):
                    raise BadFileError(f"{where}: mend it or give another --output") from None
                self.notes.append(f"{where}: dropped")

    def _take(self, line: str, number: int) -> None:
        if not line.endswith("\n"):
            raise ValueError("the line has no end")
        if self._is_csv and number == 1:
            if _cells(line) != list(self._columns):
                raise ValueError(
                    f"this is no file of counts with columns {', '.join(self._columns)}"
                )
            return
        row = self._from_csv(line) if self._is_csv else self._from_json(line)
        self.rows[row["name"]], self._lines[row["name"]] = row, number

    def _from_csv(self, line: str) -> Row:
        row = dict(zip(self._columns, _cells(line), strict=True))
        return {
            key: kind(row[key]) if row[key] or kind is str else None
            for key, kind in self._columns.items()
        }

    def _from_json(self, line: str) -> Row:
        try:
            row = json.loads(line)
        except ValueError:
            raise ValueError("this is no whole JSON object") from None
        if not isinstance(row, dict) or list(row) != list(self._columns):
            raise ValueError(f"this is no object with the keys {', '.join(self._columns)}")
        for key, kind in self._columns.items():
            if not isinstance(row[key], kind | None):
                raise ValueError(f"{key} is {row[key]!r}")
        return row

    def _line(self, row: Row) -> bytes:
        if not self._is_csv:
            return json.dumps(row).encode() + b"\n"
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(row.values())
        return line.getvalue().encode()

    def _rewrite(self) -> None:
        """The file as it should be, in place of the one that is."""
        header = [(",".join(self._columns) + "\n").encode()] if self._is_csv else []
        new = self.path.with_name(f"{self.path.name}.new")
        new.write_bytes(b"".join([*header, *map(self._line, self.rows.values())]))
        new.replace(self.path)


def _cells(line: str) -> list[str]:
    return next(csv.reader([line], strict=True))
