"""``opbench count``: exact operations of anything that is an ``nn.Module``."""

from __future__ import annotations

from typing import Annotated

import typer

from opbench.cli.conventions import ConventionName, check_convention, render_convention
from opbench.cli.count_slurm import count_by_slurm
from opbench.cli.counted import Counting, count_all, say_failures
from opbench.cli.executor import Executor, ExecutorOption, ShardsOption, SlurmOption, distribution
from opbench.cli.options import (
    Depth,
    Dtype,
    Input,
    InputSize,
    OutputFormat,
    Precision,
    Targets,
    Timeout,
    parse_asked,
    parse_input_size,
    parse_integers,
    refuse_batch_size,
    results_folder,
)
from opbench.cli.render import Format, say, write
from opbench.cli.rows import Asked, By, Pass, render_counts
from opbench.cli.shard import ShardOption, parse_shard
from opbench.errors import BadValueError
from opbench.inputs import described


def count(
    context: typer.Context,
    targets: Targets = None,
    input_size: InputSize = None,
    input: Input = None,
    batch_size: Annotated[
        str, typer.Option("--batch-size", "-b", metavar="N", help="Images per forward pass.")
    ] = "1",
    dtype: Dtype = None,
    by: Annotated[By, typer.Option(help="Print one row for each of these.")] = By.model,
    depth: Depth = None,
    passes: Annotated[
        Pass,
        typer.Option(
            "--pass",
            help="training counts the forward pass in training mode and the backward pass of the "
            "sum of all outputs.",
        ),
    ] = Pass.forward,
    convention: ConventionName = None,
    top: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Print only the modules (that hold no others printed) or operators with the most "
            "MACs of each target.",
        ),
    ] = None,
    shard: ShardOption = None,
    executor: ExecutorOption = Executor.local,
    slurm: SlurmOption = None,
    shards: ShardsOption = None,
    jobs: Annotated[int, typer.Option(min=1, help="Count in this many processes.")] = 1,
    timeout: Timeout = None,
    format: OutputFormat = Format.table,
) -> None:
    """Count parameters, MACs, activations and peak activation memory, exactly and without weights.

    Exit code 0: all were counted; 1: some were not, or one ended its process, and their rows say
    why; 2: none can be counted, or the command is wrong.

    Examples:
        opbench count resnet50 'vgg*'
        opbench count mymodels.py:net --input-size 3x224x224
        opbench count mymodels.py:bert --input input_ids=1x128:int64
        opbench count resnet50 --by operator
        opbench count resnet50 --pass training --batch-size 32
        opbench count resnet50 --depth 2 --top 10 --format csv
        opbench count timm:resnet50 --convention fvcore
        opbench count 'timm:*' --shard 2/8 --format json
        opbench count 'timm:*' --executor slurm --slurm partition=cpu --shards 32
    """
    what, images = parse_asked(input_size, input), _one_batch_size(batch_size)
    refuse_batch_size(what, [images])
    given = described(what)
    asked = Asked(
        size=None if given else parse_input_size(input_size),
        given=tuple(map(str, given)),
        batch_size=images,
        dtype=dtype,
        by=By.module if by is By.model and depth is not None else by,
        depth=depth,
        top=top,
        passes=passes,
    )
    _check(asked)
    if convention is not None:
        _check_convention(convention, asked)
    how = Counting(convention=convention, shard=parse_shard(shard), jobs=jobs, timeout=timeout)
    work = distribution(context, results_folder(None), ("--format", "json"), printing=True)
    rows = count_by_slurm(work, targets or []) if work else count_all(targets or [], asked, how)
    if convention is None:
        write(render_counts(rows, asked, format))
    else:
        write(render_convention(rows, convention, asked, format))
    if any(row.get("uncounted") for row in rows):
        say(
            "warning: uncounted operators have no rule: their MACs are missing from the sums; "
            "[tool.opbench.rules] in pyproject.toml names rules for operators of your own"
        )
    if any(row.get("error") for row in rows):
        if format in (Format.json, Format.csv):  # a table has the reasons below it
            say_failures(rows)
        raise typer.Exit(1)


def _one_batch_size(text: str) -> int:
    sizes = parse_integers("--batch-size", text)
    if len(sizes) > 1:
        raise BadValueError(
            f"--batch-size: count takes one batch size, not {text!r}; `opbench run` takes a list"
        )
    return sizes[0]


def _check(asked: Asked) -> None:
    """Refuse an option that would be ignored."""
    if asked.depth is not None and asked.by is not By.module:
        raise BadValueError(f"--depth is about modules: remove --by {asked.by}")
    if asked.top is not None and asked.by is By.model:
        raise BadValueError("--top needs --by module or --by operator: a model is one row")


def _check_convention(convention: str, asked: Asked) -> None:
    check_convention(convention, asked.by)
    if asked.dtype not in (None, Precision.float32):
        raise BadValueError("--convention counts in float32: remove --dtype")
    if asked.training:
        raise BadValueError("--convention counts the forward pass: remove --pass training")
