"""Match names against the patterns of a lock.

``*`` means the registry and ``timm:*`` all of timm: a glob stays on its own side of the colon.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase


def covers(pattern: str, name: str) -> bool:
    """Return whether ``pattern`` matches the target ``name``."""
    if pattern == name:
        return True
    head, _, glob = pattern.rpartition(":")
    where, _, last = name.rpartition(":")
    return head == where and fnmatchcase(last, glob)


def fewest(patterns: Iterable[str]) -> tuple[str, ...]:
    """Return ``patterns`` sorted, without those that another one covers."""
    each = sorted(set(patterns))
    return tuple(
        one for one in each if not any(covers(other, one) for other in each if other != one)
    )
