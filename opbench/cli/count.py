"""``opbench count``: exact operations of anything that is an ``nn.Module``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Annotated, Any

import typer

from opbench import __version__
from opbench.cli.census import Keeping, collect, named
from opbench.cli.conventions import (
    ConventionName,
    check_convention,
    convention_rows,
    emit_convention,
)
from opbench.cli.options import (
    BatchSize,
    Depth,
    Dtype,
    InputSize,
    Precision,
    Targets,
    parse_input_size,
)
from opbench.cli.output import Format, emit, messages, stdout_is_ours
from opbench.cli.rows import COLUMNS, By, target_rows
from opbench.errors import BadValueError
from opbench.metrics import CONVENTION

# A row of --output; "settings" is what it was made with.
_KEPT = {
    "name": str,
    "input_size": str,
    "batch_size": int,
    "params": int,
    "macs": int,
    "activations": int,
    "weight_bytes": int,
    "peak_activation_bytes": int,
    "uncounted": str,
    "device": str,
    "error": str,
    "settings": str,
}


def count(
    targets: Targets = None,
    input_size: InputSize = None,
    batch_size: BatchSize = 1,
    dtype: Dtype = Precision.float32,
    by: Annotated[By, typer.Option(help="What a row is.")] = By.model,
    depth: Depth = None,
    convention: ConventionName = None,
    top: Annotated[
        int | None, typer.Option(min=1, help="Only the rows with the most MACs, per target.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes that count side by side.")] = 1,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Keep each row in this .jsonl or .csv file as soon as it is made, and go on with "
            "a file that exists.",
        ),
    ] = None,
    format: Annotated[Format, typer.Option(help="How to print.")] = Format.table,
) -> None:
    """Parameters, MACs, activations and peak activation memory: exact, without weights."""
    size = parse_input_size(input_size)
    _check_rows(by, depth, top, output)
    if convention is not None:
        _check_convention(convention, by, dtype, output)
    from opbench.registry.targets import resolve

    make: Callable[[str], list[dict[str, Any]]] = partial(
        target_rows, size=size, batch_size=batch_size, dtype=dtype, by=by, depth=depth, top=top
    )
    if convention is not None:
        make = partial(
            convention_rows,
            convention=convention,
            size=size,
            batch_size=batch_size,
            by=by,
            depth=depth,
            top=top,
        )
    asked = f"batch size {batch_size}, {dtype}, {input_size or 'own'} input"
    with stdout_is_ours():
        names = [target.name for target in resolve(targets or [])]
        rows = collect(make, names, jobs, _keeping(output, asked) if output else None)
    if convention is not None:
        emit_convention(rows, convention, _images(batch_size), by, format)
    else:
        _print(rows, by, batch_size, format)
    failed = [row for row in rows if row.get("error")]
    for row in failed:
        messages.print(f"error: {named(row['name'], row['error'])}", markup=False)
    if failed:
        raise typer.Exit(1)


def _keeping(output: Path, asked: str) -> Keeping:
    from opbench.registry.providers import version

    torch = f"torch {version_of('torch').partition('+')[0]}"  # "+cpu" counts like any other

    def settings(name: str) -> str:
        return ", ".join(filter(None, (f"opbench {__version__}", torch, version(name), asked)))

    return Keeping(path=output, columns=_KEPT, settings=settings)


def _print(rows: list[dict[str, Any]], by: By, batch_size: int, format: Format) -> None:
    keys = {key for row in rows for key, value in row.items() if value not in (None, "")}
    optional = {"error", "uncounted"}
    columns = [each for each in COLUMNS[by] if each.key in keys or each.key not in optional]
    emit(rows, format, columns, caption=f"For {_images(batch_size)}. {CONVENTION}")
    if any(row.get("uncounted") for row in rows):
        messages.print(
            "warning: uncounted operators have no rule: their MACs are missing from the sums"
        )


def _images(batch_size: int) -> str:
    return "one image" if batch_size == 1 else f"the whole batch of {batch_size} images"


def _check_rows(by: By, depth: int | None, top: int | None, output: Path | None) -> None:
    """An option that would be ignored is refused before anything is counted."""
    if depth is not None and by is not By.module:
        raise BadValueError("--depth goes with --by module")
    if top is not None and by is By.model:
        raise BadValueError("--top goes with --by module or operator: a model is one row")
    if output is not None and by is not By.model:
        raise BadValueError(f"--output keeps one row for each target: leave out --by {by}")


def _check_convention(convention: str, by: By, dtype: str, output: Path | None) -> None:
    check_convention(convention, by)
    if dtype != Precision.float32:
        raise BadValueError("--convention counts in float32: leave out --dtype")
    if output is not None:
        raise BadValueError("--output keeps opbench's own counts: leave out --convention")
