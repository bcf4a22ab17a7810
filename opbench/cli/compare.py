"""``opbench compare``: the differences between runs, targets or evaluations that are real."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opbench.cli.compare_evaluations import compare_files, find_evaluations
from opbench.cli.compare_report import CompareFormat, CompareReport
from opbench.cli.live_report import LiveReport
from opbench.cli.options import (
    CalibrationData,
    Input,
    InputSize,
    OldCompile,
    Results,
    Timeout,
    refuse_compile,
    results_folder,
)
from opbench.cli.render import note, say, write
from opbench.errors import BadValueError, OpbenchError
from opbench.live.comparison import LiveComparison, told
from opbench.live.lines import find_comparison, read_comparison
from opbench.live.start import MAX_SECONDS, THRESHOLD, VARIED, LiveSettings
from opbench.record import USUAL
from opbench.runs.compare import compare_runs, unequal
from opbench.runs.lines import RUN
from opbench.runs.store import LATEST, RunFile, find_run, read_run, run_files
from opbench.runtimes import names as runtime_names
from opbench.settings import Threshold, load_settings, parse_thresholds

# The options that only targets have.
_OF_TARGETS = (
    *("max_seconds", "device_time", "device", "batch_size", "input_size", "input", "dtype", "data"),
    *("memory_format", "runtime", "threads", "pass_", "seed", "timeout"),
    *("against", "vary"),
)

if TYPE_CHECKING:
    from opbench.cli.paired_report import PairedReport
    from opbench.cli.self_test import SelfTestReport


def compare(
    context: typer.Context,
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="BASE NEW",
            help="Two runs, by file or by name in --results: latest is the newest, latest~1 the "
            "one before. Or two targets, which are timed here and now. Or two evaluations or "
            "more, by file or by name, of which the first is BASE. Or one comparison of "
            "targets that was recorded, by file or by name, to show it again: `opbench runs` lists "
            "them. With --against, --vary and --self-test, one target or more.",
        ),
    ] = None,
    threshold: Annotated[
        str | None,
        typer.Option(
            help="Ignore changes up to this: 3%, 50us, or both as 3%,50us; of evaluations 0.5 for "
            "points of accuracy. By default 2%,10us of runs, 5% of targets, and of evaluations 0.3 "
            "or what --at-most allows."
        ),
    ] = None,
    across: Annotated[
        bool, typer.Option("--across", help="Compare runs from different environments.")
    ] = False,
    strict: Annotated[
        bool | None,
        typer.Option(
            "--strict/--no-strict",
            help="Also fail when a cell is AMBIGUOUS; with --at-most, unless a larger loss is "
            "ruled out.",
        ),
    ] = None,
    at_most: Annotated[
        str | None,
        typer.Option(
            metavar="POINTS",
            help="Fail only when surely more than so many points of accuracy are lost between "
            "evaluations.",
        ),
    ] = None,
    self_test: Annotated[
        bool,
        typer.Option("--self-test", help="Measure the rate of false alarms on this machine."),
    ] = False,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="GIT_REF",
            help="Time each target against itself as it was in that commit; the checkout is not "
            "touched.",
        ),
    ] = None,
    vary: Annotated[
        str | None,
        typer.Option(
            metavar="KEY=A,B",
            help=f"Time each target under two settings; KEY is one of {', '.join(VARIED)}.",
        ),
    ] = None,
    max_seconds: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", min=1.0, help="Time two targets for about this long at most."
        ),
    ] = MAX_SECONDS,
    device_time: Annotated[
        bool,
        typer.Option(
            "--device-time",
            help="Compare the GPU's time without launches instead of what a caller waits.",
        ),
    ] = False,
    device: Annotated[
        str,
        typer.Option(
            metavar="DEVICE",
            help="Device of targets: cpu, cuda or cuda:N. Of runs, the device whose cells are "
            "compared, or part of a machine's name.  [default: cpu of targets, all of runs]",
            show_default=False,
        ),
    ] = "cpu",
    batch_size: Annotated[
        str, typer.Option("--batch-size", "-b", metavar="N", help="Images per forward pass.")
    ] = "1",
    input_size: InputSize = None,
    input: Input = None,
    dtype: Annotated[
        str,
        typer.Option(
            metavar="TYPE",
            help="Data type: float32, bfloat16, float16, float64; int8 in the runtimes onnxruntime "
            "and openvino, with --data.",
        ),
    ] = USUAL["dtype"],
    data: CalibrationData = None,
    memory_format: Annotated[
        str, typer.Option(metavar="FORMAT", help="Memory format: contiguous, channels_last.")
    ] = USUAL["memory_format"],
    runtime: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"Runtime: {', '.join(runtime_names())}; compile:MODE is torch.compile in a mode.",
        ),
    ] = USUAL["runtime"],
    compile: OldCompile = None,
    threads: Annotated[
        str | None, typer.Option(metavar="N", help="PyTorch's threads on the CPU.")
    ] = None,
    pass_: Annotated[
        str, typer.Option("--pass", metavar="PASS", help="Pass: forward, training.")
    ] = USUAL["pass"],
    seed: Annotated[
        int,
        typer.Option(metavar="N", min=0, help="Seed of weights, images and the order of turns."),
    ] = 0,
    timeout: Timeout = None,
    results: Results = None,
    format: Annotated[CompareFormat, typer.Option(help="Output format.")] = CompareFormat.table,
) -> None:
    """Compare two runs, two targets or evaluations: which difference is real, with a 95 % interval.

    A cell is SAME, FASTER, SLOWER or AMBIGUOUS. Runs are compared as they were measured. Two
    targets are timed here in turns, in many fresh pairs of processes, until the verdict is clear or
    the time of --max-seconds is up; all samples are kept in the folder comparisons of --results. A
    change of targets is SLOWER or FASTER when it is real and may exceed the threshold; of runs,
    when it surely does.

    Evaluations are compared image by image, with the first of them: SAME, BETTER, WORSE or
    AMBIGUOUS by the exact McNemar test, with the difference in points of top-1.

    Exit code 1: a cell is SLOWER or failed; an evaluation is WORSE, or with --at-most has surely
    lost more than that; with --self-test, more than 1 in 20 comparisons of a network with itself
    were false alarms. Thresholds of times, for all targets or by glob, can be set in
    tool.opbench.compare of pyproject.toml.

    Examples:
        opbench compare resnet18 mymodels.py:net --input-size 3x224x224
        opbench compare mymodels.py:net --against origin/main
        opbench compare resnet50 --vary dtype=float32,bfloat16
        opbench compare resnet50 --vary runtime=eager,onnxruntime
        opbench compare latest~1 latest
        opbench compare base.jsonl new.jsonl --across --threshold 3%,50us
        opbench compare float32.jsonl int8.jsonl --at-most 0.3
        opbench compare --self-test resnet18
    """
    refuse_compile(compile)
    names, folder = runs or (), results_folder(results)
    settings = load_settings(Path.cwd()).compare
    fails_on_doubt = settings.strict if strict is None else strict
    timed_here = self_test or against is not None or vary is not None
    evaluations = [] if timed_here else find_evaluations(names, folder)
    if not evaluations:
        _refuse_options(context, ("at_most",), "only evaluations have it")
    given = None if evaluations else threshold
    thresholds = settings.threshold if given is None else _thresholds(given)
    report: CompareReport | SelfTestReport | LiveReport | PairedReport
    if evaluations:
        _refuse_options(context, (*_OF_TARGETS, "across"), "evaluations have none of these")
        report = compare_files(
            evaluations, threshold=threshold, at_most=at_most, strict=fails_on_doubt
        )
    elif self_test:
        from opbench.cli.self_test import self_test as test

        _refuse_options(context, (*_OF_TARGETS, "across"), "--self-test times runs, without these")
        report = test(names, thresholds, format)
    elif not timed_here and (recorded := _recorded(names, folder)):
        _refuse_options(
            context, (*_OF_TARGETS, "across"), "a recorded comparison has none of these"
        )
        shown = _read_again(recorded, () if threshold is None else thresholds)
        report = LiveReport(comparisons=shown, strict=fails_on_doubt)
    elif against is not None or vary is not None or _are_targets(names, folder):
        _refuse(names, against, vary, across=across)
        from opbench.cli.compare_live import CellWords, LiveRequest, compare_targets

        request = LiveRequest(
            targets=names,
            words=CellWords(
                device=device,
                batch_size=batch_size,
                input_size=input_size,
                inputs=input or (),
                dtype=dtype,
                memory_format=memory_format,
                runtime=runtime,
                threads=threads,
                pass_=pass_,
            ),
            settings=LiveSettings(
                max_seconds=max_seconds,
                seed=seed,
                metric="device_s" if device_time else "latency_s",
                # The last that matches a target is its own.
                thresholds=(THRESHOLD, *thresholds),
            ),
            vary=vary,
            against=against,
            timeout=timeout,
            data=data,
        )
        report = LiveReport(comparisons=compare_targets(request, folder), strict=fails_on_doubt)
    else:
        mine = [name for name in _OF_TARGETS if name != "device"]
        _refuse_options(context, mine, "only targets that are timed here have these")
        base, new = _read(names, folder)
        if _is_given(context, "device"):
            from opbench.table.cells import on_device

            base, new = (on_device(run, device) for run in (base, new))
        report = CompareReport(
            comparisons=compare_runs(base, new, thresholds),
            base=base,
            new=new,
            strict=fails_on_doubt,
            differing=_differing(base, new, across=across),
        )
    write(report.render(format))
    note(report.summary)
    if report.fails:
        raise typer.Exit(1)


def _recorded(names: Sequence[str], folder: Path) -> Path | None:
    """Return the file of a comparison that was asked for alone; None where it is one of a run."""
    path = find_comparison(folder, names[0]) if len(names) == 1 else None
    return None if path is None or _first_kind(path) in RUN.kinds else path


def _first_kind(path: Path) -> str:
    """Return the kind of a file's first line, "" where it has none."""
    try:
        with path.open("rb") as file:
            return str(json.loads(file.readline())["kind"])
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return ""


def _read_again(path: Path, thresholds: Sequence[Threshold]) -> list[LiveComparison]:
    """Judge the comparisons of a file, by their own thresholds where none are given."""
    file = read_comparison(path)
    for damage in file.damages:
        say(f"warning: skipped a damaged line: {damage}")
    return [told(each, file.header.metric, thresholds) for each in file.compared]


def _are_targets(names: Sequence[str], folder: Path) -> bool:
    """Return whether two names are targets: neither is a run, nor written like one."""
    return len(names) == 2 and not any(_is_run(name, folder) for name in names)


def _is_run(name: str, folder: Path) -> bool:
    files = {path.stem for path in run_files(folder)}
    return bool(LATEST.fullmatch(name)) or name.endswith(".jsonl") or name in files


def _refuse(names: Sequence[str], against: str | None, vary: str | None, *, across: bool) -> None:
    """Raise ``BadValueError`` for what does not go together."""
    if against == "":
        raise BadValueError("--against is empty: name a commit, branch or tag, such as origin/main")
    if against is not None and vary is not None:
        raise BadValueError("--vary compares settings and --against commits: remove one of them")
    if not names:
        option = "--vary" if against is None else "--against"
        raise BadValueError(f"{option} needs a TARGET, such as mymodels.py:net")
    if across:
        raise BadValueError("--across is for runs; targets are timed on this machine: remove it")


def _is_given(context: typer.Context, name: str) -> bool:
    """Return whether an option stands on the command line."""
    # By name: typer does not export the sources.
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _refuse_options(context: typer.Context, names: Sequence[str], why: str) -> None:
    """Raise ``BadValueError`` for those of ``names`` that were given on the command line."""
    given = [name for name in names if _is_given(context, name)]
    if given:
        options = ", ".join(f"--{name.strip('_').replace('_', '-')}" for name in given)
        raise BadValueError(f"{options}: {why}: remove them")


def _read(names: Sequence[str], folder: Path) -> tuple[RunFile, RunFile]:
    if len(names) != 2:
        raise BadValueError(f"name two runs, BASE and NEW{_offer(names, folder)}")
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
