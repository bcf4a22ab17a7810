"""Match rows of the reader's own accuracies with networks and their input sizes.

A row is matched by the network's full name, with or without what stands before its colon
(``timm:resnet50.a1_in1k`` or ``resnet50.a1_in1k``, ``mine.py:net`` or ``net``); a row for
``resnet50.a1_in1k`` says nothing about the registry's ``resnet50``, which is another network, and
about ``timm:resnet50`` only where the file has no other set of weights for it.

A row that names an input size is about the network at that size.  A network is one point: of
several rows the one at its own size counts, then one without a size, then one at a size that a run
counted; two that cannot be told apart are refused.  What is left out is listed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from opbench import files
from opbench.accuracy.own import OwnFile, OwnRow
from opbench.errors import either, folded, near_matches
from opbench.names import is_target
from opbench.spec import Shape

_MOST_LOST = 20


class Match(NamedTuple):
    """The row about a network, and the input size that it is about."""

    row: OwnRow
    size: Shape


def match_own(
    own: OwnFile, known: Mapping[str, Sequence[Shape]], path: Path
) -> tuple[dict[str, Match], tuple[str, ...]]:
    """Match rows with ``known``: the sizes that each network was counted at, its own first.

    Returns the match of each network that has one, and sentences about rows that are left out.
    Raises ``BadFileError`` for two rows of one network that cannot be told apart.
    """
    networks = _Names(known, {row.name for row in own.rows})
    meant = [(networks.meant_by(row.name), row) for row in own.rows]
    about = {
        name: [row for network, row in meant if network == name]
        for name in dict.fromkeys(network for network, _ in meant if network)
    }
    found = {}
    lost = [row for network, row in meant if not network]
    notes = [*_unmatched(lost, len(own.rows), path, known)]
    for name, rows in about.items():
        if match := _best(rows, known[name], path):
            found[name] = match
        notes += _left_out(name, rows, known[name], match, path)
    return found, tuple(notes)


def _best(rows: Sequence[OwnRow], sizes: Sequence[Shape], path: Path) -> Match | None:
    """Return the row to show; None where all are at sizes that were not counted."""
    counted = [row for row in rows if any(map(row.is_at, sizes))]
    stated = [row for row in counted if row.size and row.is_at(sizes[0])]
    chosen = stated or [row for row in counted if not row.size] or counted
    if len(chosen) > 1:
        first, second, *_ = chosen
        raise files.bad_line(
            path, second.line, f"{second.name} has a row in line {first.line} already: keep one"
        )
    return Match(chosen[0], next(filter(chosen[0].is_at, sizes))) if chosen else None


def _unmatched(
    lost: Sequence[OwnRow], count: int, path: Path, known: Collection[str]
) -> Iterator[str]:
    if lost:
        named = ", ".join(f"{row.name} (line {row.line})" for row in lost[:_MOST_LOST])
        more = f" and {len(lost) - _MOST_LOST} more" if len(lost) > _MOST_LOST else ""
        yield (
            f"{path}: {count - len(lost)} of {count} rows match a network here; these do not: "
            f"{named}{more}; {_advice([row.name for row in lost], known)}"
        )


def _advice(lost: Sequence[str], known: Collection[str]) -> str:
    """Return what to do about names that match nothing: a target can be run, others cannot."""
    if own := next(filter(is_target, lost), ""):
        return f"`opbench run {own}` counts and times a network of yours"
    tagged = _stem(lost[0]) != lost[0]  # another set of weights is another network
    near = near_matches(lost[0], known) if len(lost) == 1 and not tagged else []
    return f"did you mean {either(near)}?" if near else "`opbench list` shows the built-in networks"


def _left_out(
    name: str, rows: Sequence[OwnRow], sizes: Sequence[Shape], match: Match | None, path: Path
) -> Iterator[str]:
    for row in rows:
        size = row.full_size(sizes[0])
        start = f"{path}, line {row.line}: {row.name} at {size} is left out: "
        if match and row is match.row:
            continue
        if size in sizes and match:
            yield f"{start}a network is one point, and line {match.row.line} is shown"
        else:
            yield (
                f"{start}it was counted at {either([*map(str, sizes)])} only; "
                f"`opbench run {name} --input-size {size}` counts and times it at that size"
            )


class _Names:
    """Find the network that a row's name stands for."""

    def __init__(self, known: Collection[str], written: Iterable[str]) -> None:
        self._known = known
        self._by_spelling = {folded(each): each for each in known}
        self._by_attribute = _grouped(known, lambda name: name.rpartition(":")[2])
        self._by_stem = _grouped(written, _stem)

    def meant_by(self, name: str) -> str | None:
        """Return the only network that ``name`` can mean, None where there is none or several."""
        if name in self._known:
            return name
        if spelling := self._by_spelling.get(folded(name)):
            return spelling
        same = self._by_attribute.get(name, [])
        untagged = f"timm:{_stem(name)}"
        if not same and untagged in self._known and len(self._by_stem[_stem(name)]) == 1:
            return untagged
        return same[0] if len(same) == 1 else None


def _grouped(names: Iterable[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(key(name), []).append(name)
    return groups


def _stem(name: str) -> str:
    """Return the name of a network of timm without the tag of its weights."""
    return name.partition(".")[0]
