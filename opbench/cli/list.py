"""``opbench list``: the registry, from its facts, without torch."""

from __future__ import annotations

from typing import Annotated

import typer

from opbench.cli.output import Column, Format, emit, scaled, text

_CAPTION = (
    "MACs and parameters for one image; one multiply-add is one MAC.  Top-1 in percent by the "
    "protocol named beside it; networks of different datasets do not compare."
)
_COLUMNS = (
    Column(key="name", title="name"),
    Column(key="family", title="family"),
    Column(key="year", title="year", right=True),
    Column(key="input_size", title="input"),
    Column(key="params", title="params M", show=scaled(1e-6, 3), right=True),
    Column(key="macs", title="MMAC", show=scaled(1e-6, 2), right=True),
    Column(key="top1", title="top-1 %", show=text, right=True),
    Column(key="dataset", title="dataset"),
    Column(key="top1_protocol", title="protocol", show=text),
    Column(key="top1_source", title="source", show=text),
)


def list_(
    globs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[GLOB]...", help="Names or globs."),
    ] = None,
    format: Annotated[Format, typer.Option(help="How to print.")] = Format.table,
    update: Annotated[
        bool, typer.Option("--update", help="First count every entry anew (twice, with fvcore).")
    ] = False,
) -> None:
    """The registry: every architecture with its exact counts and sourced accuracy."""
    from opbench import catalog
    from opbench.accuracy import primaries

    if update:
        from opbench.facts import facts

        catalog.save(facts(), catalog.RESULTS)
        catalog.load.cache_clear()
    names = {name for glob in globs or ["*"] for name in catalog.list_architectures(glob)}
    accuracies = primaries()
    rows = []
    for fact in catalog.load():
        if fact.name not in names:
            continue
        best = accuracies.get(fact.name)
        rows.append(
            {
                "name": fact.name,
                "label": fact.label,
                "family": fact.family,
                "year": fact.year,
                "input_size": fact.input_size,
                "params": fact.params,
                "macs": fact.macs,
                "activations": fact.activations,
                "dataset": fact.dataset,
                "top1": best.top1 if best else None,
                "top5": best.top5 if best else None,
                "top1_protocol": best.protocol if best else None,
                "top1_source": best.source if best else None,
                "top1_source_url": best.source_url if best else None,
                "paper": fact.paper,
                "paper_url": fact.paper_url,
            }
        )
    emit(rows, format, _COLUMNS, caption=_CAPTION)
