"""``opbench show timm:NETWORK.WEIGHTS``: a set of weights, from the facts on file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from opbench.cli.columns import Column, integer, metric_column
from opbench.cli.render import WIDER, Format, heading, indented, render, wrapped
from opbench.metrics import CONVENTION

if TYPE_CHECKING:
    from opbench.zoo.rows import ZooRow

STATED = (
    Column(key="input_size", title="input", keep=True),
    Column(key="quantity", title="quantity", keep=True),
    Column(key="stated", title="stated", show=integer, right=True),
    Column(key="counted", title="counted", show=integer, right=True),
    Column(key="deviation", title="deviation", show=lambda x: f"{x:+.3%}", right=True),
    Column(key="verdict", title="verdict"),
)
_COUNTS = (
    Column(key="input_size", title="input", keep=True),
    Column(key="params", title="params", show=integer, right=True),
    Column(key="macs", title="MACs", show=integer, right=True),
    Column(key="activations", title="activations", show=integer, right=True),
    metric_column("weight_bytes", 2),
    metric_column("peak_activation_bytes", 2, "peak activations"),
)
_ACCURACIES = (
    Column(key="input_size", title="input", keep=True),
    Column(key="top1", title="top-1 %", right=True),
    Column(key="top5", title="top-5 %", right=True),
    Column(key="dataset", title="data set"),
    Column(key="protocol", title="protocol"),
    Column(key="resize", title="resized to", right=True),
    Column(key="interpolation", title="interpolation"),
)
_WEIGHTS = (
    Column(key="name", title="name", keep=True),
    *_ACCURACIES[:-2],
    Column(key="trained_on", title="trained on"),
)


def weights_on_file(target: str) -> list[ZooRow]:
    """Return the rows of a set of weights, one for each size; none of any other target."""
    from opbench.zoo.libraries import library_of
    from opbench.zoo.rows import load

    library = library_of(target)
    return [row for row in load(library.name) if row.name == target] if library else []


def render_weights_of(architecture: str) -> str:
    """Render the accuracies of every set of weights of a library's network, the best first."""
    from opbench.zoo.libraries import library_of
    from opbench.zoo.rows import load

    library = library_of(architecture)
    rows = (
        [row for row in load(library.name) if row.architecture == architecture] if library else []
    )
    known = sorted((row for row in rows if row.top1 is not None), key=lambda row: -(row.top1 or 0))
    if not known:
        return ""
    table = render([row.to_json() for row in known], Format.table, _WEIGHTS, more=WIDER)
    return f"\n{heading('Weights on file')}{table}{indented(f'Source: {known[0].source}')}"


def render_weights(rows: Sequence[ZooRow]) -> str:
    """Render the page of a set of weights."""
    return "".join(
        [
            _head(rows[0]),
            "\n",
            heading("Counted for one image"),
            render([_counts(row) for row in rows], Format.table, _COUNTS, more=WIDER),
            wrapped(CONVENTION),
            _stated(rows),
            _accuracies(rows),
            "\n",
            wrapped(
                f"These are facts on file. `opbench show {rows[0].architecture}` counts the "
                f"modules of the network anew, `opbench count {rows[0].name}` the network that "
                "these weights need."
            ),
        ]
    )


def _head(row: ZooRow) -> str:
    library = row.library
    facts = {
        "library": f"{library.name} {row.release} ({library.licence}), {library.url}",
        "weights": f"{row.address}{f' ({row.licence})' if row.licence else ''}",
        "trained on": row.trained_on,
        "uncounted": ", ".join(row.uncounted) or "none: every operator that ran has a rule",
    }
    lines = (wrapped(fact, indent=f"{key:13}", hanging=" " * 13) for key, fact in facts.items())
    return f"{heading(row.name)}{_paper(row)}\n{''.join(lines)}"


def _paper(row: ZooRow) -> str:
    from opbench.zoo.families import family_of

    family = family_of(row.architecture)
    if family is None:
        return ""
    year = f" ({family.year})" if family.year else ""
    told = ". ".join(filter(None, (f"{family.family}{year}", family.paper, family.url)))
    return wrapped(told) + (wrapped(family.note) if family.note else "")


def _counts(row: ZooRow) -> dict[str, Any]:
    return {"input_size": str(row.input_size), **row.totals()}


def _stated(rows: Sequence[ZooRow]) -> str:
    from opbench.zoo.stated import stated_numbers

    found = [each for row in rows for each in stated_numbers(row)]
    if not found:
        return ""
    whys = dict.fromkeys(f"{each.quantity}: {each.why}" for each in found if not each.agrees)
    return "".join(
        [
            "\n",
            heading(f"The numbers that {rows[0].library.name} states, counted again"),
            render([each.cells() for each in found], Format.table, STATED, more=WIDER),
            *map(indented, whys),
        ]
    )


def _accuracies(rows: Sequence[ZooRow]) -> str:
    known = [row.to_json() for row in rows if row.top1 is not None]
    if not known:
        return ""
    table = render(known, Format.table, _ACCURACIES, more=WIDER)
    return f"\n{heading('Accuracies stated')}{table}{indented(f'Source: {rows[0].source}')}"
