"""Artefacts of a run's cells, kept between its rounds: each round's process only loads them."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import psutil

from opbench.record import USUAL, Cell
from opbench.runtimes.parts.kept import bytes_on_disk

# A folder in memory takes no more than this, as the networks need memory, too.
_MOST_IN_MEMORY = 1 << 30
_IN_MEMORY = ("tmpfs", "ramfs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """A folder with the artefacts of cells, until they take half of what was free."""

    folder: Path

    def place(self, cell: Cell) -> Path | None:
        """Return the folder for what is made of a cell; None where nothing is, or no more fits."""
        if cell.runtime == USUAL["runtime"]:
            return None
        name = hashlib.sha256(json.dumps(cell.to_json()).encode()).hexdigest()
        place = self.folder / name
        return place if place.is_dir() or bytes_on_disk(self.folder) < self._most() else None

    def _most(self) -> int:
        free = shutil.disk_usage(self.folder).free
        return min(free, _MOST_IN_MEMORY) if _is_in_memory(self.folder) else free


def _is_in_memory(folder: Path) -> bool:
    """Return whether the file system of ``folder`` is in memory."""
    mounts = {Path(each.mountpoint): each.fstype for each in psutil.disk_partitions(all=True)}
    above = (folder.resolve(), *folder.resolve().parents)
    return next((mounts[each] for each in above if each in mounts), "") in _IN_MEMORY
