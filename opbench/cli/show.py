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

from opbench.accuracy import PUBLISHED_ONLY
from opbench.cli.accuracies import show_accuracies, show_published_only
from opbench.cli.conventions import show_chart, show_conventions
from opbench.cli.options import Depth, InputSize, parse_input_size
from opbench.cli.output import Column, Format, emit, integer, stdout_is_ours, text
from opbench.cli.rows import model_row
from opbench.cli.witness import second_opinion
from opbench.errors import BadValueError
from opbench.metrics import CONVENTION

if TYPE_CHECKING:
    from opbench.record import Count, OperatorCount
    from opbench.registry.targets import Target
    from opbench.spec import ArchitectureSpec, StatedValue

_STATED = (
    Column(key="place", title="place"),
    Column(key="quantity", title="quantity"),
    Column(key="stated", title="stated", show=integer, right=True),
    Column(key="counted", title="counted", show=integer, right=True),
    Column(key="deviation", title="deviation", show=lambda x: f"{x:+.2%}", right=True),
    Column(key="verdict", title="verdict"),
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
    witness: Annotated[
        bool,
        typer.Option(help="Let fvcore count as well, on real tensors, what it has not yet."),
    ] = True,
    format: Annotated[
        Format,
        typer.Option(help="How to print; all but table print the modules (or conventions) only."),
    ] = Format.table,
) -> None:
    """One network: paper, its numbers counted again, modules, accuracies and departures."""
    size = parse_input_size(input_size)
    if target in PUBLISHED_ONLY:
        if size or conventions or depth is not None:
            raise BadValueError(
                f"nothing of {target} can be counted, its definition was never published: "
                f"`opbench show {target}` says what is known of it"
            )
        show_published_only(target, format)
        return
    found = _one(target)
    from opbench.registry.targets import count_target

    with stdout_is_ours():
        counted = count_target(found, size)
    if conventions:
        show_conventions(found, counted, size, format)
        return
    rows = [
        {"name": found.name, **row}
        for row in _module_rows(counted, _DEPTH if depth is None else depth)
    ]
    if format is not Format.table:
        emit(rows, format, _MODULES)
        return
    _print_head(found, counted, second_opinion(found, counted, size, ask=witness))
    if found.spec:
        _print_stated(found.spec)
        show_accuracies(found.name)
        show_chart(found.name)
    emit(rows, format, _MODULES, title="\nModules")
    if found.spec:
        _print_departures(found.spec)


def _one(target: str) -> Target:
    from opbench.registry.targets import resolve

    found = resolve([target])
    if len(found) > 1:
        raise BadValueError(
            f"{target!r} names {len(found)} networks and show takes one: "
            f"say {found[0].name} or {found[1].name}, or use `opbench count {target}`"
        )
    return found[0]


def _print_head(target: Target, counted: Count, fvcore: str) -> None:
    console = Console(highlight=False, soft_wrap=True)
    name, spec = target.name, target.spec
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
        f"uncounted    {row['uncounted'] or 'none: every operator that ran has a rule'}\n"
        f"fvcore       {fvcore}",
        markup=False,
    )
    console.print(CONVENTION, markup=False)


def _print_stated(spec: ArchitectureSpec) -> None:
    for title, printed in (
        ("The paper's own numbers, recomputed", True),
        ("Stated by others, or as a bound or a comparison", False),
    ):
        rows = [_stated_row(spec, stated) for stated in spec.stated if stated.printed is printed]
        if rows:
            emit(rows, Format.table, _STATED, title=f"\n{title}")
        console = Console(highlight=False)
        for row in filter(lambda row: row["disagreement"], rows):
            said = Text(f"{row['quantity']}: {row['disagreement']}")
            console.print(Padding(said, (0, 0, 0, 2)))


def _stated_row(spec: ArchitectureSpec, stated: StatedValue) -> dict[str, Any]:
    from opbench.registry.audit import recompute

    found = recompute(spec, stated)
    return {
        "place": stated.place,
        "quantity": stated.quantity,
        "stated": round(stated.value),
        "counted": round(found.counted),
        "deviation": found.deviation,
        "verdict": "agrees" if found.holds else "differs",
        "disagreement": stated.disagreement,
    }


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
