"""``opbench check``: counts now against the counts that were locked."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import chdir, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from opbench import files
from opbench.cli.check_report import (
    READ_BY_PEOPLE,
    CheckFormat,
    CheckReport,
    append_step_summary,
    parse_output,
)
from opbench.cli.options import InputSize, Timeout, parse_input_size
from opbench.cli.progress import Progress
from opbench.cli.render import note, plural, say, write
from opbench.errors import BadFileError, BadValueError
from opbench.lock import Block, Lock, NewerLockError, fewest, load, load_at, same_counts, save
from opbench.lock.isolated import PRELOAD, find, recount_all
from opbench.lock.verdict import CheckedTarget, Problem, Status, check_counts
from opbench.processes.calls import isolated
from opbench.settings import load_settings

_REGISTRY = ("*",)


def check(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TARGET",
            help="Names, globs or files; by default, everything in the lock.",
        ),
    ] = None,
    lock: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The lock; by default tool.opbench.lock of pyproject.toml or opbench.lock.json.",
        ),
    ] = None,
    input_size: InputSize = None,
    update: Annotated[
        bool, typer.Option("--update", help="Write the current counts into the lock.")
    ] = False,
    against: Annotated[
        str | None,
        typer.Option(metavar="GIT_REF", help="Compare with the lock of that commit."),
    ] = None,
    strict: Annotated[
        bool | None,
        typer.Option("--strict/--no-strict", help="Also fail when a network became lighter."),
    ] = None,
    timeout: Timeout = None,
    format: Annotated[
        CheckFormat, typer.Option(help="Output format; table is the same as text.")
    ] = CheckFormat.text,
    output: Annotated[
        list[str] | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Also write a report to FILE, which ends with .txt, .json, .csv, .md, .xml "
            "(JUnit) or .sarif, or to FORMAT:FILE. Can be repeated.",
        ),
    ] = None,
) -> None:
    """Compare the current counts with those in the lock.

    Exit code 0: unchanged or allowed; 1: changed or uncounted; 2: wrong usage or input. Each change
    is shown with the modules and operators that cause it. Rules are set in the table
    tool.opbench.check of pyproject.toml: targets, strict, metrics, max_increase, allow_uncounted.

    Examples:
        opbench check --update mymodels.py:net --input-size 3x224x224
        opbench check
        opbench check --against origin/main --output check.md
    """
    size = parse_input_size(input_size)
    outputs = [parse_output(each) for each in output or []]
    if update and against:
        raise BadValueError("--update writes the current counts: remove --against")
    settings = load_settings(Path.cwd())
    path = lock.absolute() if lock else settings.lock
    rules = settings.check if strict is None else replace(settings.check, strict=strict)
    asked = [_from_root(each, settings.root) for each in targets or []]
    configured = rules.targets if path == settings.lock else ()
    # Updates that run at once wait for each other, so that none loses another's targets.
    alone = files.locked(path, remedy="name another with --lock") if update else nullcontext()
    with alone:
        held = _held(path, against, update=update, rebuilds=bool(configured) and not asked)
        if not (asked or held.networks or update):
            raise BadFileError(f"the lock {path} holds no networks: name some and add --update")
        patterns = asked or fewest({*held.targets, *configured}) or _REGISTRY
        wanted = patterns if asked else (*patterns, *held.networks)
        with chdir(settings.root):
            now = _count(wanted, held, size, timeout)
        checked = check_counts(held.networks, now, rules)
        if update:
            checked = [_accepted(each) for each in checked]
            _save(_updated(held, checked, patterns), path)
    report = CheckReport(checked=checked, lock=path, root=settings.root)
    write(report.render(format))
    if format not in READ_BY_PEOPLE:  # a log says something when all is well, too
        note(report.summary)
    for kind, file in outputs:
        files.write(file, report.render(kind), remedy="choose another file with --output")
    append_step_summary(report)
    if not all(each.ok for each in checked):
        raise typer.Exit(1)


def _held(path: Path, against: str | None, *, update: bool, rebuilds: bool) -> Lock:
    """Load the lock to compare with.

    An update that ``rebuilds`` it, because the project says what belongs in it, takes a damaged
    one for empty.
    """
    if against:
        return load_at(against, path)
    if update and not path.exists():
        return Lock()
    try:
        return load(path)
    except BadFileError as error:
        mendable = path.is_file() and not isinstance(error, NewerLockError)
        if not (update and rebuilds and mendable):
            raise
        say(f"warning: the damaged lock is replaced: {error}")
        return Lock()


def _from_root(target: str, root: Path) -> str:
    """Return a target as the lock has it: a file's path from the project's root, with slashes."""
    head, colon, attribute = target.rpartition(":")
    if not head.endswith(".py"):
        return target
    path = Path.cwd() / head
    inside = path.resolve().is_relative_to(root)
    return f"{path.resolve().relative_to(root).as_posix() if inside else path}{colon}{attribute}"


def _count(
    patterns: Sequence[str], held: Lock, size: tuple[int, ...] | None, timeout: float | None
) -> dict[str, Block | Problem]:
    now = {}
    with isolated(PRELOAD) as calls:
        found = find(calls, patterns, held.networks)
        with Progress(len(found), "counted") as progress:
            for name, counted in recount_all(calls, found, held.networks, size, timeout):
                now[name] = counted
                progress.advance(name, failed=isinstance(counted, Problem))
    return {name: now[name] for name in found}


_ACCEPTED = {Status.NEW: "added to the lock", Status.GONE: "removed from the lock"}


def _accepted(target: CheckedTarget) -> CheckedTarget:
    """Accept a change; an update accepts every one, but not what has no count."""
    if target.status is Status.EQUAL:
        return target
    if target.status is Status.CANNOT_COUNT:
        kept = "written to the lock without it" if target.now else "its counts in the lock are kept"
        return replace(target, note=f"{target.note}; {kept}")
    return replace(target, ok=True, note=_ACCEPTED.get(target.status, "updated in the lock"))


def _updated(held: Lock, checked: Sequence[CheckedTarget], patterns: Sequence[str]) -> Lock:
    """Put the blocks of what was checked into ``held``; without a change a block stays."""
    networks = dict(held.networks)
    gone = {each.name for each in checked if each.status is Status.GONE}
    for each in checked:
        if each.name in gone:
            networks.pop(each.name, None)
        elif each.now and not (each.locked and same_counts(each.locked, each.now)):
            networks[each.name] = each.now
    return Lock(targets=fewest({*held.targets, *patterns} - gone), networks=networks)


def _save(lock: Lock, path: Path) -> None:
    told = "written" if save(lock, path) else "is unchanged"
    note(f"{path} {told}: {plural(len(lock.networks), 'network')}")
