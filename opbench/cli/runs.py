"""``opbench runs``: the runs, comparisons and evaluations of a results folder."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from opbench.cli.columns import Column, integer
from opbench.cli.options import OutputFormat, Results, measured_folder
from opbench.cli.render import Format, note, plural, render, say, write
from opbench.evaluation.listing import EVALUATIONS
from opbench.live.listing import COMPARISONS
from opbench.runs.listing import RUNS, delete_files, list_files

_KINDS = (RUNS, COMPARISONS, EVALUATIONS)
_COLUMNS = (
    Column(key="name", title="name", keep=True),
    Column(key="kind", title="kind"),
    Column(key="label", title="networks", prose=True),
    Column(key="state", title="state"),
    Column(key="cells", title="cells", show=integer, right=True),
    Column(key="records", title="measured", show=integer, right=True),
    Column(key="failures", title="failed", show=integer, right=True),
    Column(key="bytes", title="bytes", show=integer, right=True),
    Column(key="problem", title="", note=True),
)


def runs(
    delete: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Delete this run, comparison or evaluation. Can be repeated."
        ),
    ] = None,
    results: Results = None,
    format: OutputFormat = Format.table,
) -> None:
    """List the runs, comparisons and evaluations of a results folder: networks, state and size.

    The oldest is first. `opbench run --resume NAME` continues an interrupted run and `opbench
    evaluate --resume NAME` an evaluation, whose cells are images, of all shards together; `opbench
    compare NAME` shows a comparison of targets again. An unreadable file is left out of everything
    else, with a warning; `opbench runs --delete NAME` removes it.

    Examples:
        opbench runs
        opbench runs --results results/mine --format json
    """
    folder = measured_folder(results)
    for path in delete_files(folder, delete or (), _KINDS):
        say(f"deleted {path}")
    if delete:
        return
    listed = list_files(folder, _KINDS)
    write(render([each.to_json() for each in listed], format, _COLUMNS))
    counts = Counter(each.kind for each in listed)
    told = [plural(counts[each.format.what], each.format.what) for each in _KINDS]
    note(f"{', '.join(told[:-1])} and {told[-1]} in {folder}")
