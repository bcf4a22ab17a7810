"""Check the networks of a lock: which they are, their counts now, and the lock after an update."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass, replace
from pathlib import Path

import typer

from opbench.cli.progress import Progress
from opbench.cli.render import note, plural, say
from opbench.errors import BadFileError, BadValueError, named
from opbench.inputs import AskedInputs
from opbench.lock import (
    Block,
    ConflictedLockError,
    FreshBlock,
    Lock,
    NewerLockError,
    covers,
    fewest,
    load,
    load_at,
    same_counts,
    save,
    target_of,
)
from opbench.lock.isolated import PRELOAD, Found, find, recount_all
from opbench.lock.scope import expand, size_of
from opbench.lock.sizes import requests, sizes_of
from opbench.lock.unmatched import unmatched
from opbench.lock.verdict import CheckedTarget, Problem, Status
from opbench.names import require_utf8
from opbench.processes.calls import isolated
from opbench.settings import CheckSettings, Settings

_STALE = Problem(reason="its target is checked at other sizes", gone=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRequest:
    """A check that was asked for.

    ``path`` is the lock's; ``targets`` are as on the command line, none for the whole lock;
    ``timeout`` is in seconds, for each network.
    """

    settings: Settings
    rules: CheckSettings
    path: Path
    targets: Sequence[str]
    asked: AskedInputs
    jobs: int
    timeout: float | None

    @property
    def configured(self) -> tuple[str, ...]:
        """The targets that the project says belong to its lock."""
        return self.rules.targets if self.path == self.settings.lock else ()

    def held(self, against: str | None, *, update: bool) -> Lock:
        """Load the lock to compare with.

        An update that rebuilds it, because the project says what belongs in it, takes a damaged
        one for empty.
        """
        if against:
            return load_at(against, self.path)
        if update and not self.path.exists():
            return Lock()
        try:
            return load(self.path)
        except BadFileError as error:
            rebuilds = update and self.configured and not self.targets and self.path.is_file()
            if not rebuilds or isinstance(error, (NewerLockError, ConflictedLockError)):
                raise
            say(f"warning: the damaged lock is replaced: {error}")
            return Lock()

    def patterns(self, held: Lock, *, update: bool) -> tuple[str, ...]:
        """Return the targets that were named, else those of the lock and of the project.

        Raises ``BadValueError`` or ``BadFileError`` where there are none.
        """
        for each in self.targets:
            require_utf8(each)
        if self.targets:
            known = dict.fromkeys(map(target_of, held.networks))
            named = (_from_root(each, self.settings.root) for each in self.targets)
            return tuple(dict.fromkeys(each for name in named for each in expand(name, known)))
        patterns = fewest({*held.targets, *self.configured})
        if held.networks or (update and patterns):
            return patterns
        if update:
            raise BadValueError(
                "--update needs a TARGET for a new lock, such as mymodels.py:net with "
                "--input-size 3x224x224; '*' names the networks of opbench itself"
            )
        raise BadFileError(
            f"the lock {self.path} holds no networks: add one with `opbench check --update TARGET`"
        )

    def count(self, held: Lock, patterns: Sequence[str]) -> dict[str, Block | Problem]:
        """Count what ``patterns`` name, and the whole lock where no TARGET was named."""
        locked = held.networks
        everything = () if self.targets else tuple(map(target_of, locked))
        with chdir(self.settings.root), isolated(PRELOAD, jobs=self.jobs) as calls:
            found = find(calls, (*patterns, *everything), [*map(target_of, locked)])
            self._refuse_unknown(found, locked)
            wanted, stale = requests(found, locked, self.asked, self.rules.input_sizes)
            now: dict[str, Block | Problem] = {}
            counted = recount_all(calls, found, wanted, locked, self.timeout)
            with Progress(len(wanted), "counted") as progress:
                for name, block in counted:
                    now[wanted[name].target if _brings_inputs(block) else name] = block
                    progress.advance(name, failed=isinstance(block, Problem))
        if self.asked and all(map(_brings_inputs, now.values())):
            raise BadValueError(f"{next(iter(now))} brings its own inputs: remove --input-size")
        left = [name for name in (*wanted, *stale) if name in locked and name not in now]
        return now | {name: _replaced(name, now) for name in left}

    def _refuse_unknown(self, found: Found, locked: Collection[str]) -> None:
        """Raise ``BadValueError`` for a TARGET on the command line that nothing is called."""
        held = set(map(target_of, locked))
        for name, problem in found.items() if self.targets else ():
            if problem and name not in held:
                raise BadValueError(problem.reason)


def _brings_inputs(block: Block | Problem) -> bool:
    return isinstance(block, FreshBlock) and block.own_inputs


def _replaced(name: str, now: Mapping[str, Block | Problem]) -> Problem:
    """Return the problem of a name whose target is checked under others now.

    It is gone only where the target was counted under each of them.
    """
    others = [each for other, each in now.items() if target_of(other) == target_of(name)]
    return next((each for each in others if isinstance(each, Problem)), _STALE)


def refuse_uncounted(now: Mapping[str, Block | Problem], held: Lock, *, update: bool) -> None:
    """Exit with 2 where all targets were named wrongly, or an update has nothing to write."""
    problems = {name: each for name, each in now.items() if isinstance(each, Problem)}
    if not problems or len(problems) < len(now) or problems.keys() & held.networks.keys():
        return
    if update or all(each.mistake for each in problems.values()):
        for name, each in problems.items():
            say(f"error: {named(name, each.reason)}")
        raise typer.Exit(2)


def accept(
    checked: Sequence[CheckedTarget], held: Lock, patterns: Sequence[str], path: Path
) -> list[CheckedTarget]:
    """Write the lock with every change, and return the targets with what became of them."""
    accepted = [_accepted(each) for each in checked]
    lock = _updated(held, accepted, patterns)
    told = "written" if save(lock, path) else "is unchanged"
    note(f"{path} {told}: {plural(len(lock.networks), 'network')}")
    return accepted


def warn(checked: Sequence[CheckedTarget], request: CheckRequest, *, update: bool) -> None:
    """Say which rules match nothing, which sizes only the lock has, and what an old one lacks."""
    if not request.targets:
        for sentence in _unmatched(checked, request.rules):
            say(f"warning: [tool.opbench.check] {sentence}")
    if alone := _sized_by_lock(checked, request):
        note(
            f"input_sizes lists none for {', '.join(alone)}, whose sizes in the lock are checked; "
            "list some in [tool.opbench.check] to replace them"
        )
    old = sum(bool(each.locked and not each.locked.is_complete) for each in checked)
    if old and not update:
        note(
            f"{request.path} was written by an older opbench: for {plural(old, 'network')} calls "
            "without parameters, such as activation functions, are not compared until "
            "`opbench check --update`"
        )


def _sized_by_lock(checked: Sequence[CheckedTarget], request: CheckRequest) -> list[str]:
    """Return the targets whose several sizes are in the lock and not in the settings."""
    targets = dict.fromkeys(target_of(each.name) for each in checked if size_of(each.name))
    return [each for each in targets if not sizes_of(each, request.rules.input_sizes)]


def _unmatched(checked: Sequence[CheckedTarget], rules: CheckSettings) -> Iterator[str]:
    blocks = [block for each in checked for block in (each.locked, each.now) if block]
    operators = {operator for block in blocks for operator in block.uncounted}
    return unmatched(rules, {target_of(each.name) for each in checked}, operators)


def _from_root(target: str, root: Path) -> str:
    """Return a target as the lock has it: a file's path from the project's root, with slashes."""
    head, colon, attribute = target.rpartition(":") if ":" in target else (target, "", "")
    if not head.endswith(".py"):
        return target
    path = Path.cwd() / head
    inside = path.resolve().is_relative_to(root)
    return f"{path.resolve().relative_to(root).as_posix() if inside else path}{colon}{attribute}"


_ACCEPTED = {Status.NEW: "added to the lock", Status.GONE: "removed from the lock"}


def _accepted(target: CheckedTarget) -> CheckedTarget:
    """Accept a change; an update accepts every one, but not what has no count."""
    if target.status is Status.EQUAL:
        return target
    if target.status is Status.CANNOT_COUNT:
        return replace(target, note=f"{target.note}; {_kept(target)}")
    return replace(target, ok=True, note=_ACCEPTED.get(target.status, "updated in the lock"))


def _kept(target: CheckedTarget) -> str:
    """Say what an update does with a target that cannot be counted."""
    if target.now:
        return "written to the lock without it"
    if target.locked:
        return "its counts in the lock are kept: mend it, or delete its entry from the lock"
    return "not added to the lock"


def _updated(held: Lock, checked: Sequence[CheckedTarget], patterns: Sequence[str]) -> Lock:
    """Put the blocks of what was checked into ``held``; without a change a block stays.

    The lock answers for the patterns that match one of its networks.
    """
    networks = dict(held.networks)
    for each in checked:
        if each.status is Status.GONE:
            networks.pop(each.name, None)
        elif each.now and not _is_kept(each.locked, each.now):
            networks[each.name] = each.now
    targets = set(map(target_of, networks))
    matching = (
        pattern
        for pattern in (*held.targets, *patterns)
        if any(covers(pattern, each) for each in targets)
    )
    return Lock(targets=fewest(matching), networks=networks)


def _is_kept(locked: Block | None, now: Block) -> bool:
    """Return whether an update leaves a block as it is."""
    if locked is None or not locked.is_complete:
        return False
    return locked.inputs == now.inputs and same_counts(locked, now)
