"""Artefacts of a run's cells, kept between its rounds: each round's process only loads them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from opbench.record import USUAL, Cell

# The temporary folder may be in memory.
_MOST_BYTES = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """A folder with the artefacts of cells, until it is full."""

    folder: Path

    def place(self, cell: Cell) -> Path | None:
        """Return the folder for what is made of a cell; None where nothing is, or no more fits."""
        if cell.runtime == USUAL["runtime"]:
            return None
        name = hashlib.sha256(json.dumps(cell.to_json()).encode()).hexdigest()
        place = self.folder / name
        return place if place.is_dir() or self._bytes() < _MOST_BYTES else None

    def _bytes(self) -> int:
        return sum(each.stat().st_size for each in self.folder.rglob("*") if each.is_file())
