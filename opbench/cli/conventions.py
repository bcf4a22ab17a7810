"""Counts by other rules and tools: ``count --convention`` and ``show --conventions``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opbench.cli.columns import Column, integer, scaled
from opbench.cli.render import Format, heading, indented, messages, render, stdout_is_ours
from opbench.cli.rows import NETWORK, Asked, By, largest, model_row
from opbench.errors import BadValueError, OpbenchError
from opbench.inputs import AskedInputs, described

if TYPE_CHECKING:
    from opbench.conventions import Convention, Tally
    from opbench.record import Count
    from opbench.registry.targets import Target


NAMES = (
    "mac, flop, connections, torch, torchvision, chart2016, torch-opcounter, fvcore, ptflops, "
    "ptflops-hooks, thop, torchinfo"
)
ConventionName = Annotated[
    str | None,
    typer.Option(
        "--convention", metavar="NAME", help=f"Count by another rule or with another tool: {NAMES}."
    ),
]

_SIDE_BY_SIDE = (
    Column(key="convention", title="convention", keep=True),
    Column(key="printed", title="prints", right=True),
    Column(key="unit", title="unit"),
    Column(key="itemised", title="difference to mac, by kind of operator", prose=True, keep=True),
)


def check_convention(name: str, by: By) -> None:
    """Raise ``OpbenchError`` for a convention that is unknown, not itemised so or not installed."""
    from opbench.conventions import Peer, get

    chosen = get(name)
    if by is not By.model and by not in chosen.itemises:
        possible = " or ".join((By.model, *chosen.itemises))
        raise BadValueError(f"{name} does not itemise by {by}: use --by {possible}")
    if isinstance(chosen, Peer) and (error := chosen.missing()):
        raise error


def convention_rows(name: str, asked: Asked, convention: str) -> list[dict[str, Any]]:
    """Return one row of a target, or one per operator or module, the ``top`` largest.

    Raises ``OpbenchError`` where the target cannot be counted, or not by this convention.
    """
    from opbench.conventions import get
    from opbench.registry.by_convention import tallies
    from opbench.registry.targets import count_target, resolve

    (target,), chosen = resolve([name]), get(convention)
    counted = count_target(target, asked.what, batch_size=asked.batch_size)
    (counts,) = tallies([chosen], target, counted, asked.what, batch_size=asked.batch_size).values()
    if isinstance(counts, OpbenchError):
        raise counts
    own = {"own_inputs": counted.own_inputs}
    if asked.by is By.model:
        return [model_row(name, counted) | own | _said(chosen, counts)]
    head = {"name": name, "convention": chosen.name, "unit": chosen.unit, **own}
    rows = list(
        _module_rows(counts, asked.depth) if asked.by is By.module else _operator_rows(counts)
    )
    if asked.top is not None:
        rows = largest(rows, asked.top, "value")
    return [head | row for row in rows]


def _said(convention: Convention, counts: Tally) -> dict[str, Any]:
    return {
        "convention": convention.name,
        "unit": convention.unit,
        "value": counts.total,
        "printed": convention.written(counts.total),
        **_version(convention),
    }


def _operator_rows(counts: Tally) -> Iterator[dict[str, Any]]:
    for kind, value in sorted(counts.by_operator.items(), key=lambda item: -item[1]):
        yield {"kind": kind, "value": value, "share": value / (counts.total or 1)}


def _module_rows(counts: Tally, depth: int | None) -> Iterator[dict[str, Any]]:
    for module, value in counts.by_module.items():
        level = module.count(".") + 1 if module else 0
        if depth is None or level <= depth:
            share = value / (counts.total or 1)
            yield {"module": module or NETWORK, "value": value, "share": share}


def render_convention(
    rows: Sequence[dict[str, Any]], convention: str, asked: Asked, format: Format
) -> str:
    """Render the rows of ``convention_rows`` under a header that says convention and unit."""
    from opbench.conventions import get

    chosen = get(convention)
    columns = [*_columns(chosen, asked.by)]
    if any("error" in row for row in rows):
        columns.append(Column(key="error", title="", note=True))
    caption = f"For {asked.inputs(rows)}. {_title(chosen)}: {chosen.about}"
    return render(rows, format, columns, caption=caption)


def _columns(convention: Convention, by: By) -> Iterator[Column]:
    value = f"{convention.name} ({convention.unit})"
    yield Column(key="name", title="name", keep=True)
    if by is By.model:
        yield Column(key="input_sizes", title="input")
        yield Column(key="params", title="params", show=integer, right=True)
        yield Column(key="macs", title="MACs", show=integer, right=True)
        yield Column(key="value", title=value, show=integer, right=True)
        if convention.printed:
            yield Column(key="printed", title="printed as", right=True)
    else:
        part = ("module", "module") if by is By.module else ("kind", "kind of operator")
        yield Column(key=part[0], title=part[1], keep=True)
        yield Column(key="value", title=value, show=integer, right=True)
        yield Column(key="share", title="share %", show=scaled(100, 1), right=True)


def _title(convention: Convention) -> str:
    return " ".join((convention.name, *_version(convention).values()))


def _version(convention: Convention) -> dict[str, str]:
    """Return the version of a tool, nothing for a rule."""
    from opbench.conventions import Peer

    return {"version": convention.version()} if isinstance(convention, Peer) else {}


def render_conventions(target: Target, counted: Count, asked: AskedInputs, format: Format) -> str:
    """Render all conventions side by side with their differences to ``mac``."""
    from opbench.conventions import CONVENTIONS
    from opbench.registry.by_convention import tallies

    with stdout_is_ours(), messages.status("asking the other tools"):
        answers = tallies(CONVENTIONS.values(), target, counted, asked)
    rows = [{"name": target.name, **row} for row in _side_by_side(answers)]
    table = render(rows, format, _SIDE_BY_SIDE)
    if format is not Format.table:
        return table
    sizes = ", ".join(map(str, counted.input_sizes))
    images = "the inputs that it brings" if counted.own_inputs else "one image"
    images = "the inputs given" if described(asked) else images
    title = heading(f"{target.name}, {sizes}, {images}")
    rules = (indented(f"{_title(each)}  {each.about}") for each in CONVENTIONS.values())
    counts = {row["convention"]: row["value"] for row in rows}
    return f"{title}{table}\n{''.join(rules)}{render_chart(target.name, counts['chart2016'])}"


def _side_by_side(answers: Mapping[str, Tally | OpbenchError]) -> Iterator[dict[str, Any]]:
    from opbench.conventions import CONVENTIONS

    mac = answers["mac"]
    assert not isinstance(mac, OpbenchError)
    for name, counts in answers.items():
        convention = CONVENTIONS[name]
        if isinstance(counts, OpbenchError):
            unknown = {"value": None, "difference": None, "itemised": str(counts)}
            yield {"convention": name, "unit": convention.unit, **unknown}
        else:
            yield _said(convention, counts) | _difference(convention, counts, mac)


def _difference(convention: Convention, counts: Tally, mac: Tally) -> dict[str, Any]:
    """Itemise a rule's difference by kind; of a tool's, name what the tool itself itemises."""
    from opbench.conventions import Rule

    difference = counts.total - mac.total
    if isinstance(convention, Rule):
        gaps = counts.minus(mac)
        itemised = "; ".join(f"{gap:+,} {kind}" for kind, gap in gaps.items()) or "equal"
        by_kind = {f"difference_{kind.replace(' ', '_')}": gap for kind, gap in gaps.items()}
        return {"difference": difference, "itemised": itemised, **by_kind}
    told = "; ".join(f"{value:,} {kind}" for kind, value in counts.by_operator.items())
    itemised = (f"{difference:+,}" if difference else "equal") + (f" ({told})" if told else "")
    return {"difference": difference, "itemised": itemised}


def render_chart(name: str, operations: int | None = None) -> str:
    """Render a network's place on the 2016 chart, and why ``operations`` differ from it."""
    from opbench.accuracy import load_chart2016

    sentences: list[str] = []
    for point in (each for each in load_chart2016() if each.architecture == name):
        if operations is not None:
            there, now = point.gops_2xmac, operations / 1e9
            gap = now / there - 1
            sentences.append(f"{there} G-Ops there, {now:.2f} by chart2016 ({gap:+.1%}).")
        sentences += filter(None, [point.correction])
    if not sentences:
        return ""
    return f"\n{heading('On the chart of 2016')}{''.join(map(indented, sentences))}"
