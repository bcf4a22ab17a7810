"""Find every architecture, built in or added by other packages, and look it up by name.

Built-in entries are the ``ARCHITECTURES`` of each module in ``opbench.architectures``.  Other
packages add theirs through the entry-point group ``opbench.architectures``: each entry point
names a tuple of ``ArchitectureSpec``.  A name used twice, a module without entries and an entry
point that takes a built-in name are errors.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from opbench import architectures
from opbench.errors import OpbenchError, TargetError, describe
from opbench.names import matching, spelt
from opbench.registry.counts_csv import unknown
from opbench.spec import ArchitectureSpec

if TYPE_CHECKING:
    from torch import nn

ENTRY_POINT_GROUP = "opbench.architectures"


@cache
def specs() -> dict[str, ArchitectureSpec]:
    """Return all entries by name: the built-in ones sorted, then those of other packages.

    Raises ``RuntimeError`` for a broken module of this package and ``TargetError`` for a broken
    entry point of another.
    """
    found = dict(built_in())
    for point in entry_points(group=ENTRY_POINT_GROUP):
        add(found, _third_party(point), origin=f"entry point {point.name} = {point.value}")
    return found


@cache
def built_in() -> dict[str, ArchitectureSpec]:
    """Return this package's entries, sorted.  Raises ``RuntimeError`` for a broken module."""
    found: dict[str, ArchitectureSpec] = {}
    for module in iter_modules(architectures.__path__):
        if module.name.startswith("_"):
            continue
        add(found, _entries_of(module.name), origin=f"opbench.architectures.{module.name}")
    return dict(sorted(found.items()))


def foreign_names() -> tuple[str, ...]:
    """Return the names that other packages have added."""
    return tuple(name for name in specs() if name not in built_in())


def names() -> tuple[str, ...]:
    """Return the name of every entry."""
    return tuple(specs())


def get(name: str) -> ArchitectureSpec:
    """Return the entry called ``name``, or so labelled.

    Raises ``UnknownNameError`` with near matches.
    """
    if found := spelt(name, names(), {spec.label: spec.name for spec in specs().values()}):
        return specs()[found]
    raise unknown(name, names())


def match(pattern: str) -> tuple[str, ...]:
    """Return the names that a glob such as ``resnet*`` matches, in the registry's order.

    Labels are names as well: ``ResNet-50`` is resnet50.
    """
    return matching(pattern, names(), {name: spec.label for name, spec in specs().items()})


def create(name: str) -> nn.Module:
    """Build the network called ``name``, with fresh weights, in training mode.

    Raises ``UnknownNameError`` with near matches.
    """
    module: nn.Module = get(name).build()
    return module


def add(
    found: dict[str, ArchitectureSpec], entries: Iterable[ArchitectureSpec], *, origin: str
) -> None:
    """Put ``entries`` into ``found``.  Raises ``TargetError`` for a name that is taken."""
    for spec in entries:
        if spec.name in found:
            raise TargetError(
                f"the architecture name {spec.name!r} from {origin} is already taken by "
                f"{found[spec.name].paper.title!r}: rename it or remove that package"
            )
        found[spec.name] = spec


def _entries_of(stem: str) -> tuple[ArchitectureSpec, ...]:
    entries: tuple[ArchitectureSpec, ...] = getattr(
        import_module(f"opbench.architectures.{stem}"), "ARCHITECTURES", ()
    )
    if not entries:
        raise RuntimeError(f"opbench/architectures/{stem}.py has no ARCHITECTURES")
    return entries


def _third_party(point: EntryPoint) -> tuple[ArchitectureSpec, ...]:
    # Foreign code can fail in any way; all of them are one thing to the user: that package.
    try:
        entries = tuple(point.load())
    except OpbenchError:
        raise
    except Exception as error:
        raise TargetError(
            f"the architectures of entry point {point.name} = {point.value} cannot be loaded: "
            f"{describe(error)}: fix or uninstall that package"
        ) from error
    if not entries or not all(isinstance(entry, ArchitectureSpec) for entry in entries):
        raise TargetError(
            f"entry point {point.name} = {point.value} must name a non-empty tuple of "
            "ArchitectureSpec: fix or uninstall that package"
        )
    return entries
