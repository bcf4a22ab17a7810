"""Check present counts against locked ones: the verdict on each target, and why.

    EQUAL         every total and every row
    RENAMED       every total and every row, under other names of modules
    CHANGED       every total, but other modules or shapes make them up
    HEAVIER       a total grew; an allowance may accept it
    LIGHTER       none grew, one shrank; a setting may accept it
    OTHER_INPUT   counted on an input of another size, so that nothing can be compared
    NEW           missing from the lock
    GONE          the lock holds it and nothing of that name exists
    CANNOT_COUNT  it does not import, build or run, or an operator in it has no rule

Integers are compared with ``==``; nothing here rounds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fnmatch import fnmatchcase

from opbench.lock.blocks import FROM_OPTION, FROM_TARGET, Block, same_counts, same_functions
from opbench.lock.changes import Changes, changes, functions_of, resized
from opbench.lock.scope import target_of
from opbench.record import TOTALS
from opbench.settings import Allowance, CheckSettings


class Status(StrEnum):
    """The verdict on one target."""

    EQUAL = "equal"
    RENAMED = "renamed"
    CHANGED = "changed"
    HEAVIER = "heavier"
    LIGHTER = "lighter"
    OTHER_INPUT = "other input"
    NEW = "new"
    GONE = "gone"
    CANNOT_COUNT = "cannot count"


_PREDICATES = {
    Status.RENAMED: "has renamed modules",
    Status.CHANGED: "has changed",
    Status.OTHER_INPUT: "has another input size",
    Status.CANNOT_COUNT: "cannot be counted",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """The reason why a target has no counts now.

    ``gone``: nothing of that name exists any more.  ``mistake``: it was named or sized wrongly; the
    network is not at fault.
    """

    reason: str
    gone: bool = False
    mistake: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedTarget:
    """One target, checked against its lock.

    ``ok`` is whether the check passes; ``note`` says why it passes although it changed, or what to
    do if it fails; ``changes`` are the differences.
    """

    name: str
    status: Status
    ok: bool
    locked: Block | None = None
    now: Block | None = None
    note: str = ""
    changes: Changes = field(default_factory=Changes)

    @property
    def sentence(self) -> str:
        """The verdict, its cause and its note: ``vgg16 is heavier because of ...``."""
        heading = f"{self.name} {_PREDICATES.get(self.status, f'is {self.status}')}"
        if self.status in (Status.HEAVIER, Status.LIGHTER) and self.changes.cause:
            return f"{heading} because of {self.changes.cause}; {self.note}"
        return ": ".join(filter(None, (heading, self.note)))

    @property
    def why(self) -> tuple[str, ...]:
        """The changes as sentences, modules by the largest change in MACs first."""
        return (*self.changes.facts, *self.changes.causes)


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
    found = changes(locked, now)
    status, ok, note = _judge(name, locked, now, found, rules)
    return CheckedTarget(
        name=name, status=status, ok=ok, locked=locked, now=now, note=note, changes=found
    )


def _judge(
    name: str, locked: Block, now: Block, found: Changes, rules: CheckSettings
) -> tuple[Status, bool, str]:
    if resized(locked, now):
        (told, *_) = found.facts
        return Status.OTHER_INPUT, False, f"{told}; {_update_hint(name, now)}"
    moved = _moved(locked, now, rules.metrics)
    if moved:
        heavier = any(change > 0 for change in moved.values())
        ok, note = _judge_totals(name, locked, now, moved, rules)
        return Status.HEAVIER if heavier else Status.LIGHTER, ok, note
    hint = f"{_update_hint(name)}{', and strict refuses it' if rules.strict else ''}"
    if found.renames and not (found.modules or found.facts):
        return Status.RENAMED, not rules.strict, f"{', '.join(found.renames)}; {hint}"
    other = found.first or ", ".join(_moved(locked, now, TOTALS)) or _other(locked, now)
    told = f"{', '.join(rules.metrics)} are as locked, but not {other}"
    return Status.CHANGED, not rules.strict, f"{told}; {hint}"


def _other(locked: Block, now: Block) -> str:
    """Name what is neither a module nor a total and changed."""
    if same_functions(locked, now):
        return "its uncounted operators"
    return f"its activation functions ({functions_of(locked)} became {functions_of(now)})"


def _moved(locked: Block, now: Block, metrics: Iterable[str]) -> dict[str, int]:
    """Return the differences of those totals that are not equal."""
    before, after = locked.totals(), now.totals()
    return {key: after[key] - before[key] for key in metrics if after[key] != before[key]}


def _judge_totals(
    name: str, locked: Block, now: Block, moved: Mapping[str, int], rules: CheckSettings
) -> tuple[bool, str]:
    """Return whether every total that moved is allowed to, and a note."""
    shares = ", ".join(f"{key} {_share(locked.totals()[key], moved[key])}" for key in moved)
    grown = {
        key: allowance_for(target_of(name), key, rules.max_increase)
        for key, change in moved.items()
        if change > 0
    }
    refused = [
        key
        for key, allowance in grown.items()
        if not (allowance and allowance.allows(locked.totals()[key], now.totals()[key]))
    ]
    shrunk = [key for key in moved if key not in grown and rules.lighter == "fail"]
    notes = [f"{key} may grow by {grown[key]}" for key in refused if grown[key]]
    if shrunk and not refused:
        notes.append(f'{", ".join(shrunk)} shrank, which only lighter = "pass" allows')
    if refused or shrunk:
        return False, "; ".join((shares, *notes, _update_hint(name)))
    if limits := sorted({str(allowance) for allowance in grown.values()}):
        return True, f"{shares}; within max_increase ({', '.join(limits)})"
    return True, f'{shares}; allowed by lighter = "pass"; {_update_hint(name)}'


def _share(before: int, change: int) -> str:
    return f"{change / before:+.2%}" if before else f"{change:+,}"


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
        changes=changes(locked, now) if locked else Changes(),
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


def _update_hint(name: str, now: Block | None = None) -> str:
    return f"`opbench check --update {target_of(name)}{_options(now)}` accepts it"


def _options(now: Block | None) -> str:
    """Return the options with which ``now`` was counted."""
    if now is None or now.input_size_from == FROM_TARGET:
        return ""
    if now.input_size_from == FROM_OPTION:
        return f" --input-size {now.input_size}"
    return "".join(f" --input {each}" for each in now.inputs)
