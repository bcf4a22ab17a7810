"""``opbench check``: counts now against the counts that were locked."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from contextlib import chdir
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from opbench.cli.check_report import (
    READ_BY_PEOPLE,
    Report,
    ReportFormat,
    parse_output,
    write_file,
    write_step_summary,
)
from opbench.cli.options import InputSize, parse_input_size
from opbench.cli.output import messages, stdout_is_ours
from opbench.errors import BadFileError, BadValueError
from opbench.lock import Block, Lock, NewerLockError, fewest, load, load_at, same_counts, save
from opbench.lock.verdict import Finding, Problem, Status, compare
from opbench.settings import load_settings

_REGISTRY = ("*",)


def check(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TARGET",
            help="Names, globs or files, as everywhere; all that the lock holds by default.",
        ),
    ] = None,
    lock: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The lock; tool.opbench.lock of pyproject.toml, else opbench.lock.json.",
        ),
    ] = None,
    input_size: InputSize = None,
    update: Annotated[
        bool, typer.Option("--update", help="Write the counts of now into the lock.")
    ] = False,
    against: Annotated[
        str | None,
        typer.Option(metavar="GIT_REF", help="The lock as it was in that commit."),
    ] = None,
    strict: Annotated[
        bool | None, typer.Option("--strict/--no-strict", help="Lighter fails as well.")
    ] = None,
    format: Annotated[
        ReportFormat, typer.Option(help="How to print; table is text.")
    ] = ReportFormat.text,
    output: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="Write a report as well, again for another: .txt, .json, .csv, .md, .xml (JUnit) "
            "or .sarif, or FORMAT:FILE.",
        ),
    ] = None,
) -> None:
    """Counts now against the lock: 0 as locked or allowed, 1 changed or uncounted, 2 cannot tell.

    Each change is told with the modules and operators that make it.  Rules stand in the table
    tool.opbench.check of pyproject.toml: targets, strict, metrics, max_increase, allow_uncounted.
    """
    size = parse_input_size(input_size)
    files = [parse_output(each) for each in output or []]
    if update and against:
        raise BadValueError("--update writes the lock of now: leave --against out")
    settings = load_settings(Path.cwd())
    path = lock.absolute() if lock else settings.lock
    rules = settings.check if strict is None else replace(settings.check, strict=strict)
    asked = [_from_root(each, settings.root) for each in targets or []]
    configured = rules.targets if path == settings.lock else ()
    held = _held(path, against, updating=update, rebuilds=bool(configured) and not asked)
    scope = _scope(held, configured)
    if not (asked or held.networks or update):
        raise BadFileError(f"the lock {path} holds no networks: name some and add --update")
    patterns = asked or scope or _REGISTRY
    with chdir(settings.root), stdout_is_ours():
        now = _count(patterns if asked else (*patterns, *held.networks), held, size)
    findings = compare(held.networks, now, rules)
    if update:
        findings = [_accept(each) for each in findings]
        _save(_updated(held, findings, patterns), path)
    report = Report(findings=findings, lock=path, root=settings.root)
    sys.stdout.write(report.write(format))
    if format not in READ_BY_PEOPLE:  # a log says something when all is well, too
        messages.print(report.summary, markup=False)
    for kind, file in files:
        write_file(report.write(kind), file)
    write_step_summary(report)
    if not all(each.ok for each in findings):
        raise typer.Exit(1)


def _held(path: Path, against: str | None, *, updating: bool, rebuilds: bool) -> Lock:
    """The lock to compare with.  An unreadable one is empty to an update that ``rebuilds`` it,
    because the project says what belongs in it; nothing else can know."""
    if against:
        return load_at(against, path)
    if updating and not path.exists():
        return Lock()
    try:
        return load(path)
    except BadFileError as error:
        mendable = path.is_file() and not isinstance(error, NewerLockError)
        if not (updating and rebuilds and mendable):
            raise
        messages.print(f"warning: written anew: {error}", markup=False)
        return Lock()


def _scope(held: Lock, configured: Iterable[str]) -> tuple[str, ...]:
    """The patterns that the lock answers for: those it was written with, and the project's."""
    return fewest({*held.targets, *configured})


def _from_root(target: str, root: Path) -> str:
    """The path of a file target as the lock has it: from the project's root, with slashes."""
    head, colon, attribute = target.rpartition(":")
    if not head.endswith(".py"):
        return target
    path = Path.cwd() / head
    inside = path.resolve().is_relative_to(root)
    return f"{path.resolve().relative_to(root).as_posix() if inside else path}{colon}{attribute}"


def _count(
    patterns: Sequence[str], held: Lock, size: tuple[int, ...] | None
) -> dict[str, Block | Problem]:
    from rich.progress import track

    from opbench.lock.recount import find, recount_all

    found = find(patterns, held.networks)
    counted = recount_all(found, held.networks, size)
    return dict(
        track(
            counted,
            "counting",
            total=len(found),
            console=messages,
            transient=True,
            disable=not messages.is_terminal,
        )
    )


_ACCEPTED = {Status.NEW: "in the lock now", Status.GONE: "taken out of the lock"}


def _accept(finding: Finding) -> Finding:
    """An update accepts every change, but it cannot accept what has no count."""
    if finding.status is Status.EQUAL:
        return finding
    if finding.status is Status.CANNOT_COUNT:
        kept = "written as it is" if finding.now else "its block is as it was"
        return replace(finding, note=f"{finding.note}; {kept}")
    return replace(finding, ok=True, note=_ACCEPTED.get(finding.status, "the lock follows"))


def _updated(held: Lock, findings: Sequence[Finding], patterns: Sequence[str]) -> Lock:
    """``held`` with the findings' blocks; what did not change keeps its versions."""
    networks = dict(held.networks)
    gone = {each.name for each in findings if each.status is Status.GONE}
    for each in findings:
        if each.name in gone:
            networks.pop(each.name, None)
        elif each.now and not (each.locked and same_counts(each.locked, each.now)):
            networks[each.name] = each.now
    return Lock(targets=fewest({*held.targets, *patterns} - gone), networks=networks)


def _save(lock: Lock, path: Path) -> None:
    changed = save(lock, path)
    said = "written" if changed else "is as it was"
    messages.print(f"{path} {said}: {_networks(len(lock.networks))}", markup=False)


def _networks(number: int) -> str:
    return "1 network" if number == 1 else f"{number} networks"
