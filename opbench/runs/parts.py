"""The parts of a plan: the cells of each shard, and the id that the files of all shards share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from opbench.record import USUAL, Cell
from opbench.shards import Shard
from opbench.value import Value

_ID = 16


def cell_key(cell: Cell) -> str:
    """Return the text whose hash is a cell's place among shards.

    The usual settings go without saying: one that a later version adds moves no cell.
    """
    return _text(_unusual(cell))


def cells_of(shard: Shard, plan: Iterable[Cell]) -> tuple[Cell, ...]:
    """Return the cells of a shard, in the order of the plan.

    Each shard has as many of each batch size, runtime and so on as the others, to within one.
    """
    keys = {cell_key(cell): cell for cell in plan}
    mine = shard.dealt(keys, lambda key: _settings(keys[key]))
    return tuple(cell for key, cell in keys.items() if key in mine)


def plan_id(plan: Iterable[Cell], *how: Value | bool) -> str:
    """Return a hash of all cells, in whichever order, and of ``how`` they are timed."""
    settings = [each.to_json() if isinstance(each, Value) else each for each in how]
    text = _text([sorted(map(cell_key, plan)), settings])
    return hashlib.sha256(text.encode()).hexdigest()[:_ID]


def _settings(cell: Cell) -> str:
    return _text({**_unusual(cell), "name": "", "input_size": ""})


def _unusual(cell: Cell) -> dict[str, Any]:
    settings = cell.to_json()
    del settings["other_input_sizes"]  # they follow from the network
    return {key: value for key, value in settings.items() if USUAL.get(key, ...) != value}


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
