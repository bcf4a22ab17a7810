"""Let modules be imported from a copy of a project instead of the project."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path


def redirect(moved: Sequence[str]) -> None:
    """Replace every folder of ``sys.path`` below ``moved[0]`` by its like below ``moved[1]``.

    Nothing is done where ``moved`` is empty.
    """
    if moved:
        here, there = map(Path, moved)
        sys.path[:] = [*_installed(here, there), *(_moved(each, here, there) for each in sys.path)]


def _moved(folder: str, here: Path, there: Path) -> str:
    path = Path(folder).resolve()
    return str(there / path.relative_to(here)) if folder and path.is_relative_to(here) else folder


def _installed(here: Path, there: Path) -> Iterator[str]:
    """Yield the folders of packages that an editable installation finds below ``here``."""
    for finder in sys.meta_path:
        module = sys.modules.get(getattr(finder, "__module__", ""))
        for place in getattr(module, "MAPPING", {}).values():
            if Path(place).is_relative_to(here):
                yield _moved(str(Path(place).parent), here, there)
