"""Find runtimes by name: this package's modules, then other packages' entry points."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from opbench.errors import TargetError, UnknownNameError
from opbench.runtimes.runtime import Runtime

ENTRY_POINT_GROUP = "opbench.runtimes"
_OURS = sorted(
    path.stem
    for path in Path(__file__).parent.glob("*.py")
    if path.stem not in ("__init__", "lookup", "runtime")
)


@cache
def names() -> tuple[str, ...]:
    """Return the name of every runtime."""
    return (*_OURS, *(point.name for point in entry_points(group=ENTRY_POINT_GROUP)))


@cache
def find(name: str) -> Runtime:
    """Return the runtime called ``name``.

    Raises ``UnknownNameError`` with near matches, ``TargetError`` for a broken entry point.
    """
    if name in _OURS:
        runtime: Runtime = import_module(f"opbench.runtimes.{name}").RUNTIME
        return runtime
    for point in entry_points(group=ENTRY_POINT_GROUP, name=name):
        found = point.load()
        if not isinstance(found, Runtime):
            raise TargetError(
                f"entry point {point.name} = {point.value} must name an "
                "opbench.runtimes.Runtime: fix or uninstall that package"
            )
        return found
    raise UnknownNameError("runtime", name, names(), see=f"known: {', '.join(names())}")
