"""``opbench run``: count and time networks on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opbench.cli.options import Results, choose_workers, parse_input_size, results_folder
from opbench.cli.render import Format, say
from opbench.errors import BadValueError

if TYPE_CHECKING:
    from opbench.runs.pool import Workers
    from opbench.runs.start import Prepared
    from opbench.runs.store import RunFile
    from opbench.spec import Shape

# Words of one option, separated by commas.
Words = str

# What may stand beside --resume; the rest is as it was.
_OF_RESUMING = {"targets", "resume", "in_process", "dry_run", "json", "results", "format"}


def run(
    context: typer.Context,
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TARGET",
            help="A name or glob of the registry (resnet*), torchvision:NAME, timm:NAME, "
            "package.module:ATTR or path/file.py:ATTR; the whole registry by default. "
            "With --resume, the run to go on with.",
        ),
    ] = None,
    device: Annotated[Words, typer.Option(help="cpu, cuda or cuda:N; or a list.")] = "cpu",
    batch_size: Annotated[Words, typer.Option(help="Images at once; 1,16 times each.")] = "1",
    input_size: Annotated[
        Words | None, typer.Option(metavar="CxHxW", help="Size of one image; or a list.")
    ] = None,
    dtype: Annotated[Words, typer.Option(help="float32, bfloat16, float16, float64.")] = "float32",
    memory_format: Annotated[
        Words, typer.Option(help="contiguous or channels_last; or a list.")
    ] = "contiguous",
    compile: Annotated[
        Words, typer.Option(help="eager, or a mode of torch.compile such as default; or a list.")
    ] = "eager",
    threads: Annotated[
        Words | None, typer.Option(help="PyTorch's threads on the CPU; or a list.")
    ] = None,
    precision: Annotated[
        float, typer.Option(help="Half the width of the median's 95 % interval; 0.01 is 1 %.")
    ] = 0.01,
    max_seconds: Annotated[float, typer.Option(help="Of forward passes, for one cell.")] = 2.2,
    rounds: Annotated[int, typer.Option(help="Fresh processes per cell, at least.")] = 5,
    seed: Annotated[int, typer.Option(help="Of weights and images.")] = 0,
    cuda_graph: Annotated[bool, typer.Option(help="Replay a CUDA graph.")] = False,
    l2: Annotated[str, typer.Option(help="The GPU's L2 cache: warm or cold.")] = "warm",
    tf32: Annotated[bool, typer.Option(help="Let CUDA compute float32 with TF32.")] = False,
    in_process: Annotated[
        bool, typer.Option(help="No fresh processes: quicker, and less to be trusted.")
    ] = False,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with a run, the newest that is not finished if none."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan only.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Stream records to stdout, a line of JSON each.")
    ] = False,
    results: Results = None,
    format: Annotated[Format, typer.Option(help="How the rows are printed.")] = Format.table,
) -> None:
    """Count and time networks; every result is on disk as soon as it is measured.

    A network that fails is a row with its reason; the run goes on and ends with exit code 1.  A run
    that is gone on with keeps its settings; what failed, unless for want of memory, is tried again.
    """
    from opbench.cli.run_progress import take
    from opbench.cli.run_report import print_plan, report
    from opbench.files import Appender
    from opbench.runs.plan import Sweep
    from opbench.runs.start import prepare
    from opbench.runs.store import new_run
    from opbench.timing.protocol import Protocol
    from opbench.timing.settings import CudaOptions

    sweep = Sweep(
        devices=_words(device),
        batch_sizes=_numbers("--batch-size", batch_size),
        input_sizes=_sizes(input_size),
        dtypes=_words(dtype),
        memory_formats=_words(memory_format),
        compile=_words(compile),
        threads=_numbers("--threads", threads) if threads else (None,),
    )
    protocol = Protocol(precision=precision, max_seconds=max_seconds, rounds=rounds, seed=seed)
    cuda = CudaOptions(graph=cuda_graph, l2=l2, tf32=tf32)  # type: ignore[arg-type]
    folder = results_folder(results)
    old = _run_to_resume(context, targets or (), folder) if resume else None
    with choose_workers(in_process=in_process) as workers:
        if old is not None:
            prepared = _what_is_missing(old, workers)
        else:
            prepared = prepare(targets or (), sweep, protocol, cuda, workers)
        if dry_run:
            print_plan(prepared, workers, format)
            return
        writer = Appender(old.path, size=old.size) if old else new_run(folder)
        interrupted = False
        try:
            take(prepared, writer, workers, stream=json)
        except KeyboardInterrupt:
            interrupted = True
    report(prepared.sheet, writer.path, None if json else format)
    if interrupted:
        raise KeyboardInterrupt
    if prepared.sheet.failures:
        raise typer.Exit(1)


def _run_to_resume(context: typer.Context, names: Sequence[str], results: Path) -> RunFile:
    from opbench.runs.start import run_to_resume

    if ignored := [f"--{name.replace('_', '-')}" for name in _settings_given(context)]:
        raise BadValueError(
            f"--resume goes on with the settings of the run: leave {', '.join(ignored)} away"
        )
    if len(names) > 1:
        raise BadValueError("--resume goes on with one run: name one, or none for the newest")
    return run_to_resume(results, next(iter(names), None))


def _settings_given(context: typer.Context) -> list[str]:
    """The options on the command line that a run which is gone on with has already."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    # By name: which library defines the sources depends on the version of typer.
    given = [name for name, source in sources.items() if source and source.name == "COMMANDLINE"]
    return [name for name in given if name not in _OF_RESUMING]


def _what_is_missing(run: RunFile, workers: Workers) -> Prepared:
    from opbench.runs.start import resume

    for damage in run.damages:
        say(f"damaged, and left out: {damage}")
    return resume(run, workers)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",")]


def _numbers(option: str, text: str) -> list[int]:
    try:
        return [int(word) for word in _words(text)]
    except ValueError:
        raise BadValueError(f"{option} {text!r} is no list of whole numbers such as 1,16") from None


def _sizes(text: str | None) -> list[Shape]:
    sizes = map(parse_input_size, _words(text) if text else [])
    return [size for size in sizes if size]
