"""``opbench compare``: the differences between two runs that are real."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opbench.cli.compare_report import CompareFormat, CompareReport
from opbench.cli.options import Results, results_folder
from opbench.cli.render import note, say, write
from opbench.errors import BadValueError, OpbenchError
from opbench.registry.graphs import is_graph, refuse
from opbench.runs.compare import compare_runs, unequal
from opbench.runs.store import RunFile, find_run, read_run, run_files
from opbench.settings import Threshold, load_settings, parse_thresholds

if TYPE_CHECKING:
    from opbench.cli.self_test import SelfTestReport


def compare(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="BASE NEW",
            help="Two run files, or runs in --results by name; latest is the newest of them, "
            "latest~1 the one before. With --self-test, targets.",
        ),
    ] = None,
    threshold: Annotated[
        str | None,
        typer.Option(
            help="Ignore changes up to this: 3%, 50us, or both as 3%,50us. By default 2%,10us."
        ),
    ] = None,
    across: Annotated[
        bool, typer.Option("--across", help="Compare runs from different environments.")
    ] = False,
    strict: Annotated[
        bool | None,
        typer.Option("--strict/--no-strict", help="Also fail when a cell is AMBIGUOUS."),
    ] = None,
    self_test: Annotated[
        bool,
        typer.Option("--self-test", help="Measure the rate of false alarms on this machine."),
    ] = False,
    results: Results = None,
    format: Annotated[CompareFormat, typer.Option(help="Output format.")] = CompareFormat.table,
) -> None:
    """Compare two runs: SAME, FASTER, SLOWER or AMBIGUOUS for each cell, with a 95 % interval.

    Exit code 1: a cell is SLOWER or failed; with --self-test, more than 1 in 20 comparisons of a
    network with itself were false alarms. Thresholds for all targets or by glob can be set in
    tool.opbench.compare of pyproject.toml.

    Examples:
        opbench compare latest~1 latest
        opbench compare results/runs/before.jsonl results/runs/after.jsonl
        opbench compare base.jsonl new.jsonl --across --threshold 3%,50us
        opbench compare --self-test resnet18
    """
    settings = load_settings(Path.cwd()).compare
    thresholds = settings.threshold if threshold is None else _thresholds(threshold)
    report: CompareReport | SelfTestReport
    if self_test:
        from opbench.cli.self_test import self_test as test

        report = test(runs or (), thresholds, format)
    else:
        base, new = _read(runs or (), results_folder(results))
        report = CompareReport(
            comparisons=compare_runs(base, new, thresholds),
            base=base,
            new=new,
            strict=settings.strict if strict is None else strict,
            differing=_differing(base, new, across=across),
        )
    write(report.render(format))
    note(report.summary)
    if report.fails:
        raise typer.Exit(1)


def _read(names: Sequence[str], folder: Path) -> tuple[RunFile, RunFile]:
    if len(names) != 2:
        raise BadValueError(f"name two runs, BASE and NEW{_offer(names, folder)}")
    for graph in filter(is_graph, names):
        refuse(Path(graph))
    base, new = (read_run(find_run(folder, name)) for name in names)
    same = (base.header, base.lines) == (new.header, new.lines)
    for run in (base,) if same else (base, new):
        _warn(run)
    if same:
        say(f"warning: BASE and NEW are the same run, {base.path}; `opbench runs` lists others")
    return base, new


def _offer(names: Sequence[str], folder: Path) -> str:
    """Propose a command with the newest runs."""
    newest = [path.stem for path in run_files(folder)][-2:]
    if not newest:
        return f"; there is none in {folder}: make them with `opbench run`"
    known = [name for name in names[:1] if not name.startswith("latest")]
    asked = [*known, *newest[-1:]] if known else newest
    if len(names) > 1 or len(asked) < 2 or asked[0] == asked[1]:
        return f"; `opbench runs --results {folder}` lists those there are"
    return f"; with the newest: `opbench compare {' '.join(asked)}`"


def _differing(base: RunFile, new: RunFile, *, across: bool) -> Mapping[str, tuple[Any, Any]]:
    """Return the facts that differ between the environments.  Refuses any but for ``across``."""
    differing = unequal(base, new)
    if differing and not across:
        raise OpbenchError(
            f"the runs are from different environments ({_told(base, new, differing)}): "
            "measure both on one machine with one version, or add --across"
        )
    return differing


def _told(base: RunFile, new: RunFile, differing: Mapping[str, tuple[Any, Any]]) -> str:
    """Name facts with both values, and those that one run lacks once per run."""
    parts = [
        f"{name}: {one!r} and {two!r}"
        for name, (one, two) in differing.items()
        if one is not None and two is not None
    ]
    for index, run in enumerate((base, new)):
        lacking = [name for name, values in differing.items() if values[index] is None]
        if lacking:
            parts.append(f"{run.path.stem} does not record {', '.join(lacking)}")
    return "; ".join(parts)


def _warn(run: RunFile) -> None:
    """Say what is wrong with a run."""
    for damage in run.damages:
        say(f"warning: skipped a damaged line: {damage}")
    if not run.finished:
        say(f"{run.path} is not finished: continue it with `opbench run --resume {run.path}`")


def _thresholds(text: str) -> tuple[Threshold, ...]:
    try:
        return parse_thresholds(text)
    except ValueError as error:
        raise BadValueError(f"--threshold {error}, not {text!r}") from None
