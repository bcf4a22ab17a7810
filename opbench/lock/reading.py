"""Read a lock from its text; an error names file, line and remedy.

A lock is a contract: unknown keys, wrong types, names that occur twice (as after a careless merge)
and totals that are not the sums of their rows are refused.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from opbench.errors import BadFileError
from opbench.lock.blocks import FORMAT, Block, Lock, LockedModule
from opbench.lock.lines import duplicate, line_of
from opbench.metrics import CONVENTION_ID
from opbench.record import OperatorSum
from opbench.value import FieldError, Natural, Value, fields_of

REMEDY = (
    "restore it from version control, or delete it and name its targets: "
    "`opbench check --update TARGET...`"
)

# Before it had an id, the convention was told by this sentence.
_CONVENTIONS = (
    CONVENTION_ID,
    "1 MAC is one multiply-add of a convolution, linear layer or matrix product; bias, "
    "normalisation, activation functions, pooling and additions are 0",
)

# Format 1 lists no modules without parameters and operators.
_FORMATS = (1, FORMAT)
_ENDLESS = re.compile(r"\d{2000}")
_MARKER = re.compile(r"(<{7}|={7}|>{7}|\|{7})( |$)")

_V = TypeVar("_V", bound=Value)


@dataclass(frozen=True, slots=True, kw_only=True)
class _File(Value):
    """The outermost object."""

    format: Natural
    convention: str
    targets: tuple[str, ...]
    networks: dict[str, Any]


class NewerLockError(BadFileError):
    """A lock that a later opbench wrote."""


class ConflictedLockError(BadFileError):
    """A lock in which a merge left conflict markers."""


def parse(text: str, source: str) -> Lock:
    """Read a lock; ``source`` names it in errors.

    Raises ``BadFileError`` naming line and remedy, ``NewerLockError`` for a later format.
    """
    return _Reader(text, source).lock()


@dataclass(frozen=True, slots=True)
class _Reader:
    text: str
    source: str

    def lock(self) -> Lock:
        file = self._file(self._decoded())
        return Lock(
            targets=file.targets,
            networks={
                name: self._block(table, ("networks", name))
                for name, table in file.networks.items()
            },
        )

    def refuse(self, path: Iterable[str], what: str) -> NoReturn:
        line = line_of(self.text, tuple(path))
        raise BadFileError(f"{self.source}, line {line}: {what}: {REMEDY}")

    def _decoded(self) -> Any:
        try:
            return json.loads(self.text, object_pairs_hook=_unique)
        except _TwiceError:
            key, line = duplicate(self.text)
            raise BadFileError(
                f"{self.source}, line {line}: {key!r} occurs twice, as after a merge: {REMEDY}"
            ) from None
        except json.JSONDecodeError as error:
            self._refuse_conflict()
            # What begins otherwise may be any file of the user's, which nobody should delete.
            begun = self.text.lstrip().startswith("{")
            raise BadFileError(
                f"{self.source}, line {error.lineno}: not valid JSON at column {error.colno} "
                f"({error.msg}): {REMEDY if begun else 'name a lock of opbench with --lock'}"
            ) from None
        except RecursionError:
            self.refuse((), "nested too deeply for a lock")
        except ValueError as error:  # Python's limit on the digits of an integer
            found = _ENDLESS.search(self.text)
            line = self.text.count("\n", 0, found.start() if found else 0) + 1
            what = "a number of thousands of digits" if found else f"not valid JSON ({error})"
            raise BadFileError(f"{self.source}, line {line}: {what}: {REMEDY}") from None

    def _refuse_conflict(self) -> None:
        """Raise ``ConflictedLockError`` where git left a conflict in the file."""
        for number, line in enumerate(self.text.splitlines(), 1):
            if _MARKER.match(line):
                name = shlex.quote(self.source.rpartition(" at ")[0] or self.source)
                raise ConflictedLockError(
                    f"{self.source}, line {number}: has conflict markers of a merge: "
                    f"`git checkout --theirs {name} && opbench check --update` counts its networks "
                    "again; name the targets that only your side has after --update"
                )

    def _file(self, table: Any) -> _File:
        if not isinstance(table, dict) or type(table.get("format")) is not int:
            self.refuse((), 'not a lock of opbench: "format" is missing')
        if table["format"] > FORMAT:
            line = line_of(self.text, ("format",))
            raise NewerLockError(
                f"{self.source}, line {line}: format {table['format']} needs a newer opbench "
                f"(this one reads {FORMAT}): `pip install --upgrade opbench`"
            )
        if table["format"] not in _FORMATS:
            self.refuse(("format",), f"unknown format {table['format']}")
        file = self._value(_File, table, ())
        if file.convention not in _CONVENTIONS:
            self.refuse(("convention",), f"counted by a convention other than {CONVENTION_ID!r}")
        return file

    def _block(self, table: Any, path: tuple[str, ...]) -> Block:
        kinds: dict[str, type[Value]] = {"operators": OperatorSum, "modules": LockedModule}
        for key, kind in kinds.items():
            rows = self._table(table, path).get(key)
            for name, row in rows.items() if isinstance(rows, dict) else ():
                self._value(kind, row, (*path, key, name))
        block = self._value(Block, table, path)
        self._check_sums(block, path)
        return block

    def _check_sums(self, block: Block, path: tuple[str, ...]) -> None:
        for metric in ("macs", "activations"):
            total = block.totals()[metric]
            for kind, rows in (("operators", block.operators), ("modules", block.modules)):
                added = sum(getattr(row, metric) for row in rows.values())
                if added != total:
                    self.refuse(
                        (*path, metric),
                        f"{metric} of {path[-1]!r} is {total:,} and its {kind} add up to "
                        f"{added:,}, so it was edited by hand",
                    )

    def _value(self, kind: type[_V], table: Any, path: tuple[str, ...]) -> _V:
        """Read one value; a lock has no keys but those of its values."""
        known = {each.name for each in fields_of(kind)}
        for key in self._table(table, path):
            if key not in known:
                self.refuse((*path, key), f"{_in(path)}unknown key {key!r}")
        try:
            return kind.from_json(table)
        except FieldError as error:
            self.refuse((*path, error.field), f"{_in(path)}{error}")

    def _table(self, value: Any, path: tuple[str, ...]) -> dict[str, Any]:
        if not isinstance(value, dict):
            self.refuse(path, f"{path[-1]!r} must be an object")
        return value


def _in(path: tuple[str, ...]) -> str:
    return f"in {path[-1]!r}, " if path else ""


class _TwiceError(ValueError):
    """A key that an object has twice."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        raise _TwiceError
    return table
