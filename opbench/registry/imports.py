"""Import a user's code: a file under a name of its own, or a module from a folder."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from opbench.errors import TargetError


def import_named(name: str, folder: Path) -> ModuleType:
    """Import a module that may be in ``folder``."""
    with importable(folder):
        return import_module(name)


def import_file(path: Path) -> ModuleType:
    """Import a file, once, under a name of its own."""
    name = f"opbench_target_{path.stem}_{abs(hash(path.resolve())):x}"
    if name in sys.modules:
        return sys.modules[name]
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise TargetError(f"{path} is not a Python file")
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        with importable(path.resolve().parent):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    """Let modules be imported from ``folder``, but for names of the standard library.

    What is imported here for the first time imports others in turn, and a file that happens to be
    called ``socket.py`` is nobody's target.
    """
    path = str(folder)
    sys.path.insert(_after_standard_library(), path)
    try:
        yield
    finally:
        # This entry and no other: the folder may have been on the path before.
        sys.path[:] = [each for each in sys.path if each is not path]


def _after_standard_library() -> int:
    standard = {os.path.realpath(sysconfig.get_path(each)) for each in ("stdlib", "platstdlib")}
    places = [
        place
        for place, folder in enumerate(sys.path, start=1)
        if os.path.realpath(folder) in standard or Path(folder).name == "lib-dynload"
    ]
    return max(places, default=0)
