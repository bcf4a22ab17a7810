"""Name the smallest part of a network in which most of a change is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from opbench.lock.alignment import Pair
from opbench.lock.blocks import LockedModule
from opbench.lock.module_changes import parent_of, path_of

Modules = Mapping[str, LockedModule]
_MOST = 0.9  # of the change
_NAMED = 3  # parts, where no one of them has most of it
_EXACT = 10_000  # up to here a difference is printed to its last digit
_UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def cause_of(
    before: Modules, after: Modules, pairs: Sequence[Pair], moved: Mapping[str, int]
) -> str:
    """Return ``layers.2: +26.5 of +26.5 M MACs`` for the first of MACs and parameters that moved.

    ``moved`` are the differences of the totals.  Empty where neither moved, or where the modules'
    parameters do not add up to the difference because several share them.
    """
    for metric, unit in (("macs", "MACs"), ("params", "params")):
        total = moved[metric]
        if total:
            parts = _by_part(before, after, pairs, metric)
            return f"{_told(parts, total)} {_unit(total)}{unit}" if parts[""] == total else ""
    return ""


def _by_part(before: Modules, after: Modules, pairs: Iterable[Pair], metric: str) -> Counter[str]:
    """Sum the differences of each module and of all below it."""
    old, new = _own(before, metric), _own(after, metric)
    parts: Counter[str] = Counter()
    for one, other in pairs:
        change = (new[other] if other is not None else 0) - (old[one] if one is not None else 0)
        for name in path_of(str(one if other is None else other)) if change else ():
            parts[name] += change
    return parts


def _own(modules: Modules, metric: str) -> Counter[str]:
    """Return the modules' own amounts: a row's parameters include those of the rows below it."""
    amounts = Counter({name: getattr(row, metric) for name, row in modules.items()})
    if metric == "params":
        for name, row in modules.items():
            above = next((each for each in reversed(path_of(name)[:-1]) if each in modules), None)
            if above is not None:
                amounts[above] -= row.params
    return amounts


def _told(parts: Counter[str], total: int) -> str:
    name = ""
    while found := [each for each in _children(parts, name) if parts[each] / total >= _MOST]:
        (name, *_) = found
    names = [name] if name else _largest(parts, total)
    amount = sum(parts[each] for each in names) if names else total
    return f"{_called(names)}: {_amount(amount, total)} of {_amount(total, total)}"


def _largest(parts: Counter[str], total: int) -> list[str]:
    return sorted(_children(parts, ""), key=lambda each: -parts[each] / total)[:_NAMED]


def _called(names: Sequence[str]) -> str:
    if not names:
        return "the network's own operators"
    numbers = any(name.isdecimal() for name in names)
    word = f"module{'s' if len(names) > 1 else ''} " if numbers else ""
    return f"{word}{', '.join(names)}"


def _children(parts: Iterable[str], name: str) -> Iterator[str]:
    return (each for each in parts if each and parent_of(each) == name and each != name)


def _scale(total: int) -> tuple[float, str]:
    if abs(total) < _EXACT:
        return 1, ""
    return next(each for each in _UNITS if abs(total) >= each[0])


def _amount(part: int, total: int) -> str:
    scale, unit = _scale(total)
    return f"{part / scale:+,.1f}" if unit else f"{part:+,}"


def _unit(total: int) -> str:
    return f"{unit} " if (unit := _scale(total)[1]) else ""
