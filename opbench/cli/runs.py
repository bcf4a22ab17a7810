"""``opbench runs``: the runs of a results folder."""

from __future__ import annotations

from typing import Annotated

import typer

from opbench.cli.columns import Column, integer
from opbench.cli.options import OutputFormat, Results, measured_folder
from opbench.cli.render import Format, note, plural, render, say, write
from opbench.runs.listing import delete_runs, list_runs

_COLUMNS = (
    Column(key="name", title="run", keep=True),
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
        typer.Option(metavar="RUN", help="Delete this run. Can be repeated."),
    ] = None,
    results: Results = None,
    format: OutputFormat = Format.table,
) -> None:
    """List the runs of a results folder, oldest first: networks, state and size.

    `opbench run --resume RUN` continues an interrupted run. An unreadable one is left out of
    everything else, with a warning; `opbench runs --delete RUN` removes it.

    Examples:
        opbench runs
        opbench runs --results results/mine --format json
    """
    folder = measured_folder(results)
    for path in delete_runs(folder, delete or ()):
        say(f"deleted {path}")
    if delete:
        return
    listed = list_runs(folder)
    write(render([each.to_json() for each in listed], format, _COLUMNS))
    note(f"{plural(len(listed), 'run')} in {folder}")
