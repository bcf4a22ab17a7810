"""Rows of a count: one for a target, its modules or its operators."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from opbench.cli.columns import Column, Row, integer, metric_column, scaled, text
from opbench.cli.render import Format, render
from opbench.inputs import AskedInputs, parse_inputs
from opbench.metrics import CONVENTION
from opbench.spec import Shape
from opbench.value import Value

if TYPE_CHECKING:
    from opbench.record import Count

NETWORK = "(network)"  # the outermost module, which has no name


class Pass(StrEnum):
    """The pass that is counted."""

    forward = "forward"
    training = "training"


class By(StrEnum):
    """The unit of a row: a model, a module or an operator."""

    model = "model"
    module = "module"
    operator = "operator"


_MACS = Column(key="macs", title="MACs", show=integer, right=True, caption=CONVENTION)
_MODEL = (
    Column(key="name", title="name", keep=True),
    Column(key="input_sizes", title="input"),
    Column(key="params", title="params", show=integer, right=True),
    _MACS,
    Column(key="uncounted", title="uncounted", prose=True),
    Column(key="activations", title="activations", show=integer, right=True),
    metric_column("weight_bytes", 2),
    metric_column("peak_activation_bytes", 2, "peak activations"),
    Column(key="device", title="traced on"),
    Column(key="error", title="", note=True),
)
_MODULE = (
    Column(key="name", title="name", keep=True),
    Column(key="module", title="module", keep=True),
    Column(key="params", title="params", show=integer, right=True),
    _MACS,
    Column(key="kind", title="kind"),
    Column(key="output", title="output"),
    Column(key="activations", title="activations", show=integer, right=True),
    Column(key="error", title="", note=True),
)
_OPERATOR = (
    Column(key="name", title="name", keep=True),
    Column(key="operator", title="operator", keep=True),
    Column(key="precision", title="precision"),
    Column(key="calls", title="calls", show=integer, right=True),
    _MACS,
    Column(key="share", title="share %", show=scaled(100, 1), right=True),
    Column(key="activations", title="activations", show=integer, right=True),
    Column(key="error", title="", note=True),
)
_TRAINING = {
    "macs": replace(_MACS, title="training MACs"),
    "peak_activation_bytes": metric_column("peak_activation_bytes", 2, "peak with gradients"),
}
COLUMNS = {By.model: _MODEL, By.module: _MODULE, By.operator: _OPERATOR}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(Value):
    """The options of a count: how targets are counted and which rows are printed.

    ``given`` are the texts of ``--input``.
    """

    size: Shape | None
    batch_size: int
    dtype: str | None
    by: By
    depth: int | None
    top: int | None
    given: tuple[str, ...] = ()
    passes: Pass = Pass.forward

    @property
    def what(self) -> AskedInputs:
        """The size or the inputs to count on, None for each target's own."""
        return parse_inputs(self.given) or self.size

    @property
    def training(self) -> bool:
        """True where the backward pass is counted too."""
        return self.passes is Pass.training

    def inputs(self, rows: Sequence[Row]) -> str:
        """Name the inputs that the numbers of ``rows`` are for."""
        if self.given:
            return ", ".join(self.given)
        size = self.batch_size
        images = "one image" if size == 1 else f"the whole batch of {size} images"
        own = {row["own_inputs"] for row in rows if "own_inputs" in row}
        if own == {True}:
            return "the inputs that the target brings"
        return f"{images}, or the inputs that a target brings" if True in own else images


def target_rows(name: str, asked: Asked) -> list[dict[str, Any]]:
    """Count a target and make its rows.  Raises ``OpbenchError`` where it cannot be counted."""
    import torch

    from opbench.registry.targets import count_target, resolve

    (target,) = resolve([name])
    dtype = None if asked.dtype is None else getattr(torch, asked.dtype)
    counted = count_target(
        target, asked.what, batch_size=asked.batch_size, dtype=dtype, training=asked.training
    )
    match asked.by:
        case By.model:
            rows = [model_row(name, counted)]
        case By.module:
            rows = list(module_rows(name, counted, asked.depth))
        case By.operator:
            rows = list(_operator_rows(name, counted))
    rows = rows if asked.top is None else largest(rows, asked.top, "macs")
    both = {"own_inputs": counted.own_inputs, "pass": asked.passes.value}
    return [row | both for row in rows]


def largest(rows: Sequence[dict[str, Any]], most: int, key: str) -> list[dict[str, Any]]:
    """Return the rows with the largest values, without modules that hold others of them."""
    outer = {each for row in rows if "module" in row for each in _holders(row["module"])}
    innermost = (row for row in rows if row.get("module") not in outer)
    return sorted(innermost, key=lambda row: -row[key])[:most]


def _holders(module: str) -> Iterator[str]:
    """Yield the names of the modules that hold ``module``."""
    if module != NETWORK:
        yield NETWORK
    parts = module.split(".")
    yield from (".".join(parts[:depth]) for depth in range(1, len(parts)))


def render_counts(rows: Sequence[Row], asked: Asked, format: Format) -> str:
    """Render the rows of ``target_rows``."""
    keys = {key for row in rows for key, value in row.items() if text(value)}
    optional = {"error", "uncounted"}
    columns = [
        _TRAINING.get(each.key, each) if asked.training else each
        for each in COLUMNS[asked.by]
        if each.key in keys or each.key not in optional
    ]
    passes = "the forward and backward pass of " if asked.training else ""
    return render(rows, format, columns, caption=f"For {passes}{asked.inputs(rows)}.")


def model_row(name: str, counted: Count) -> dict[str, Any]:
    """Make the row of the whole network."""
    return {
        "name": name,
        "input_size": str(counted.input_size),
        "input_sizes": [*map(str, counted.input_sizes)],
        "batch_size": counted.batch_size,
        **counted.totals(),
        "uncounted": list(counted.uncounted),
        "device": counted.device,
    }


def module_rows(name: str, counted: Count, depth: int | None) -> Iterator[dict[str, Any]]:
    """Make a row for each module down to ``depth``."""
    for module in counted.modules:
        if depth is None or module.depth <= depth:
            yield {
                "name": name,
                "module": module.name or NETWORK,
                "kind": module.kind,
                "depth": module.depth,
                "output": "" if module.output is None else str(module.output),
                "params": module.params,
                "macs": module.macs,
                "activations": module.activations,
            }


def _operator_rows(name: str, counted: Count) -> Iterator[dict[str, Any]]:
    for (operator, precision), sums in counted.by_precision().items():
        share = sums.macs / counted.macs if counted.macs else 0.0
        head = {"name": name, "operator": operator, "precision": precision}
        yield {**head, **sums.to_json(), "share": share}
