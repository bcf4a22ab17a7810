"""``opbench compare``: which differences between two runs are real."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from opbench.cli.compare_report import Report, ReportFormat
from opbench.cli.options import Results, results_folder
from opbench.cli.output import Format, messages
from opbench.errors import BadValueError, OpbenchError
from opbench.runs.compare import compare_runs, unequal
from opbench.runs.store import RunFile, find_run, read_run
from opbench.settings import Threshold, load_settings, parse_thresholds


def compare(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="BASE NEW",
            help="Two run files, or names of runs below --results. With --self-test, targets.",
        ),
    ] = None,
    threshold: Annotated[
        str | None,
        typer.Option(help="What does not matter: 3%, 50us, or both with a comma. 2%,10us if not."),
    ] = None,
    across: Annotated[
        bool, typer.Option("--across", help="Compare although the environments differ.")
    ] = False,
    strict: Annotated[
        bool | None, typer.Option("--strict/--no-strict", help="AMBIGUOUS fails as well.")
    ] = None,
    self_test: Annotated[
        bool,
        typer.Option("--self-test", help="Time the same again and again: how often is it fooled?"),
    ] = False,
    results: Results = None,
    format: Annotated[ReportFormat, typer.Option(help="How to print.")] = ReportFormat.table,
) -> None:
    """SAME, FASTER, SLOWER or AMBIGUOUS for each cell, with the ratio and its 95 % interval.

    Exit code 1 when a cell is SLOWER, or failed, or, with --self-test, when more than one in twenty
    comparisons was fooled.  Thresholds stand in tool.opbench.compare of pyproject.toml as well,
    for all targets or by glob.
    """
    settings = load_settings(Path.cwd()).compare
    strict = settings.strict if strict is None else strict
    thresholds = settings.threshold if threshold is None else _thresholds(threshold)
    if self_test:
        raise typer.Exit(_self_test(runs or (), thresholds, format))
    if runs is None or len(runs) != 2:
        raise BadValueError("name two runs, BASE and NEW, or give --self-test")
    folder = results_folder(results)
    base, new = (read_run(find_run(folder, name)) for name in runs)
    report = _report(base, new, thresholds, across=across, strict=strict)
    written = report.print(format)
    if written is not None:
        sys.stdout.write(written)
    messages.print(report.summary)
    if report.fails:
        raise typer.Exit(1)


def _report(
    base: RunFile, new: RunFile, thresholds: tuple[Threshold, ...], *, across: bool, strict: bool
) -> Report:
    for run in (base, new):
        _warn(run)
    differing = unequal(base, new)
    if differing and not across:
        said = "; ".join(
            f"{name}: {one!r} and {other!r}" for name, (one, other) in differing.items()
        )
        raise OpbenchError(
            f"the runs are from different environments ({said}): "
            "measure both on one machine, or give --across"
        )
    return Report(
        comparisons=compare_runs(base, new, thresholds),
        base=base,
        new=new,
        strict=strict,
        differing=differing,
    )


def _warn(run: RunFile) -> None:
    """What is wrong with a run, on stderr."""
    for damage in run.damages:
        messages.print(f"damaged, and left out: {damage}", markup=False)
    if not run.finished:
        messages.print(
            f"{run.path} is not finished, and lacks cells: `opbench run --resume {run.path}` "
            "goes on with it",
            markup=False,
        )


def _self_test(
    targets: Sequence[str], thresholds: tuple[Threshold, ...], format: ReportFormat
) -> int:
    from opbench.cli.self_test import TARGETS, self_test

    if format.value not in {each.value for each in Format}:
        raise BadValueError(f"--self-test prints table, json, csv or markdown, not {format}")
    return int(self_test(targets or TARGETS, thresholds, Format(format.value)))


def _thresholds(text: str) -> tuple[Threshold, ...]:
    try:
        return parse_thresholds(text)
    except ValueError as error:
        raise BadValueError(f"--threshold {error}, not {text!r}") from None
