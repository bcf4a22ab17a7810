"""A lock from its text.  Whatever is wrong with it is answered with file, line and remedy.

A lock is a contract, so nothing in it is taken on trust: unknown keys, wrong types, names that are
there twice (what a careless merge leaves) and totals that their rows do not add up to are refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from opbench.errors import BadFileError
from opbench.lock.blocks import (
    FORMAT,
    FROM_OPTION,
    FROM_TARGET,
    Block,
    Lock,
    LockedModule,
    OperatorSum,
)
from opbench.lock.lines import duplicate, line_of
from opbench.metrics import CONVENTION_ID, COUNTED
from opbench.spec import Shape

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
_HEADER = ("format", "convention", "targets", "networks")
_BLOCK = (
    "input_size",
    "input_size_from",
    "batch_size",
    *COUNTED,
    "uncounted",
    "operators",
    "modules",
    "versions",
)
_SUM = ("calls", "macs", "activations")
_MODULE = ("kind", "params", "macs", "activations", "operators")


_Row = TypeVar("_Row")


class NewerLockError(BadFileError):
    """A lock that a later opbench wrote."""


def parse(text: str, source: str) -> Lock:
    """The lock that ``text`` is; ``source`` names it in errors.

    Raises ``BadFileError`` naming line and remedy, ``NewerLockError`` for a later format.
    """
    return _Reader(text, source).lock()


@dataclass(frozen=True, slots=True)
class _Reader:
    text: str
    source: str

    def lock(self) -> Lock:
        table = self._decoded()
        self._check_header(table)
        networks = self._table(table["networks"], ("networks",))
        return Lock(
            targets=self._texts(table["targets"], ("targets",)),
            networks={name: self._block(networks[name], ("networks", name)) for name in networks},
        )

    def refuse(self, path: Iterable[str], what: str, remedy: str = REMEDY) -> NoReturn:
        line = line_of(self.text, tuple(path))
        raise BadFileError(f"{self.source}, line {line}: {what}: {remedy}")

    def _decoded(self) -> Any:
        try:
            return json.loads(self.text, object_pairs_hook=_unique)
        except _TwiceError:
            key, line = duplicate(self.text)
            raise BadFileError(
                f"{self.source}, line {line}: {key!r} is there twice, as after a merge: {REMEDY}"
            ) from None
        except json.JSONDecodeError as error:
            raise BadFileError(
                f"{self.source}, line {error.lineno}: damaged, no valid JSON from column "
                f"{error.colno} on ({error.msg}): {REMEDY}"
            ) from None
        except RecursionError:
            raise BadFileError(f"{self.source}, line 1: no lock of opbench: {REMEDY}") from None

    def _check_header(self, table: Any) -> None:
        if not isinstance(table, dict) or type(table.get("format")) is not int:
            self.refuse((), 'no lock of opbench: it has no "format"')
        if table["format"] > FORMAT:
            line = line_of(self.text, ("format",))
            raise NewerLockError(
                f"{self.source}, line {line}: of format {table['format']}, and this opbench reads "
                f"{FORMAT}: `pip install --upgrade opbench`"
            )
        if table["format"] != FORMAT:
            self.refuse(("format",), f"there is no format {table['format']}")
        self._keys(table, _HEADER, ())
        if table["convention"] not in _CONVENTIONS:
            self.refuse(("convention",), f"counted by another convention than {CONVENTION_ID!r}")

    def _block(self, table: Any, path: tuple[str, ...]) -> Block:
        table = self._keys(table, _BLOCK, path)
        block = Block(
            input_size=self._size(table, path),
            input_size_from=self._origin(table, path),
            batch_size=self._integer(table, "batch_size", path),
            **{metric: self._integer(table, metric, path) for metric in COUNTED},
            uncounted=self._texts(table["uncounted"], (*path, "uncounted")),
            operators=self._rows(table, "operators", path, self._sum),
            modules=self._rows(table, "modules", path, self._module),
            versions={
                key: self._text(table["versions"], key, (*path, "versions"))
                for key in self._table(table["versions"], (*path, "versions"))
            },
        )
        self._check_sums(block, path)
        return block

    def _check_sums(self, block: Block, path: tuple[str, ...]) -> None:
        for metric in ("macs", "activations"):
            for kind, rows in (("operators", block.operators), ("modules", block.modules)):
                added = sum(getattr(row, metric) for row in rows.values())
                if added != block.total(metric):
                    self.refuse(
                        (*path, metric),
                        f"{metric} of {path[-1]!r} is {block.total(metric):,} and its {kind} add "
                        f"up to {added:,}, so it was edited by hand",
                    )

    def _rows(
        self,
        table: Mapping[str, Any],
        key: str,
        path: tuple[str, ...],
        read: Callable[[Any, tuple[str, ...]], _Row],
    ) -> dict[str, _Row]:
        rows = self._table(table[key], (*path, key))
        return {name: read(row, (*path, key, name)) for name, row in rows.items()}

    def _sum(self, row: Any, path: tuple[str, ...]) -> OperatorSum:
        row = self._keys(row, _SUM, path)
        return OperatorSum(**{key: self._integer(row, key, path) for key in _SUM})

    def _module(self, row: Any, path: tuple[str, ...]) -> LockedModule:
        row = {"params": 0, "macs": 0, "activations": 0, "operators": {}} | self._table(row, path)
        self._keys(row, _MODULE, path)
        calls = self._table(row["operators"], (*path, "operators"))
        return LockedModule(
            kind=self._text(row, "kind", path),
            params=self._integer(row, "params", path),
            macs=self._integer(row, "macs", path),
            activations=self._integer(row, "activations", path),
            operators={call: self._integer(calls, call, (*path, "operators")) for call in calls},
        )

    def _keys(self, value: Any, keys: Iterable[str], path: tuple[str, ...]) -> dict[str, Any]:
        table = self._table(value, path)
        where = f" of {path[-1]!r}" if path else ""
        for key in keys:
            if key not in table:
                self.refuse(path, f"the key {key!r}{where} is missing")
        for key in table:
            if key not in keys:
                self.refuse((*path, key), f"there is no key {key!r}{where}")
        return table

    def _table(self, value: Any, path: tuple[str, ...]) -> dict[str, Any]:
        if not isinstance(value, dict):
            self.refuse(path, f"{path[-1]!r} must be an object")
        return value

    def _integer(self, table: Mapping[str, Any], key: str, path: tuple[str, ...]) -> int:
        value = table[key]
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            self.refuse((*path, key), f"{key!r} must be a whole number, not {json.dumps(value)}")
        return value

    def _text(self, table: Mapping[str, Any], key: str, path: tuple[str, ...]) -> str:
        value = table[key]
        if not isinstance(value, str):
            self.refuse((*path, key), f"{key!r} must be a text, not {json.dumps(value)}")
        return value

    def _texts(self, value: Any, path: tuple[str, ...]) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            self.refuse(path, f"{path[-1]!r} must be a list of texts")
        return tuple(value)

    def _size(self, table: Mapping[str, Any], path: tuple[str, ...]) -> Shape:
        try:
            return Shape.parse(self._text(table, "input_size", path))
        except ValueError as error:
            self.refuse((*path, "input_size"), str(error))

    def _origin(self, table: Mapping[str, Any], path: tuple[str, ...]) -> str:
        text = self._text(table, "input_size_from", path)
        if text not in (FROM_TARGET, FROM_OPTION):
            self.refuse(
                (*path, "input_size_from"), f"it must be {FROM_TARGET!r} or {FROM_OPTION!r}"
            )
        return text


class _TwiceError(ValueError):
    """A key that an object has twice."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        raise _TwiceError
    return table
