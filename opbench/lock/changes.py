"""Itemise the differences between two counts of one target, by module and operator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from opbench.lock.blocks import Block, LockedModule, same_counts
from opbench.record import OperatorSum
from opbench.spec import Shape

_NOTHING = LockedModule()
_NO_CALLS = OperatorSum.of(())


def changes(locked: Block, now: Block) -> Iterator[str]:
    """Yield one sentence per change: input, versions, totals, operators, modules by MACs.

    Other versions alone are no change; beside a change they may be its cause.
    """
    if same_counts(locked, now):
        return
    if (locked.batch_size, locked.input_size) != (now.batch_size, now.input_size):
        yield f"input: {_input(locked)} became {_input(now)}"
    yield from _versions(locked.versions, now.versions)
    for metric, total in now.totals().items():
        if total != locked.totals()[metric]:
            yield f"{metric}: {_moved(locked.totals()[metric], total)}"
    if now.uncounted != locked.uncounted:
        yield f"uncounted: {_names(locked.uncounted)} became {_names(now.uncounted)}"
    yield from _operators(locked.operators, now.operators)
    yield from _modules(locked.modules, now.modules)


def _versions(locked: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(locked.keys() & now.keys()):
        if locked[name] != now[name]:
            yield f"{name} {locked[name]} became {now[name]}"


def _input(block: Block) -> str:
    return str(Shape((block.batch_size, *block.input_size)))


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "none"


def _moved(locked: int, now: int) -> str:
    change = now - locked
    share = f", {change / locked:+.2%}" if locked else ""
    return f"{locked:,} became {now:,} ({change:+,}{share})"


def _operators(locked: Mapping[str, OperatorSum], now: Mapping[str, OperatorSum]) -> Iterator[str]:
    for name in sorted(locked.keys() | now.keys()):
        before, after = locked.get(name, _NO_CALLS), now.get(name, _NO_CALLS)
        if before == after:
            continue
        calls = f"{before.calls} calls became {after.calls}" if before.calls != after.calls else ""
        yield f"operator {name}: {'; '.join(filter(None, (calls, _deltas(before, after))))}"


def _modules(locked: Mapping[str, LockedModule], now: Mapping[str, LockedModule]) -> Iterator[str]:
    names = [name for name in {**now, **locked} if locked.get(name) != now.get(name)]

    def size(name: str) -> tuple[int, int]:
        before, after = locked.get(name, _NOTHING), now.get(name, _NOTHING)
        return -abs(after.macs - before.macs), -abs(after.params - before.params)

    for name in sorted(names, key=size):
        yield _module(name, locked.get(name, _NOTHING), now.get(name, _NOTHING))


def _module(name: str, before: LockedModule, after: LockedModule) -> str:
    parts = (_deltas(before, after), _calls(before.operators, after.operators))
    return ": ".join(filter(None, (_subject(name, before, after), "; ".join(filter(None, parts)))))


def _subject(name: str, before: LockedModule, after: LockedModule) -> str:
    subject = f"module {name or '(network)'}"
    if not before.kind:
        return f"{subject} ({after.kind}) is new"
    if not after.kind:
        return f"{subject} ({before.kind}) is gone"
    if before.kind != after.kind:
        return f"{subject} ({before.kind} became {after.kind})"
    return f"{subject} ({after.kind})"


def _deltas(before: LockedModule | OperatorSum, after: LockedModule | OperatorSum) -> str:
    words = []
    for key in ("params", "macs", "activations"):
        change = getattr(after, key, 0) - getattr(before, key, 0)
        if change:
            words.append(f"{change:+,} {key}")
    return ", ".join(words)


def _calls(before: Mapping[str, int], after: Mapping[str, int]) -> str:
    """Describe the calls that are gone and those that replace them."""
    lost = [_times(call, n) for call, n in before.items() if after.get(call) != n]
    gained = [_times(call, n) for call, n in after.items() if before.get(call) != n]
    if not lost or not gained:
        return ", ".join(lost or gained)
    operator = lost[0].partition(" ")[0]
    if len(lost) == len(gained) == 1 and gained[0].startswith(f"{operator} "):
        gained = [gained[0].removeprefix(f"{operator} ")]
    return f"{', '.join(lost)} became {', '.join(gained)}"


def _times(call: str, times: int) -> str:
    return call if times == 1 else f"{times} x {call}"
