"""``opbench count``: exact operations of anything that is an ``nn.Module``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from functools import partial
from importlib.metadata import version as version_of
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opbench import __version__
from opbench.cli.census import Keeping, collect
from opbench.cli.conventions import ConventionName, convention_rows, emit_convention
from opbench.cli.options import (
    BatchSize,
    Depth,
    Dtype,
    InputSize,
    Precision,
    Targets,
    parse_input_size,
)
from opbench.cli.output import Column, Format, emit, integer, messages, scaled, stdout_is_ours, text
from opbench.errors import BadValueError

if TYPE_CHECKING:
    from opbench.record import Count

CONVENTION = (
    "1 MAC = one multiply-add of a convolution, linear layer or matrix product; bias, "
    "normalisation, activation functions, pooling and additions are 0."
)


class By(StrEnum):
    """What a row is."""

    model = "model"
    module = "module"
    operator = "operator"


_MODEL = (
    Column(key="name", title="name"),
    Column(key="input_size", title="input", show=text),
    Column(key="params", title="params", show=integer, right=True),
    Column(key="macs", title="MACs", show=integer, right=True),
    Column(key="activations", title="activations", show=integer, right=True),
    Column(key="weight_bytes", title="weights MiB", show=scaled(2**-20, 2), right=True),
    Column(key="peak_activation_bytes", title="peak MiB", show=scaled(2**-20, 2), right=True),
    Column(key="device", title="traced on", show=text),
    Column(key="uncounted", title="uncounted", show=text),
    Column(key="error", title="", show=text),
)
_MODULE = (
    Column(key="name", title="name"),
    Column(key="module", title="module"),
    Column(key="kind", title="kind"),
    Column(key="output", title="output", show=text),
    Column(key="params", title="params", show=integer, right=True),
    Column(key="macs", title="MACs", show=integer, right=True),
    Column(key="activations", title="activations", show=integer, right=True),
    Column(key="error", title="", show=text),
)
_OPERATOR = (
    Column(key="name", title="name"),
    Column(key="operator", title="operator"),
    Column(key="calls", title="calls", show=integer, right=True),
    Column(key="macs", title="MACs", show=integer, right=True),
    Column(key="share", title="share %", show=scaled(100, 1), right=True),
    Column(key="activations", title="activations", show=integer, right=True),
    Column(key="error", title="", show=text),
)
_COLUMNS = {By.model: _MODEL, By.module: _MODULE, By.operator: _OPERATOR}


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
            by_kind=by is By.operator,
            top=top,
        )
    asked = f"batch size {batch_size}, {dtype}, {input_size or 'own'} input"
    with stdout_is_ours():
        names = [target.name for target in resolve(targets or [])]
        rows = collect(make, names, jobs, _keeping(output, asked) if output else None)
    if convention is not None:
        emit_convention(rows, convention, _images(batch_size), format)
    else:
        _print(rows, by, batch_size, format)
    failed = [row for row in rows if row.get("error")]
    for row in failed:
        name, reason = row["name"], row["error"]
        messages.print(f"error: {reason if name in reason else f'{name}: {reason}'}", markup=False)
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
    columns = [each for each in _COLUMNS[by] if each.key in keys or each.key not in optional]
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
    from opbench.conventions import get

    get(convention)
    if by is By.module:
        raise BadValueError("--convention goes with --by model or operator, not with --by module")
    if dtype != Precision.float32:
        raise BadValueError("--convention counts in float32: leave out --dtype")
    if output is not None:
        raise BadValueError("--output keeps opbench's own counts: leave out --convention")


def target_rows(
    name: str,
    *,
    size: tuple[int, ...] | None,
    batch_size: int,
    dtype: str,
    by: By,
    depth: int | None,
    top: int | None,
) -> list[dict[str, Any]]:
    """The rows of one target.  Raises ``OpbenchError`` where it cannot be counted."""
    import torch

    from opbench.registry.targets import count_target, resolve

    (target,) = resolve([name])
    counted = count_target(target, size, batch_size=batch_size, dtype=getattr(torch, dtype))
    if by is By.model:
        return [model_row(name, counted)]
    rows = list(
        _module_rows(name, counted, depth) if by is By.module else _operator_rows(name, counted)
    )
    if top is not None:
        rows = sorted(rows, key=lambda row: -row["macs"])[:top]
    return rows


def model_row(name: str, counted: Count) -> dict[str, Any]:
    """One flat row of everything ``counted`` says of the whole network."""
    return {
        "name": name,
        "input_size": counted.input_size,
        "batch_size": counted.batch_size,
        "params": counted.params,
        "macs": counted.macs,
        "activations": counted.activations,
        "weight_bytes": counted.weight_bytes,
        "peak_activation_bytes": counted.peak_activation_bytes,
        "uncounted": ", ".join(counted.uncounted),
        "device": counted.device,
    }


def _module_rows(name: str, counted: Count, depth: int | None) -> Iterator[dict[str, Any]]:
    for module in counted.modules:
        if depth is None or module.depth <= depth:
            yield {
                "name": name,
                "module": module.name or "(network)",
                "kind": module.kind,
                "depth": module.depth,
                "output": module.output,
                "params": module.params,
                "macs": module.macs,
                "activations": module.activations,
            }


def _operator_rows(name: str, counted: Count) -> Iterator[dict[str, Any]]:
    kinds: dict[str, list[Any]] = {}
    for row in counted.operators:
        kinds.setdefault(row.operator, []).append(row)
    for operator, rows in sorted(kinds.items(), key=lambda item: -sum(r.macs for r in item[1])):
        macs = sum(row.macs for row in rows)
        yield {
            "name": name,
            "operator": operator,
            "calls": sum(row.calls for row in rows),
            "macs": macs,
            "share": macs / counted.macs if counted.macs else 0.0,
            "activations": sum(row.activations for row in rows),
        }
