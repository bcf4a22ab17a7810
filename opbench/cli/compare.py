"""``opbench compare``: which differences between two runs are real."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from opbench import config
from opbench.cli.compare_report import Report, ReportFormat
from opbench.cli.output import messages
from opbench.compare import Comparison, Verdict, compare_runs, unequal
from opbench.errors import BadValueError, OpbenchError
from opbench.store import Run, RunWriter, find_run, read_run
from opbench.thresholds import Threshold, parse_thresholds

_SELF_TEST = ("lenet5", "caffenet128", "squeezenet1_1", "googlenet", "resnet18", "resnet110_cifar")


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
        bool, typer.Option("--self-test", help="Time the same cells twice: how often is it fooled?")
    ] = False,
    results: Annotated[Path, typer.Option(help="Where runs are looked for.")] = Path("results"),
    format: Annotated[ReportFormat, typer.Option(help="How to print.")] = ReportFormat.table,
) -> None:
    """SAME, FASTER, SLOWER or AMBIGUOUS for each cell, with the ratio and its 95 % interval.

    Exit code 1 when a cell is SLOWER, or failed.  Thresholds stand in tool.opbench.compare of
    pyproject.toml as well, for all targets or by glob.
    """
    settings = config.load(Path.cwd()).compare
    strict = settings.strict if strict is None else strict
    thresholds = settings.threshold if threshold is None else _thresholds(threshold)
    if self_test:
        base, new = _twice(runs or list(_SELF_TEST))
    elif len(runs or ()) == 2:
        base, new = (read_run(find_run(results, name)) for name in runs or ())
    else:
        raise BadValueError("name two runs, BASE and NEW, or give --self-test")
    report = _report(base, new, thresholds, across=across, strict=strict)
    written = report.print(format)
    if written is not None:
        sys.stdout.write(written)
    if self_test:
        messages.print(_false_alarms(report.comparisons))
    else:
        messages.print(report.summary)
    if report.fails:
        raise typer.Exit(1)


def _report(
    base: Run, new: Run, thresholds: tuple[Threshold, ...], *, across: bool, strict: bool
) -> Report:
    for damage in (*base.damages, *new.damages):
        messages.print(f"damaged, and left out: {damage}", markup=False)
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


def _thresholds(text: str) -> tuple[Threshold, ...]:
    try:
        return parse_thresholds(text)
    except ValueError as error:
        raise BadValueError(f"--threshold {error}, not {text!r}") from None


def _twice(targets: list[str]) -> Iterator[Run]:
    """The same targets timed twice, one run after the other, as a gate does it."""
    from tempfile import TemporaryDirectory

    from opbench.cli.run import choose_workers, take
    from opbench.runner.plan import Sweep
    from opbench.runner.start import prepare
    from opbench.timing.protocol import Protocol
    from opbench.timing.settings import CudaOptions

    for _ in range(2):
        with TemporaryDirectory() as folder, choose_workers() as workers:
            prepared = prepare(targets, Sweep(), Protocol(), CudaOptions(), workers)
            writer = RunWriter.create(Path(folder))
            if take(prepared, writer, workers):
                raise KeyboardInterrupt
            yield read_run(writer.path)


def _false_alarms(comparisons: Sequence[Comparison]) -> str:
    """How often two runs of the same thing were found to differ, and how often it may be.

    With x of n seen, the Clopper-Pearson bound for x = 0 is 1 - 0.05^(1/n); beyond that the rate
    seen is given as it is.
    """
    told = [each for each in comparisons if each.ratio is not None]
    alarms = [each for each in told if each.verdict in (Verdict.SLOWER, Verdict.FASTER)]
    open_ = sum(each.verdict is Verdict.AMBIGUOUS for each in told)
    said = f"{len(alarms)} false alarms in {len(told)} comparisons of the same with the same"
    if alarms:
        bound = f", none with --threshold {max(map(_beyond, alarms)):.0%}"
    else:
        bound = f" (a rate of at most {1 - 0.05 ** (1 / len(told)):.0%})" if told else ""
    return f"{said}{bound}; {open_} ambiguous"


def _beyond(alarm: Comparison) -> float:
    """The smallest threshold, to a whole percent, that would have kept it quiet."""
    assert alarm.ratio is not None
    slower = max(alarm.ratio.low, 1 / alarm.ratio.high)
    return math.ceil((slower - 1) * 100) / 100
