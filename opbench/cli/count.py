"""``opbench count``: exact operations of anything that is an ``nn.Module``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Annotated, Any

import typer

from opbench.cli.conventions import (
    ConventionName,
    check_convention,
    convention_rows,
    render_convention,
)
from opbench.cli.options import (
    Depth,
    Dtype,
    InputSize,
    OutputFormat,
    Precision,
    Targets,
    parse_input_size,
    parse_integers,
)
from opbench.cli.progress import Progress
from opbench.cli.render import Format, say, stdout_is_ours, write
from opbench.cli.rows import Asked, By, render_counts, target_rows
from opbench.errors import BadValueError, OpbenchError, describe
from opbench.registry.pool import Failed, outcomes

Rows = list[dict[str, Any]]
Make = Callable[[str], Rows]


def count(
    targets: Targets = None,
    input_size: InputSize = None,
    batch_size: Annotated[
        str, typer.Option("--batch-size", "-b", metavar="N", help="Images per forward pass.")
    ] = "1",
    dtype: Dtype = Precision.float32,
    by: Annotated[By, typer.Option(help="Print one row for each of these.")] = By.model,
    depth: Depth = None,
    convention: ConventionName = None,
    top: Annotated[
        int | None,
        typer.Option(min=1, help="Print only the rows with the most MACs of each target."),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Count in this many processes.")] = 1,
    format: OutputFormat = Format.table,
) -> None:
    """Count parameters, MACs, activations and peak activation memory, exactly and without weights.

    A target that cannot be counted is a row with the reason, and the exit code is 1.

    Examples:
        opbench count resnet50 'vgg*'
        opbench count mymodels.py:net --input-size 3x224x224
        opbench count resnet50 --by operator
        opbench count resnet50 --depth 2 --top 10 --format csv
        opbench count timm:resnet50 --convention fvcore
    """
    asked = Asked(
        size=parse_input_size(input_size),
        batch_size=_one_batch_size(batch_size),
        dtype=dtype,
        by=by,
        depth=depth,
        top=top,
    )
    _check(asked)
    if convention is None:
        rows = _count(partial(target_rows, asked=asked), targets or [], jobs)
        write(render_counts(rows, asked, format))
    else:
        _check_convention(convention, asked)
        make = partial(convention_rows, convention=convention, asked=asked)
        rows = _count(make, targets or [], jobs)
        write(render_convention(rows, convention, asked, format))
    if any(row.get("uncounted") for row in rows):
        say("warning: uncounted operators have no rule: their MACs are missing from the sums")
    if _say_failures(rows):
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
        raise BadValueError("--depth needs --by module")
    if asked.top is not None and asked.by is By.model:
        raise BadValueError("--top needs --by module or --by operator: a model is one row")


def _check_convention(convention: str, asked: Asked) -> None:
    check_convention(convention, asked.by)
    if asked.dtype != Precision.float32:
        raise BadValueError("--convention counts in float32: remove --dtype")


def _count(make: Make, patterns: Sequence[str], jobs: int) -> Rows:
    """Make the rows of all targets, in their order.

    What a single target raises is the command's error.
    """
    from opbench.registry.targets import resolve

    with stdout_is_ours():
        names = [target.name for target in resolve(patterns)]
        if len(names) == 1:
            return _alone(make, names[0])
        made = dict(_each(make, names, jobs))
    return [row for name in names for row in made[name]]


def _alone(make: Make, name: str) -> Rows:
    try:
        return make(name)
    except OpbenchError as error:
        raise OpbenchError(_named(name, describe(error))) from error


def _each(make: Make, names: Sequence[str], jobs: int) -> Iterator[tuple[str, Rows]]:
    """Make the rows of each target as it is done; one that fails is a row with the reason."""
    with Progress(len(names), "counted") as progress:
        for name, outcome in outcomes(make, names, jobs=jobs):
            progress.advance(name, failed=isinstance(outcome, Failed))
            if isinstance(outcome, Failed):
                outcome = [{"name": name, "error": outcome.reason}]
            yield name, outcome


def _say_failures(rows: Rows) -> bool:
    """Say why targets failed, and return whether any did."""
    failed = [row for row in rows if row.get("error")]
    for row in failed:
        say(f"error: {_named(row['name'], row['error'])}")
    return bool(failed)


def _named(name: str, reason: str) -> str:
    """Put the name of a target in front of what is wrong with it, once."""
    return reason if name in reason else f"{name}: {reason}"
