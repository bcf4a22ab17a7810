"""Match names against the patterns of a lock.

``*`` means the registry and ``timm:*`` all of timm: a glob stays on its own side of the colon.
A lock holds a target once for each size that the project lists: ``net.py:build@3x224x224``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from fnmatch import fnmatchcase

from opbench.registry.graphs import is_graph
from opbench.registry.hints import PROVIDERS
from opbench.spec import Shape


def covers(pattern: str, name: str) -> bool:
    """Return whether ``pattern`` matches the target ``name``."""
    if pattern == name:
        return True
    if is_graph(pattern) or is_graph(name):  # the registry's globs name no files
        return is_graph(pattern) and fnmatchcase(name, pattern)
    head, _, glob = pattern.rpartition(":")
    where, _, last = name.rpartition(":")
    return head == where and fnmatchcase(last, glob)


def expand(pattern: str, targets: Collection[str]) -> tuple[str, ...]:
    """Return those of ``targets`` in the file or module that ``pattern`` names or has a glob of.

    Without any, and of other patterns, which code can be asked for, return the pattern itself.
    """
    glob = f"{pattern}:*" if pattern.endswith(".py") else pattern
    head = glob.rpartition(":")[0]
    anywhere = bool(set(head) & {*"*?["})
    matching = [
        each for each in targets if covers(glob, each) or (anywhere and fnmatchcase(each, glob))
    ]
    return tuple(matching) if matching and head and head not in PROVIDERS else (pattern,)


def fewest(patterns: Iterable[str]) -> tuple[str, ...]:
    """Return ``patterns`` sorted, without those that another one covers."""
    each = sorted(set(patterns))
    return tuple(
        one for one in each if not any(covers(other, one) for other in each if other != one)
    )


def at_size(target: str, size: Shape) -> str:
    """Return the name under which a lock holds ``target`` at one of several sizes."""
    return f"{target}@{size}"


def target_of(name: str) -> str:
    """Return the target of a name in a lock, which may end with a size."""
    return name.rpartition("@")[0] if size_of(name) else name


def size_of(name: str) -> Shape | None:
    """Return the size with which a name in a lock ends."""
    target, _, size = name.rpartition("@")
    with suppress(ValueError):
        return Shape.parse(size) if target else None
    return None
