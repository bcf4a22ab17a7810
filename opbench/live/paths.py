"""Let modules be imported from a copy of a project instead of the project."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from opbench.errors import TargetError

_INSTALLED = {"site-packages", "dist-packages"}


def redirect(moved: Sequence[str]) -> None:
    """Let what is imported from below ``moved[0]`` come from the same place below ``moved[1]``.

    Modules that were imported from there are forgotten, except this package's own.  What is
    installed in an environment inside the project stays.  Nothing is done where ``moved`` is empty.
    """
    if not moved:
        return
    here, there = map(Path, moved)
    sys.path[:] = [_moved(each, here, there) for each in sys.path]
    for finder in sys.meta_path:
        # What an editable installation of setuptools looks packages up in.
        module = sys.modules.get(getattr(finder, "__module__", ""))
        mapping = getattr(module, "MAPPING", {})
        mapping.update({name: _moved(place, here, there) for name, place in mapping.items()})
    for name, file in list(_loaded()):
        if _is_of(file, here) and not _is_ours(name):
            del sys.modules[name]


def require_moved(target: str, moved: Sequence[str]) -> None:
    """Raise ``TargetError`` where code of the project did not come from its copy.

    The module that ``target`` names must lie below ``moved[1]``, as must every package of the copy
    that was imported; nothing may have come from the project.
    """
    if not moved:
        return
    here, there = map(Path, moved)
    for name, file in list(_loaded()):
        if file.is_relative_to(there):
            continue
        meant = name == target.rpartition(":")[0]
        if meant or (not _is_ours(name) and (_is_of(file, here) or _is_package(name, there))):
            raise TargetError(
                f"{name} was imported from {file}, not from the commit: install the project with "
                "`pip install -e .`, or name the target by its file, such as path/file.py:ATTR"
            )


def _moved(folder: str, here: Path, there: Path) -> str:
    path = Path(folder).resolve()
    return str(there / path.relative_to(here)) if folder and _is_of(path, here) else folder


def _is_of(path: Path, here: Path) -> bool:
    """Return whether ``path`` is the project's own, and not what is installed inside it."""
    if not path.is_relative_to(here) or _INSTALLED & {*path.relative_to(here).parts}:
        return False
    within = (each for each in _prefixes() if each != here and each.is_relative_to(here))
    return not any(path.is_relative_to(each) for each in within)


@cache
def _prefixes() -> tuple[Path, ...]:
    """Return the folders of this Python and of what is installed for it."""
    folders = [sys.prefix, *map(sysconfig.get_path, ("stdlib", "purelib", "platlib"))]
    return tuple(Path(each).resolve() for each in folders)


def _is_ours(name: str) -> bool:
    return name == "__main__" or name.partition(".")[0] == "opbench"


def _is_package(name: str, there: Path) -> bool:
    """Return whether the copy has a package called ``name``, in one of the usual places."""
    places = (there, there / "src") if "." not in name else ()
    return any((each / name / "__init__.py").is_file() for each in places)


def _loaded() -> Iterator[tuple[str, Path]]:
    """Yield the name and the file of each module that was imported from one."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and Path(file).is_absolute():
            yield name, _resolved(Path(file).parent) / Path(file).name


@cache
def _resolved(folder: Path) -> Path:
    return folder.resolve()
