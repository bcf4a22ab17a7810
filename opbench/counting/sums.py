"""Sums over modules: of what ran in each and below it, and of the parameters it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import chain
from typing import Any


@lru_cache(maxsize=4096)
def path(name: str) -> tuple[str, ...]:
    """Return a name and those above it: ``"a.b"`` gives ``""``, ``"a"``, ``"a.b"``."""
    return (*path(name.rpartition(".")[0]), name) if name else ("",)


def with_everything_below(tally: Mapping[Any, int]) -> Counter[str]:
    """Return the sums of a tally whose keys begin with the name of a module."""
    sums: Counter[str] = Counter()
    for (module, *_), amount in tally.items():
        for name in path(module):
            sums[name] += amount
    return sums


def shared_once(held: Iterable[tuple[int, Iterable[str]]]) -> Counter[str]:
    """Return the sums of amounts that modules hold: in and below each, a shared one once."""
    sums: Counter[str] = Counter()
    for amount, holders in held:
        for name in dict.fromkeys(chain.from_iterable(map(path, holders))):
            sums[name] += amount
    return sums
