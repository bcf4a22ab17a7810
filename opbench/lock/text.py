"""Write a lock: networks sorted, one line per number, operator and module.

Two locks with the same content are the same bytes.  ``json`` alone cannot lay a file out like
that, so the outer braces are put here and every line's value is ``json``'s.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from opbench.lock.blocks import FORMAT, Block, Lock
from opbench.metrics import CONVENTION_ID
from opbench.record import TOTALS

_LINES = (
    *("input_size", "other_input_sizes", "input_size_from", "inputs", "batch_size"),
    *TOTALS,
    *("uncounted", "every_module", "functions"),
)


def to_text(lock: Lock) -> str:
    """Return the text of the lock's file."""
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
    row = block.to_json()
    operators, modules = sorted(row["operators"].items()), row["modules"].items()
    lines = {key: _json(row[key]) for key in _LINES if row[key] is not None}
    for key in ("inputs", "other_input_sizes"):
        if not row[key]:
            del lines[key]
    lines["operators"] = _braced({name: _json(each) for name, each in operators}, indent=2)
    lines["modules"] = _braced({name: _json(_not_zero(each)) for name, each in modules}, indent=2)
    lines["versions"] = _json(dict(sorted(row["versions"].items())))
    return _braced(lines, indent=1)


def _not_zero(row: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is 0: most rows of most networks are normalisations."""
    return {key: value for key, value in row.items() if value}


def _braced(lines: Mapping[str, str], *, indent: int) -> str:
    if not lines:
        return "{}"
    space = " " * indent
    inner = ",\n".join(f"{space} {_json(key)}: {value}" for key, value in lines.items())
    return f"{{\n{inner}\n{space}}}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
