"""What others would print: ``opbench count --convention`` and ``opbench show --conventions``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from opbench.cli.output import Column, Format, emit, integer, scaled, stdout_is_ours, text
from opbench.cli.rows import model_row
from opbench.errors import CountError

if TYPE_CHECKING:
    from opbench.conventions import Convention, Tally
    from opbench.record import Count
    from opbench.registry.targets import Target

NAMES = (
    "mac, flop, torch, fvcore, ptflops, ptflops-hooks, thop, torchinfo, torchvision, chart2016, "
    "torch-opcounter, connections"
)
ConventionName = Annotated[
    str | None,
    typer.Option("--convention", metavar="NAME", help=f"Print what another would: {NAMES}."),
]

_SIDE_BY_SIDE = (
    Column(key="convention", title="convention"),
    Column(key="printed", title="prints", show=text, right=True),
    Column(key="unit", title="unit"),
    Column(key="itemised", title="difference to mac, by kind of operator"),
)


def convention_rows(
    name: str,
    *,
    convention: str,
    size: tuple[int, ...] | None,
    batch_size: int,
    by_kind: bool,
    top: int | None,
) -> list[dict[str, Any]]:
    """One row of a target, or one for each kind of operator, the ``top`` largest.

    Raises ``OpbenchError`` where the target cannot be counted, or not by this convention.
    """
    from opbench.conventions import get, tally
    from opbench.registry.audit import trace_target
    from opbench.registry.targets import count_target, resolve

    (target,) = resolve([name])
    counted = count_target(target, size, batch_size=batch_size)
    recorded = trace_target(target, counted, size, batch_size=batch_size)
    counts = tally(get(convention), recorded)
    if by_kind:
        return list(_kind_rows(name, counts))[:top]
    return [model_row(name, counted) | _said(counts)]


def _said(counts: Tally) -> dict[str, Any]:
    return {
        "convention": counts.convention.name,
        "unit": counts.convention.unit,
        "value": counts.total,
        "printed": counts.printed,
    }


def _kind_rows(name: str, counts: Tally) -> Iterator[dict[str, Any]]:
    for kind, amount in sorted(counts.by_kind.items(), key=lambda item: -item[1]):
        yield {
            "name": name,
            "convention": counts.convention.name,
            "unit": counts.convention.unit,
            "kind": kind,
            "value": int(amount),
            "share": amount / counts.total if counts.total else 0.0,
        }


def emit_convention(rows: list[dict[str, Any]], convention: str, images: str, kind: Format) -> None:
    """Print the rows of ``convention_rows`` under a header that says convention and unit."""
    from opbench.conventions import get

    chosen = get(convention)
    by_kind = any("kind" in row for row in rows)
    columns = list(_kind_columns(chosen) if by_kind else _model_columns(chosen))
    if any("error" in row for row in rows):
        columns.append(Column(key="error", title="", show=text))
    emit(rows, kind, columns, caption=f"For {images}. {chosen.name}: {chosen.about}")


def _model_columns(convention: Convention) -> Iterator[Column]:
    yield Column(key="name", title="name")
    yield Column(key="input_size", title="input", show=text)
    yield Column(key="params", title="params", show=integer, right=True)
    yield Column(key="macs", title="MACs", show=integer, right=True)
    title = f"{convention.name} ({convention.unit})"
    yield Column(key="value", title=title, show=integer, right=True)
    if convention.printed:
        yield Column(key="printed", title="printed as", show=text, right=True)


def _kind_columns(convention: Convention) -> Iterator[Column]:
    yield Column(key="name", title="name")
    yield Column(key="kind", title="kind of operator", show=text)
    title = f"{convention.name} ({convention.unit})"
    yield Column(key="value", title=title, show=integer, right=True)
    yield Column(key="share", title="share %", show=scaled(100, 1), right=True)


def show_conventions(
    target: Target, counted: Count, size: tuple[int, ...] | None, format: Format
) -> None:
    """All conventions side by side, each difference to ``mac`` taken apart."""
    from opbench.conventions import CONVENTIONS
    from opbench.registry.audit import trace_target

    with stdout_is_ours():
        recorded = trace_target(target, counted, size)
    rows = [{"name": target.name, **row} for row in _side_by_side(recorded)]
    emit(rows, format, _SIDE_BY_SIDE, title=f"{target.name}, {counted.input_size}, one image")
    if format is Format.table:
        console = Console(highlight=False)
        console.print()
        for convention in CONVENTIONS.values():
            line = Text.assemble((f"{convention.name}  ", "bold"), convention.about)
            console.print(Padding(line, (0, 0, 0, 2)))
        counts = {row["convention"]: row["value"] for row in rows}
        show_chart(target.name, counts["chart2016"])


def _side_by_side(recorded: Any) -> Iterator[dict[str, Any]]:
    from opbench.conventions import CONVENTIONS, get, tally

    mac = tally(get("mac"), recorded)
    for convention in CONVENTIONS.values():
        try:
            counts = tally(convention, recorded)
        except CountError as error:
            unknown = {"convention": convention.name, "unit": convention.unit, "value": None}
            yield unknown | {"difference": None, "itemised": str(error)}
            continue
        gaps = counts.minus(mac)
        yield {
            **_said(counts),
            "difference": counts.total - mac.total,
            "itemised": "; ".join(f"{gap:+,} {kind}" for kind, gap in gaps.items()) or "equal",
            **{f"difference_{kind.replace(' ', '_')}": gap for kind, gap in gaps.items()},
        }


def show_chart(name: str, operations: int | None = None) -> None:
    """Where the network is on the 2016 chart, and why that is not where ``operations`` are."""
    from opbench.accuracy import load_chart2016

    sentences = []
    for point in (each for each in load_chart2016() if each.architecture == name):
        if operations is not None:
            there, now = point.gops_2xmac, operations / 1e9
            gap = now / there - 1
            sentences.append(f"{there} G-Ops there, {now:.2f} by chart2016 ({gap:+.1%}).")
        sentences += filter(None, [point.correction])
    if sentences:
        console = Console(highlight=False)
        console.print("\nOn the chart of 2016", style="bold")
        console.print(Padding(Text("\n".join(sentences)), (0, 0, 0, 2)))
