"""``opbench check``: counts now against the counts that were locked."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from opbench import files
from opbench.cli import render
from opbench.cli.check_lock import CheckRequest, accept, refuse_uncounted, warn
from opbench.cli.check_report import append_step_summary, check_report, on_terminal
from opbench.cli.options import Input, InputSize, Timeout, parse_asked
from opbench.cli.render import note, write
from opbench.errors import BadValueError, either
from opbench.lock.verdict import CheckedTarget, check_counts
from opbench.reports import Report
from opbench.reports.formats import FORMATS, SUFFIXES, ReportFormat, format_of, parse_output
from opbench.settings import load_settings


def check(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TARGET",
            help="Names or globs; mymodels.py or 'mymodels.py:*' are those of the file that the "
            "lock has. By default, everything in the lock.",
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
    input: Input = None,
    update: Annotated[
        bool, typer.Option("--update", help="Write the current counts into the lock.")
    ] = False,
    against: Annotated[
        str | None,
        typer.Option(metavar="GIT_REF", help="Compare with the lock of that commit."),
    ] = None,
    strict: Annotated[
        bool | None,
        typer.Option(
            "--strict/--no-strict",
            help="Also fail when modules changed and no total did: names, activation functions.",
        ),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Count in this many processes.")] = 1,
    timeout: Timeout = None,
    format: Annotated[
        str,
        typer.Option(
            metavar=f"[{'|'.join(FORMATS)}]",
            help="Output format; table is the same as text.",
        ),
    ] = "text",
    output: Annotated[
        list[str] | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help=f"Also write a report to FILE, which ends with {either([*SUFFIXES])}, or to "
            "FORMAT:FILE. Can be repeated.",
        ),
    ] = None,
) -> None:
    """Compare the current counts with those in the lock.

    Exit code 0: unchanged or allowed (reported unless --quiet); 1: changed or uncounted; 2: wrong
    usage or input. Each change is shown with the modules and operators that cause it. A lock names
    the networks that it counts, and counting runs their code, and the counting rules that
    tool.opbench.rules names: check a stranger's pull request where it can read no secret and reach
    nothing. Settings are in the table tool.opbench.check of pyproject.toml: targets, metrics,
    lighter, strict, max_increase, allow_uncounted, input_sizes
    (not for networks that bring their own inputs, unless these are one image).

    Examples:
        opbench check --update mymodels.py:net --input-size 3x224x224
        opbench check --update mymodels.py:bert --input input_ids=1x128:int64
        opbench check
        opbench check --against origin/main --output check.md
    """
    shown, outputs = format_of(format), [parse_output(each) for each in output or []]
    if update and against:
        raise BadValueError("--update writes the current counts: remove --against")
    settings = load_settings(Path.cwd())
    request = CheckRequest(
        settings=settings,
        rules=settings.check if strict is None else replace(settings.check, strict=strict),
        path=lock.absolute() if lock else settings.lock,
        targets=targets or [],
        asked=parse_asked(input_size, input),
        jobs=jobs,
        timeout=timeout,
    )
    # Updates that run at once wait for each other, so that none loses another's targets.
    others = files.locked(request.path, remedy="name another with --lock")
    with others if update else nullcontext():
        held = request.held(against, update=update)
        patterns = request.patterns(held, update=update)
        now = request.count(held, patterns)
        refuse_uncounted(now, held, update=update)
        checked = check_counts(held.networks, now, request.rules)
        if lock:
            checked = _naming(lock, checked)
        if update:
            checked = accept(checked, held, patterns, request.path)
    warn(checked, request, update=update)
    report = check_report(checked, lock=request.path, root=settings.root)
    passes = all(each.ok for each in checked)
    _show(shown, report, passes=passes)
    for kind, file in outputs:
        files.write(file, FORMATS[kind].write(report), remedy="choose another file with --output")
    append_step_summary(report)
    if not passes:
        raise typer.Exit(1)


def _naming(lock: Path, checked: Sequence[CheckedTarget]) -> list[CheckedTarget]:
    """Name the lock that was asked for in the commands that are advised."""
    command = f"opbench check --lock {lock} --update"
    return [
        replace(each, note=each.note.replace("opbench check --update", command)) for each in checked
    ]


def _show(format: ReportFormat, report: Report, *, passes: bool) -> None:
    """Write the report; one for people that passes is left out with --quiet."""
    if not (format.summarised and passes and render.output.quiet):
        write(format.write(on_terminal(report, render.terminal_width())))
    if not format.summarised:  # a log says something when all is well, too
        note(report.summary)
