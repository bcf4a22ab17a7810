"""The one way a lock is written: networks sorted, one line per number, operator and module.

Two locks with the same content are the same bytes.  ``json`` alone cannot lay a file out like
that, so the outer braces are put here and every line's value is ``json``'s.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from opbench.lock.blocks import FORMAT, Block, Lock, LockedModule
from opbench.metrics import CONVENTION_ID, COUNTED


def to_text(lock: Lock) -> str:
    """The lock's file, newline at the end included."""
    networks = {name: _block(lock.networks[name]) for name in sorted(lock.networks)}
    return "\n".join(
        (
            "{",
            f'"format": {FORMAT},',
            f'"convention": {_json(CONVENTION_ID)},',
            f'"targets": {_json(lock.targets)},',
            f'"networks": {_braced(networks, indent=0)}',
            "}",
            "",
        )
    )


def _block(block: Block) -> str:
    return _braced(dict(_fields(block)), indent=1)


def _fields(block: Block) -> Iterator[tuple[str, str]]:
    yield "input_size", _json(str(block.input_size))
    for key in ("input_size_from", "batch_size", *COUNTED, "uncounted"):
        yield key, _json(getattr(block, key))
    yield "operators", _rows(block.operators, ("calls", "macs", "activations"))
    modules = {name: _json(dict(_module(row))) for name, row in block.modules.items()}
    yield "modules", _braced(modules, indent=2)
    yield "versions", _json(dict(sorted(block.versions.items())))


def _rows(rows: Mapping[str, Any], keys: Iterable[str]) -> str:
    keys = tuple(keys)
    return _braced(
        {name: _json({key: getattr(rows[name], key) for key in keys}) for name in sorted(rows)},
        indent=2,
    )


def _module(row: LockedModule) -> Iterator[tuple[str, Any]]:
    """What is 0 is left out: most rows of most networks are normalisations."""
    yield "kind", row.kind
    for key in ("params", "macs", "activations"):
        if value := getattr(row, key):
            yield key, value
    if row.operators:
        yield "operators", dict(row.operators)


def _braced(lines: Mapping[str, str], *, indent: int) -> str:
    if not lines:
        return "{}"
    space = " " * indent
    inner = ",\n".join(f"{space} {_json(key)}: {value}" for key, value in lines.items())
    return f"{{\n{inner}\n{space}}}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
