"""``opbench show``: one network, and who says so."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from opbench.cli.conventions import show_chart, show_conventions
from opbench.cli.count import CONVENTION, model_row
from opbench.cli.options import Depth, InputSize, parse_input_size
from opbench.cli.output import Column, Format, emit, integer, text
from opbench.errors import BadValueError

if TYPE_CHECKING:
    from opbench.record import Count, OperatorCount
    from opbench.spec import ArchitectureSpec

_CLAIMS = (
    Column(key="place", title="place in the paper"),
    Column(key="quantity", title="quantity"),
    Column(key="stated", title="stated", show=integer, right=True),
    Column(key="counted", title="counted", show=integer, right=True),
    Column(key="deviation", title="deviation", show=lambda x: f"{x:+.2%}", right=True),
    Column(key="verdict", title="verdict"),
)
_ACCURACIES = (
    Column(key="primary", title="", show=lambda primary: "*" if primary else ""),
    Column(key="top1", title="top-1 %", show=text, right=True),
    Column(key="top5", title="top-5 %", show=text, right=True),
    Column(key="protocol", title="protocol"),
    Column(key="evidence", title="evidence"),
    Column(key="source", title="source"),
    Column(key="source_url", title="where"),
)
# Blocks and their branches; deeper tables bury what stands above them.
_DEPTH = 2
_MODULES = (
    Column(key="module", title="module"),
    Column(key="kind", title="kind"),
    Column(key="output", title="output"),
    Column(key="params", title="params", show=integer, right=True),
    Column(key="macs", title="MACs", show=integer, right=True),
    Column(key="arithmetic", title="outputs x dot product", show=text),
)


def show(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="One network.")],
    input_size: InputSize = None,
    depth: Depth = None,
    conventions: Annotated[
        bool,
        typer.Option(
            "--conventions", help="What other counters would print, and where they differ."
        ),
    ] = False,
    format: Annotated[
        Format,
        typer.Option(help="How to print; all but table print the modules (or conventions) only."),
    ] = Format.table,
) -> None:
    """One network: its paper, claims against counts, modules, accuracies and departures."""
    size = parse_input_size(input_size)
    from opbench.facts import count_target
    from opbench.targets import resolve

    found = resolve([target])
    if len(found) > 1:
        raise BadValueError(
            f"{target!r} names {len(found)} networks and show takes one: "
            f"say {found[0].name} or {found[1].name}, or use `opbench count {target}`"
        )
    counted = count_target(found[0], size)
    if conventions:
        show_conventions(found[0], counted, size, format)
        return
    rows = [
        {"name": found[0].name, **row}
        for row in _module_rows(counted, _DEPTH if depth is None else depth)
    ]
    if format is not Format.table:
        emit(rows, format, _MODULES)
        return
    _print_head(found[0].name, found[0].spec, counted)
    if found[0].spec:
        _print_claims(found[0].spec)
        _print_accuracies(found[0].name)
        show_chart(found[0].name)
    emit(rows, format, _MODULES, title="\nModules")
    if found[0].spec:
        _print_departures(found[0].spec)


def _print_head(name: str, spec: ArchitectureSpec | None, counted: Count) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(f"{spec.label}  ({name})" if spec else name, style="bold"))
    if spec:
        paper = spec.paper
        console.print(
            f"{paper.authors}.  {paper.title}.  {paper.venue}.  {paper.url}", markup=False
        )
        if spec.note:
            console.print(spec.note, markup=False)
    row = model_row(name, counted)
    console.print(
        f"\ninput        {row['input_size']}\n"
        f"parameters   {counted.params:,}  ({counted.weight_bytes:,} bytes with buffers)\n"
        f"MACs         {counted.macs:,}  ({counted.flops / 1e9:.4g} G-ops at 2 per MAC)\n"
        f"activations  {counted.activations:,}  (peak {counted.peak_activation_bytes:,} bytes)\n"
        f"uncounted    {row['uncounted'] or 'none: every operator that ran has a rule'}",
        markup=False,
    )
    _print_witness(console, name, counted)
    console.print(CONVENTION, markup=False)


def _print_witness(console: Console, name: str, counted: Count) -> None:
    """The second count, from the committed facts: made on real tensors when they were written."""
    from opbench import catalog

    fact = next((fact for fact in catalog.load() if fact.name == name), None)
    if fact is None or fact.input_size != counted.input_size:
        return
    if fact.fvcore_macs is None:
        said = "cannot trace this network"
    elif fact.fvcore_macs == counted.macs:
        said = f"{fact.fvcore_macs:,}, equal"
    else:
        said = f"{fact.fvcore_macs:,}: {fact.witness_note}"
    console.print(f"fvcore       {said}", markup=False)


def _print_claims(spec: ArchitectureSpec) -> None:
    from opbench.facts import recompute

    rows = [
        {
            "place": claim.place,
            "quantity": claim.quantity,
            "stated": round(claim.value),
            "counted": round(found.counted),
            "deviation": found.deviation,
            "verdict": "agrees" if found.holds else "differs",
            "disagreement": claim.disagreement,
        }
        for claim in spec.claims
        for found in (recompute(spec, claim),)
    ]
    if not rows:
        return
    emit(rows, Format.table, _CLAIMS, title="\nThe paper's own numbers, recomputed")
    console = Console(highlight=False)
    for row in rows:
        if row["disagreement"]:
            console.print(Padding(Text(f"{row['quantity']}: {row['disagreement']}"), (0, 0, 0, 2)))


def _print_accuracies(name: str) -> None:
    from dataclasses import asdict

    from opbench.accuracy import load_published

    rows = [asdict(row) for row in load_published() if row.architecture == name]
    rows.sort(key=lambda row: not row["primary"])
    if rows:
        emit(rows, Format.table, _ACCURACIES, title="\nAccuracies published (* on the chart)")


def _print_departures(spec: ArchitectureSpec) -> None:
    """The Departures of the architecture's own docstring: said once, there."""
    build = getattr(spec.build, "func", spec.build)
    doc = inspect.getdoc(sys.modules[build.__module__]) or ""
    _, _, departures = doc.partition("Departures:")
    if departures.strip():
        console = Console(highlight=False, soft_wrap=True)
        console.print("\nDepartures from the paper", style="bold")
        console.print(inspect.cleandoc(departures), markup=False)


def _module_rows(counted: Count, depth: int) -> Iterator[dict[str, Any]]:
    inside: dict[str, list[OperatorCount]] = {}
    for operator in counted.operators:
        inside.setdefault(operator.module, []).append(operator)
    for module in counted.modules:
        if module.depth <= depth:
            yield {
                "module": module.name or "(network)",
                "kind": module.kind,
                "output": module.output,
                "params": module.params,
                "macs": module.macs,
                "activations": module.activations,
                "arithmetic": "; ".join(filter(None, map(arithmetic, inside.get(module.name, ())))),
            }


def arithmetic(operator: OperatorCount) -> str:
    """``64 x 256 = 16,384``: outputs times the length of the dot product behind each."""
    if not operator.macs or not operator.activations or operator.macs % operator.activations:
        return ""
    length = operator.macs // operator.activations
    return f"{operator.activations:,} x {length:,} = {operator.macs:,}"
