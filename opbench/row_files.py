"""CSV files of one value per row: a dataclass in columns.

A list is texts with "; " between them; an empty cell is None where the field may be None.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Generic, TypeVar, get_args, get_origin

from opbench import files
from opbench.value import Value, fields_of

_V = TypeVar("_V", bound=Value)
_MOST_DIGITS = 18
_BETWEEN = "; "


@dataclass(frozen=True, slots=True)
class RowFormat(Generic[_V]):
    """The columns of a file, in their order, and how to write it anew.

    ``later`` are columns that files written before do not have; ``remedy`` says how to mend a cell.
    """

    kind: type[_V]
    columns: Sequence[str]
    remedy: str
    later: Collection[str] = ()

    def read(self, path: Path) -> Iterator[tuple[int, _V]]:
        """Yield the line number and the value of each row.  Raises ``BadFileError``."""
        kinds = {each.name: _kinds(each.kind) for each in fields_of(self.kind)}

        def parse(row: dict[str, str]) -> _V:
            return self.kind.from_json(
                {key: self._value(key, kinds[key], text) for key, text in row.items()}
            )

        return files.read_rows(path, self.columns, parse, later=self.later)

    def write(self, path: Path, rows: Iterable[_V], comment: Sequence[str] = ()) -> None:
        """Write ``rows`` below the lines of ``comment``.  Raises ``BadFileError``."""
        text = io.StringIO(newline="")
        text.writelines(f"# {line}\n" for line in comment)
        writer = csv.DictWriter(text, self.columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(
            {key: _cell(value) for key, value in row.to_json().items()} for row in rows
        )
        files.write(path, text.getvalue())

    def _value(self, key: str, kinds: Collection[Any], text: str) -> Any:
        if tuple in kinds:
            return text.split(_BETWEEN) if text else []
        if not text and NoneType in kinds:
            return None
        if float in kinds:
            return files.number({key: text}, key)
        return self._natural(key, text) if int in kinds else text

    def _natural(self, key: str, text: str) -> int:
        if not text.isascii() or not text.isdecimal() or len(text) > _MOST_DIGITS:
            raise files.RowError(f"{key} is {text!r}: {self.remedy}")
        return int(text)


def _kinds(kind: Any) -> frozenset[Any]:
    """Return the types that a field may have: int of ``Annotated[int, ...]``, tuple of a list."""
    options = get_args(kind) if NoneType in get_args(kind) else (kind,)
    plain = (get_args(each)[0] if get_origin(each) is Annotated else each for each in options)
    return frozenset(get_origin(each) or each for each in plain)


def _cell(value: Any) -> Any:
    return _BETWEEN.join(value) if isinstance(value, list) else value
