"""Sums over modules: of what ran in each and below it, and of the parameters it holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from itertools import chain
from typing import Any


@lru_cache(maxsize=4096)
def path(name: str) -> tuple[str, ...]:
    """Return a name and those above it: ``"a.b"`` gives ``""``, ``"a"``, ``"a.b"``."""
    return (*path(name.rpartition(".")[0]), name) if name else ("",)


def with_everything_below(tally: Mapping[Any, int]) -> defaultdict[str, int]:
    """Return the sums of a tally whose keys begin with the name of a module."""
    below: defaultdict[str, int] = defaultdict(int)
    for (module, *_), amount in tally.items():
        for name in path(module):
            below[name] += amount
    return below


def _above(names: Iterable[str]) -> Iterable[str]:
    """Return names and those above them, each once."""
    return dict.fromkeys(chain.from_iterable(map(path, names)))


def shared_once(held: Iterable[tuple[int, Collection[str]]]) -> defaultdict[str, int]:
    """Return the sums of amounts that modules hold: in and below each, a shared one once."""
    sums: defaultdict[str, int] = defaultdict(int)
    for amount, holders in held:
        for name in path(*holders) if len(holders) == 1 else _above(holders):
            sums[name] += amount
    return sums
