"""Decide at which input sizes a target is checked, and under which names a lock holds them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from opbench.inputs import AskedInputs
from opbench.lock.scope import at_size, size_of, target_of
from opbench.settings import SizeRule
from opbench.spec import Shape


class CountRequest(NamedTuple):
    """A target to count.  Without ``asked`` it is counted as in the lock or on its own input."""

    target: str
    asked: AskedInputs


def requests(
    targets: Collection[str],
    locked: Collection[str],
    asked: AskedInputs,
    rules: Sequence[SizeRule],
) -> tuple[dict[str, CountRequest], tuple[str, ...]]:
    """Return what to count under which name of the lock, and the names of sizes no longer asked.

    ``asked``, from the command line, wins over the sizes of the project, and these over the lock's.
    """
    wanted = {
        name: CountRequest(target, each)
        for target in targets
        for name, each in _sizes_by_name(target, locked, asked, sizes_of(target, rules)).items()
    }
    stale = [] if asked else [name for name in locked if target_of(name) in targets]
    return wanted, tuple(name for name in stale if name not in wanted)


def _sizes_by_name(
    target: str, locked: Collection[str], asked: AskedInputs, listed: Sequence[Shape]
) -> Mapping[str, AskedInputs]:
    """Return the names of ``target`` in a lock, each with its size, None where its own counts.

    ``listed`` are the sizes that the project lists.
    """
    if isinstance(asked, tuple) and not isinstance(asked, Shape):
        return {target: asked}
    held = {} if listed else {name: size_of(name) for name in names_of(target, locked)}
    if held and not asked:
        return held
    named = len(listed) > 1 or any(held.values())
    sizes = (asked,) if asked else listed or (None,)
    return {at_size(target, each) if each and named else target: each for each in sizes}


def sizes_of(target: str, rules: Sequence[SizeRule]) -> tuple[Shape, ...]:
    """Return the sizes of the last rule whose glob matches; none without one."""
    matching = [each.sizes for each in rules if fnmatchcase(target, each.glob)]
    return matching[-1] if matching else ()


def names_of(target: str, locked: Iterable[str]) -> tuple[str, ...]:
    """Return the names under which a lock holds ``target``."""
    return tuple(name for name in locked if target_of(name) == target)
