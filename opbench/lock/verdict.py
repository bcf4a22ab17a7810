"""Check present counts against locked ones: the verdict on each target, and why.

    EQUAL         every total and every row
    MOVED         every total, but other modules or shapes make them up
    HEAVIER       a total grew; an allowance may accept it
    LIGHTER       none grew, one shrank
    NEW           missing from the lock
    GONE          the lock holds it and nothing of that name exists
    CANNOT_COUNT  it does not import, build or run, or an operator in it has no rule

Integers are compared with ``==``; nothing here rounds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase

from opbench.lock import Block, changes, same_counts
from opbench.settings import Allowance, CheckSettings


class Status(StrEnum):
    """The verdict on one target."""

    EQUAL = "equal"
    MOVED = "moved"
    HEAVIER = "heavier"
    LIGHTER = "lighter"
    NEW = "new"
    GONE = "gone"
    CANNOT_COUNT = "cannot count"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """The reason why a target has no counts now; ``gone`` when nothing of that name exists."""

    reason: str
    gone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedTarget:
    """One target, checked against its lock.

    ``ok`` is whether the check passes; ``note`` says why it passes although it changed, or what to
    do if it fails; ``why`` lists the changes, the largest in MACs first.
    """

    name: str
    status: Status
    ok: bool
    locked: Block | None = None
    now: Block | None = None
    note: str = ""
    why: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The verdict and its note: ``vgg16 is heavier: ...``."""
        verb = "cannot be counted" if self.status is Status.CANNOT_COUNT else f"is {self.status}"
        return ": ".join(filter(None, (f"{self.name} {verb}", self.note)))


def check_counts(
    locked: Mapping[str, Block], now: Mapping[str, Block | Problem], rules: CheckSettings
) -> list[CheckedTarget]:
    """Check each name of ``now`` against its locked block, sorted by name."""
    checked = [_check_one(name, locked.get(name), now[name], rules) for name in sorted(now)]
    new = [each for each in checked if each.status is Status.NEW]
    return [_renamed(each, new) if each.status is Status.GONE else each for each in checked]


def allowance_for(name: str, metric: str, allowances: Iterable[Allowance]) -> Allowance | None:
    """The last allowance that matches, as in .gitignore; None without one."""
    found = None
    for each in allowances:
        if fnmatchcase(name, each.glob) and each.metric in ("*", metric):
            found = each
    return found


def _check_one(
    name: str, locked: Block | None, now: Block | Problem, rules: CheckSettings
) -> CheckedTarget:
    if isinstance(now, Problem):
        status = Status.GONE if now.gone else Status.CANNOT_COUNT
        note = f"{now.reason}; {_update_hint(name)}" if now.gone else now.reason
        return CheckedTarget(name=name, status=status, ok=False, locked=locked, note=note)
    unknown = _not_allowed(now.uncounted, rules.allow_uncounted)
    if unknown:
        return _uncounted(name, locked, now, unknown)
    if locked is None:
        note = f"not in the lock; {_update_hint(name)}"
        return CheckedTarget(name=name, status=Status.NEW, ok=False, now=now, note=note)
    if same_counts(locked, now):
        return CheckedTarget(name=name, status=Status.EQUAL, ok=True, locked=locked, now=now)
    return _changed(name, locked, now, rules)


def _changed(name: str, locked: Block, now: Block, rules: CheckSettings) -> CheckedTarget:
    grown = [each for each in rules.metrics if now.totals()[each] > locked.totals()[each]]
    shrunk = [each for each in rules.metrics if now.totals()[each] < locked.totals()[each]]
    if grown:
        status = Status.HEAVIER
        ok, note = _judge_heavier(name, locked, now, grown, rules.max_increase)
    elif shrunk:
        status, ok = Status.LIGHTER, not rules.strict
        note = _update_hint(name) if ok else f"which fails with strict; {_update_hint(name)}"
    else:
        status, ok = Status.MOVED, not rules.strict
        compared = ", ".join(rules.metrics)
        note = f"{compared} are as locked, but modules or shapes changed; {_update_hint(name)}"
    if moved := _shares(locked, now, rules.metrics):
        note = f"{moved}; {note}"
    why = tuple(changes(locked, now))
    return CheckedTarget(
        name=name, status=status, ok=ok, locked=locked, now=now, note=note, why=why
    )


def _shares(locked: Block, now: Block, metrics: Iterable[str]) -> str:
    """List the compared totals that moved: ``params +0.21%, macs +11.63%``."""
    words = []
    for metric in metrics:
        before, after = locked.totals()[metric], now.totals()[metric]
        if before != after:
            share = f"{after / before - 1:+.2%}" if before else f"{after - before:+,}"
            words.append(f"{metric} {share}")
    return ", ".join(words)


def _judge_heavier(
    name: str, locked: Block, now: Block, grown: list[str], allowances: Iterable[Allowance]
) -> tuple[bool, str]:
    """Check each total that grew against its allowance; without one it fails."""
    allowed = {metric: allowance_for(name, metric, allowances) for metric in grown}
    over = [
        f"{metric} may grow by {allowance}"
        for metric, allowance in allowed.items()
        if allowance and not allowance.allows(locked.totals()[metric], now.totals()[metric])
    ]
    if over or not all(allowed.values()):
        return False, "; ".join([*over, _update_hint(name)])
    limits = sorted({str(allowance) for allowance in allowed.values()})
    return True, f"within max_increase ({', '.join(limits)})"


def _uncounted(
    name: str, locked: Block | None, now: Block, unknown: tuple[str, ...]
) -> CheckedTarget:
    return CheckedTarget(
        name=name,
        status=Status.CANNOT_COUNT,
        ok=False,
        locked=locked,
        now=now,
        note=f"no rule for {', '.join(unknown)}, so its MACs are not known",
        why=tuple(changes(locked, now)) if locked else (),
    )


def _not_allowed(uncounted: tuple[str, ...], globs: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(each for each in uncounted if not any(fnmatchcase(each, glob) for glob in globs))


def _renamed(gone: CheckedTarget, new: Iterable[CheckedTarget]) -> CheckedTarget:
    """Suggest the new name that has the same counts as one that is gone."""
    for each in new:
        if gone.locked and each.now and same_counts(gone.locked, each.now):
            said = f"{each.name}, which is new, has the same counts: was it renamed? "
            return replace(gone, note=said + "`opbench check --update` accepts it")
    return gone


def _update_hint(name: str) -> str:
    return f"`opbench check --update {name}` accepts it"
