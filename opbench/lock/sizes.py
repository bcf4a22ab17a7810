"""Decide at which input sizes a target is checked, and under which names a lock holds them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from opbench.lock.scope import at_size, target_of
from opbench.settings import SizeRule
from opbench.spec import Shape


class CountRequest(NamedTuple):
    """A target to count.  Without a size it is counted at the lock's size or at its own."""

    target: str
    size: Shape | None


def requests(
    targets: Collection[str], locked: Collection[str], size: Shape | None, rules: Sequence[SizeRule]
) -> tuple[dict[str, CountRequest], tuple[str, ...]]:
    """Return what to count under which name of the lock, and the names of sizes no longer asked.

    ``size``, from the command line, wins over the sizes of the project.
    """
    wanted: dict[str, CountRequest] = {}
    for target in targets:
        several = sizes_of(target, rules)
        for each in (size,) if size else several or (None,):
            name = at_size(target, each) if each and len(several) > 1 else target
            wanted[name] = CountRequest(target, each)
    stale = [] if size else [name for name in locked if target_of(name) in targets]
    return wanted, tuple(name for name in stale if name not in wanted)


def sizes_of(target: str, rules: Sequence[SizeRule]) -> tuple[Shape, ...]:
    """Return the sizes of the last rule whose glob matches; none without one."""
    matching = [each.sizes for each in rules if fnmatchcase(target, each.glob)]
    return matching[-1] if matching else ()


def names_of(target: str, locked: Mapping[str, object]) -> tuple[str, ...]:
    """Return the names under which a lock holds ``target``."""
    return tuple(name for name in locked if target_of(name) == target)
