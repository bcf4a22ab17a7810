"""Which names a pattern of a lock answers for.

``*`` means the registry and ``timm:*`` all of timm: a glob stays on its own side of the colon.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase


def covers(pattern: str, name: str) -> bool:
    """Whether the target ``name`` is one of those that ``pattern`` means."""
    if pattern == name:
        return True
    head, _, glob = pattern.rpartition(":")
    where, _, last = name.rpartition(":")
    return head == where and fnmatchcase(last, glob)


def fewest(patterns: Iterable[str]) -> tuple[str, ...]:
    """``patterns`` sorted, without those that another one covers."""
    each = sorted(set(patterns))
    return tuple(
        one for one in each if not any(covers(other, one) for other in each if other != one)
    )
