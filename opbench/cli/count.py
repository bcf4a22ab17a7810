"""``opbench count``: exact operations of anything that is an ``nn.Module``."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opbench.cli.options import (
    BatchSize,
    Depth,
    Dtype,
    InputSize,
    Precision,
    Targets,
    parse_input_size,
)
from opbench.cli.output import Column, Format, emit, integer, messages, scaled, text
from opbench.errors import OpbenchError

if TYPE_CHECKING:
    from opbench.record import Count
    from opbench.targets import Target

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


def count(
    targets: Targets = None,
    input_size: InputSize = None,
    batch_size: BatchSize = 1,
    dtype: Dtype = Precision.float32,
    by: Annotated[By, typer.Option(help="What a row is.")] = By.model,
    depth: Depth = None,
    top: Annotated[
        int | None, typer.Option(min=1, help="Only the rows with the most MACs, per target.")
    ] = None,
    format: Annotated[Format, typer.Option(help="How to print.")] = Format.table,
) -> None:
    """Parameters, MACs, activations and peak activation memory: exact, without weights."""
    size = parse_input_size(input_size)
    from opbench.targets import resolve

    rows: list[dict[str, Any]] = []
    failed: list[OpbenchError] = []
    uncounted = False
    wanted = resolve(targets or [])
    for target in wanted:
        try:
            counted = _count(target, size, batch_size, dtype)
        except OpbenchError as error:
            failed.append(error)
            rows.append(_failure(target, error))
            continue
        uncounted |= bool(counted.uncounted)
        rows += _rows(target.name, counted, by, depth, top)
    if len(failed) == len(wanted) == 1:
        raise failed[0]
    _print(rows, by, batch_size, format)
    for reason in failed:
        messages.print(f"error: {reason}", markup=False)
    if failed:
        raise typer.Exit(1)


def _print(rows: list[dict[str, Any]], by: By, batch_size: int, format: Format) -> None:
    keys = {key for row in rows for key, value in row.items() if value not in (None, "")}
    optional = {"error", "uncounted"}
    columns = [each for each in _COLUMNS[by] if each.key in keys or each.key not in optional]
    images = "one image" if batch_size == 1 else f"the whole batch of {batch_size} images"
    emit(rows, format, columns, caption=f"For {images}. {CONVENTION}")
    if any(row.get("uncounted") for row in rows):
        messages.print(
            "warning: uncounted operators have no rule: their MACs are missing from the sums"
        )


def _count(target: Target, size: tuple[int, ...] | None, batch_size: int, dtype: str) -> Count:
    import torch

    from opbench.facts import count_target

    return count_target(target, size, batch_size=batch_size, dtype=getattr(torch, dtype))


def _failure(target: Target, error: OpbenchError) -> dict[str, Any]:
    return {"name": target.name, "error": str(error)}


def _rows(
    name: str, counted: Count, by: By, depth: int | None, top: int | None
) -> list[dict[str, Any]]:
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
