"""``opbench show``: one network, and who says so."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opbench.accuracy import PUBLISHED_ONLY
from opbench.cli.accuracies import render_accuracies, render_measured, render_published_only
from opbench.cli.columns import Column, integer
from opbench.cli.conventions import render_chart, render_conventions
from opbench.cli.options import (
    Depth,
    Input,
    InputSize,
    Results,
    Timeout,
    measured_folder,
    parse_asked,
)
from opbench.cli.render import (
    WIDER,
    Format,
    heading,
    indented,
    render,
    stdout_is_ours,
    wrapped,
    write,
)
from opbench.cli.rows import NETWORK, module_rows
from opbench.cli.show_artefacts import render_artefacts
from opbench.cli.show_weights import render_weights, render_weights_of, weights_on_file
from opbench.cli.terminal import describe, stood_in
from opbench.cli.witness import second_opinion
from opbench.errors import BadValueError, OpbenchError, named
from opbench.inputs import asked_from_json, asked_to_json
from opbench.metrics import CONVENTION
from opbench.processes.calls import CallLimits, Failed, isolated

if TYPE_CHECKING:
    from opbench.record import Count, OperatorCount
    from opbench.registry.targets import Target
    from opbench.spec import ArchitectureSpec, StatedValue

_STATED = (
    Column(key="place", title="place", prose=True, keep=True),
    Column(key="quantity", title="quantity"),
    Column(key="stated", title="stated", show=integer, right=True),
    Column(key="counted", title="counted", show=integer, right=True),
    Column(key="deviation", title="deviation", show=lambda x: f"{x:+.2%}", right=True),
    Column(key="verdict", title="verdict"),
)
# Blocks and their branches; deeper tables bury what stands above them.
_DEPTH = 2
_MODULES = (
    Column(key="module", title="module", keep=True),
    Column(key="kind", title="kind"),
    Column(key="output", title="output"),
    Column(key="params", title="params", show=integer, right=True),
    Column(key="macs", title="MACs", show=integer, right=True),
    Column(key="arithmetic", title="outputs x dot product"),
)


def show(
    targets: Annotated[list[str], typer.Argument(metavar="TARGET", help="One network.")],
    input_size: InputSize = None,
    input: Input = None,
    depth: Depth = None,
    conventions: Annotated[
        bool,
        typer.Option(
            "--conventions", help="Show what other counters would print, and where they differ."
        ),
    ] = False,
    witness: Annotated[
        bool,
        typer.Option(help="Also count with fvcore, on real tensors, unless that count is on file."),
    ] = True,
    timeout: Timeout = None,
    results: Results = None,
    format: Annotated[
        Format,
        typer.Option(
            help="Output format; json, csv and markdown hold only the modules (or conventions)."
        ),
    ] = Format.table,
) -> None:
    """Show one network: its paper, stated numbers recounted, modules, accuracies and departures.

    Accuracies are those published and those that `opbench evaluate` measured, side by side. What
    was timed and evaluated in several runtimes and precisions is listed with the accuracy that it
    loses and the time that it wins.

    A set of weights of torchvision or timm is shown from the facts on file, without torch.

    Examples:
        opbench show resnet50
        opbench show timm:convnext_tiny.fb_in1k
        opbench show mymodels.py:net --input-size 3x224x224 --depth 1
        opbench show resnet50 --conventions
    """
    if len(targets) > 1:
        raise BadValueError(
            f"show takes one network, not {len(targets)}: `opbench count {' '.join(targets)}` "
            "counts them side by side"
        )
    if conventions and depth is not None:
        raise BadValueError("--conventions prints no modules: remove --depth")
    (target,) = targets
    asked = parse_asked(input_size, input)
    if target in PUBLISHED_ONLY:
        if asked or conventions or depth is not None:
            raise BadValueError(
                f"{target} cannot be counted, because its definition was never published: "
                f"`opbench show {target}` shows what is known of it"
            )
        write(render_published_only(target, format))
        return
    plain = not (asked or conventions or depth is not None) and format is Format.table
    if plain and (weights := weights_on_file(target)):
        folder = measured_folder(results)
        measured = render_measured(target, folder) + render_artefacts(target, folder)
        write(render_weights(weights) + measured)
        return
    question = {
        "target": target,
        "asked": asked_to_json(asked),
        "depth": _DEPTH if depth is None else depth,
        "conventions": conventions,
        "witness": witness,
        "results": str(measured_folder(results)),
        "format": format,
        "terminal": describe(),
    }
    with isolated((__name__, "opbench.registry.targets:warm_up")) as calls:
        shown = calls.call(f"{__name__}:page", question, CallLimits(seconds=timeout))
    if isinstance(shown, Failed):
        raise OpbenchError(named(target, shown.reason))
    write(shown.result)


def page(question: Mapping[str, Any]) -> str:
    """Count one network and render what is known of it, in a process of its own."""
    from opbench.registry.targets import count_target, require_size_used

    with stood_in(question["terminal"]):
        asked, format = asked_from_json(question["asked"]), Format(question["format"])
        found = _one(question["target"])
        with stdout_is_ours():
            counted = count_target(found, asked)
        require_size_used(found.name, asked, counted)
        if question["conventions"]:
            return render_conventions(found, counted, asked, format)
        rows = list(_module_rows(found.name, counted, question["depth"]))
        modules = render(rows, format, _MODULES)
        if format is not Format.table:
            return modules
        fvcore = second_opinion(found, counted, asked, ask=question["witness"])
        results = Path(question["results"])
        measured = render_measured(found.name, results) + render_artefacts(found.name, results)
        return _whole(found, _head(found, counted, fvcore), measured, modules)


def _one(target: str) -> Target:
    from opbench.registry.targets import resolve

    found = resolve([target])
    if len(found) > 1:
        raise BadValueError(
            f"{target!r} names {len(found)} networks and show takes one: "
            f"say {found[0].name} or {found[1].name}, or use `opbench count {target}`"
        )
    return found[0]


def _whole(target: Target, head: str, measured: str, modules: str) -> str:
    parts = [head]
    if target.spec:
        parts += [_stated(target.spec), render_accuracies(target.name)]
    parts.append(measured)
    if target.spec:
        parts.append(render_chart(target.name))
    parts += [render_weights_of(target.name), "\n", heading("Modules"), modules]
    if target.spec:
        parts.append(_departures(target.spec))
    return "".join(parts)


def _head(target: Target, counted: Count, fvcore: str) -> str:
    name, spec, uncounted = target.name, target.spec, ", ".join(counted.uncounted)
    facts = {
        "input": ", ".join(map(str, counted.input_sizes)),
        "parameters": f"{counted.params:,} ({counted.weight_bytes:,} bytes with buffers)",
        "MACs": f"{counted.macs:,} ({counted.flops / 1e9:.4g} G-ops at 2 per MAC)",
        "activations": f"{counted.activations:,} (peak {counted.peak_activation_bytes:,} bytes)",
        "uncounted": uncounted or "none: every operator that ran has a rule",
        "fvcore": fvcore,
    }
    lines = (wrapped(fact, indent=f"{key:13}", hanging=" " * 13) for key, fact in facts.items())
    title = heading(f"{spec.label}  ({name})" if spec else name)
    return f"{title}{_paper(spec) if spec else ''}\n{''.join(lines)}{wrapped(CONVENTION)}"


def _paper(spec: ArchitectureSpec) -> str:
    paper = spec.paper
    source = wrapped(f"{paper.authors}. {paper.title}. {paper.venue}. {paper.url}")
    return source + (wrapped(spec.note) if spec.note else "")


def _stated(spec: ArchitectureSpec) -> str:
    parts = []
    for title, printed in (
        ("The paper's own numbers, recomputed", True),
        ("Stated by others, or as a bound or a comparison", False),
    ):
        rows = [_stated_row(spec, stated) for stated in spec.stated if stated.printed is printed]
        if rows:
            parts += ["\n", heading(title), render(rows, Format.table, _STATED, more=WIDER)]
        parts += [
            indented(f"{row['quantity']}: {row['disagreement']}")
            for row in rows
            if row["disagreement"]
        ]
    return "".join(parts)


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


def _departures(spec: ArchitectureSpec) -> str:
    """Render the Departures in the docstring of the architecture's module."""
    build = getattr(spec.build, "func", spec.build)
    doc = inspect.getdoc(sys.modules[build.__module__]) or ""
    _, _, departures = doc.partition("Departures:")
    if not departures.strip():
        return ""
    items = re.split(r"\n(?=\* )", inspect.cleandoc(departures))
    lines = (wrapped(item, hanging="  ") for item in items)
    return f"\n{heading('Departures from the paper')}{''.join(lines)}"


def _module_rows(name: str, counted: Count, depth: int) -> Iterator[dict[str, Any]]:
    inside = {module or NETWORK: ran for module, ran in counted.by_module().items()}
    for row in module_rows(name, counted, depth):
        products = map(arithmetic, inside.get(row["module"], ()))
        yield row | {"arithmetic": "; ".join(filter(None, products))}


def arithmetic(operator: OperatorCount) -> str:
    """Return outputs times the length of the dot product behind each: ``64 x 256 = 16,384``."""
    if not operator.macs or not operator.activations or operator.macs % operator.activations:
        return ""
    length = operator.macs // operator.activations
    return f"{operator.activations:,} x {length:,} = {operator.macs:,}"
