"""Itemise the differences between two counts of one target, by operator, module and cause."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from opbench.lock.alignment import align
from opbench.lock.blocks import (
    Block,
    listed_in_both,
    other_sizes_differ,
    same_counts,
    same_functions,
)
from opbench.lock.cause import cause_of
from opbench.lock.module_changes import (
    ModuleChange,
    changed_modules,
    deltas,
    parent_of,
    renames,
)
from opbench.metrics import METRICS
from opbench.record import OperatorSum
from opbench.spec import Shape

_NO_CALLS = OperatorSum.of(())


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The differences between two blocks, as sentences.

    facts     input, versions, totals and operators
    modules   one sentence per changed module or block, the largest change in MACs first
    alike     the same and the renames, without the names of containers: equal where one cause
              changed two networks
    first     the first of ``modules`` in words that fit into a sentence
    renames   ``stem to patch`` for modules and blocks whose name alone changed
    cause     ``layers.2: +26.5 of +26.5 M MACs``; empty where it is not known
    where     the module now in which to look first
    """

    facts: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    alike: tuple[str, ...] = ()
    first: str = ""
    renames: tuple[str, ...] = ()
    cause: str = ""
    where: str = ""

    @property
    def causes(self) -> tuple[str, ...]:
        """The sentences on modules."""
        renamed = (f"renamed: {', '.join(self.renames)}",) if self.renames else ()
        return (*self.modules, *renamed)


def changes(locked: Block, now: Block) -> Changes:
    """Return the differences; none where all counts are equal.

    Other versions alone are no change; beside a change they may be its cause.
    """
    if same_counts(locked, now):
        return Changes()
    facts = tuple(_facts(locked, now))
    before, after = listed_in_both(locked, now), listed_in_both(now, locked)
    pairs = align(before, after)
    moved = {key: total - locked.totals()[key] for key, total in now.totals().items()}
    found = changed_modules(before, after, pairs)
    renamed = renames(pairs)
    return Changes(
        facts=facts,
        modules=tuple(each.sentence() for each in found),
        alike=tuple(_alike(found, renamed)),
        first=found[0].subject() if found else "",
        renames=renamed,
        cause="" if resized(locked, now) else cause_of(before, after, pairs, moved),
        where=found[0].holder if found else "",
    )


def resized(locked: Block, now: Block) -> bool:
    """Return whether the two were counted on inputs of different sizes."""
    if locked.inputs and now.inputs and locked.inputs != now.inputs:
        return True
    first = (locked.batch_size, locked.input_size) != (now.batch_size, now.input_size)
    return first or other_sizes_differ(locked, now)


def _alike(found: Iterable[ModuleChange], renamed: tuple[str, ...]) -> Iterator[str]:
    for each in found:
        yield each.sentence(parent_of(each.name))
    if renamed:
        yield " ".join(word.rpartition(".")[2] for word in " ".join(renamed).split())


def _facts(locked: Block, now: Block) -> Iterator[str]:
    if resized(locked, now):
        yield f"input: {_input(locked)} became {_input(now)}"
    yield from _versions(locked.versions, now.versions)
    for metric, total in now.totals().items():
        if total != locked.totals()[metric]:
            yield f"{metric}: {_moved(metric, locked.totals()[metric], total)}"
    if now.uncounted != locked.uncounted:
        yield f"uncounted: {_names(locked.uncounted)} became {_names(now.uncounted)}"
    yield from _operators(locked.operators, now.operators)
    if not same_functions(locked, now):
        before, after = (functions_of(each) for each in (locked, now))
        yield f"activation functions: {before} became {after}"


def functions_of(block: Block) -> str:
    """Return ``16 x relu, sigmoid``."""
    calls = (block.functions or {}).items()
    return ", ".join(name if times == 1 else f"{times} x {name}" for name, times in calls) or "none"


def _versions(locked: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(locked.keys() & now.keys()):
        if locked[name] != now[name]:
            yield f"{name} {locked[name]} became {now[name]}"


def _input(block: Block) -> str:
    if block.inputs:
        return ", ".join(block.inputs)
    if block.other_input_sizes:
        return f"{', '.join(map(str, block.input_sizes))} (batch {block.batch_size})"
    return str(Shape((block.batch_size, *block.input_size)))


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "none"


def _moved(metric: str, locked: int, now: int) -> str:
    """Return ``108 became 135 (+27, +25.00%)``; bytes are scaled, their difference is exact."""
    change = now - locked
    share = f", {change / locked:+.2%}" if locked else ""
    if METRICS[metric].unit != "MiB":
        return f"{locked:,} became {now:,} ({change:+,}{share})"
    return f"{_bytes(locked)} became {_bytes(now)} ({change:+,} bytes{share})"


def _bytes(number: int) -> str:
    for factor, unit in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if number >= factor:
            return f"{number / factor:,.2f} {unit}"
    return f"{number:,} bytes"


def _operators(locked: Mapping[str, OperatorSum], now: Mapping[str, OperatorSum]) -> Iterator[str]:
    for name in sorted(locked.keys() | now.keys()):
        before, after = locked.get(name, _NO_CALLS), now.get(name, _NO_CALLS)
        if before == after:
            continue
        calls = f"{before.calls} calls became {after.calls}" if before.calls != after.calls else ""
        yield f"operator {name}: {'; '.join(filter(None, (calls, deltas(before, after))))}"
