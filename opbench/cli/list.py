"""``opbench list``: the registry, from its facts on file, without torch.

Only what cannot be on file is computed: the entries of other packages are counted when there are
any, and latencies are joined in when their column is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from importlib.metadata import entry_points
from pathlib import Path
from shlex import join, quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opbench.cli.columns import Column, as_printed, integer, metric_column, scaled
from opbench.cli.options import Accuracies, OutputFormat, Results, measured_folder, words
from opbench.cli.render import Format, note, render, say, write
from opbench.errors import BadFileError, BadValueError
from opbench.metrics import METRIC_ALIASES, METRICS, PER_MAC
from opbench.metrics import columns as metric_columns
from opbench.names import find, matching
from opbench.record import USUAL

if TYPE_CHECKING:
    from opbench.registry.counts_csv import NetworkRow
    from opbench.table import Folder
    from opbench.table.cells import TimedCell
    from opbench.table.networks import Network

_MACS = f"MACs for one image; {PER_MAC}."
_ACCURACY = "Accuracies on different data sets, or by different protocols, do not compare."
_LISTED = (
    Column(key="name", title="name", keep=True),
    Column(key="label", title="network"),
    Column(key="family", title="family"),
    Column(key="year", title="year", right=True),
    Column(key="dataset", title="data set"),
    Column(key="input_size", title="input"),
    metric_column("params", 3, "params"),
    Column(key="stated_params", title="paper says M", show=as_printed(1e-6), right=True),
    Column(key="macs", title="MMAC", show=scaled(1e-6, 2), right=True, caption=_MACS),
    Column(
        key="stated_macs",
        title="paper says MMAC",
        show=as_printed(1e-6),
        right=True,
        caption=_MACS,
    ),
    Column(key="fvcore_macs", title="MACs by fvcore", show=integer, right=True, caption=_MACS),
    Column(key="onnx_macs", title="MACs as ONNX", show=integer, right=True, caption=_MACS),
    Column(key="activations", title="activations", show=integer, right=True),
    Column(key="top1", title="top-1 %", right=True, caption=_ACCURACY),
    Column(key="top5", title="top-5 %", right=True, caption=_ACCURACY),
    Column(key="top1_protocol", title="protocol"),
    Column(key="top1_source", title="source", prose=True),
    Column(key="top1_source_url", title="where"),
    metric_column("latency_s", 2),
    Column(key="paper", title="paper", prose=True),
    Column(key="paper_url", title="paper at"),
)
# A metric of networks that has no place of its own above comes last.
_ALL = (
    *_LISTED,
    *(
        metric_column(key, 2)
        for key, metric in METRICS.items()
        if metric.of == "network" and key not in {column.key for column in _LISTED}
    ),
)
_MOST_NAMES = 6  # in a sentence
# A narrow terminal shows the first of them: an accuracy says little without its data set.
_USUAL = "name,params,macs,top1,dataset,input_size,top1_protocol,family,year,top1_source"


def list_(
    globs: Annotated[
        list[str] | None,
        typer.Argument(metavar="GLOB", help="Names or globs, such as 'resnet*'; all by default."),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="KEY[,KEY]...",
            help="Columns to print (listed below). By default the usual ones, with --results "
            "latency_s too; in json and csv every key.",
        ),
    ] = None,
    accuracies: Accuracies = None,
    results: Results = None,
    format: OutputFormat = Format.table,
    update: Annotated[
        bool,
        typer.Option("--update", help="First count the networks again, with fvcore too."),
    ] = False,
) -> None:
    """List the built-in networks with exact counts and sourced accuracies.

    Examples:
        opbench list
        opbench list 'resnet*' VGG-16
        opbench list --columns name,params,macs,top1 --format csv
    """
    chosen = _chosen(columns or (f"{_USUAL},latency_s" if results else _USUAL))
    timed = any(column.key == "latency_s" for column in chosen)
    folder = _measured(results, accuracies) if timed or results or accuracies else None
    if update:
        _update(globs or ())
    rows = _rows(globs or ["*"], folder if accuracies else None)
    if timed and folder:
        _add_latencies(rows, folder)
        _note_untimed(rows, results)
    if columns:  # json and csv hold what was asked for as well
        rows = [{column.key: row.get(column.key) for column in chosen} for row in rows]
    write(render(rows, format, chosen))


def _update(globs: Sequence[str]) -> None:
    """Count the networks that are named, or all, and write them to the file of counts."""
    from opbench.registry import counts_csv
    from opbench.registry.audit import network_rows

    # Who exports networks is in the tests; its count stays with a network that did not change.
    exported = {(row.name, row.macs): row.onnx_macs for row in _readable()}
    counted = [
        replace(row, onnx_macs=exported.get((row.name, row.macs))) for row in network_rows(*globs)
    ]
    names = {row.name for row in counted}
    others = [row for row in counts_csv.load() if row.name not in names] if globs else []
    counts_csv.save([*others, *counted], counts_csv.counts_file())
    counts_csv.load.cache_clear()


def _readable() -> Sequence[NetworkRow]:
    """Return the rows on file, none of a file that cannot be read and is written anew."""
    from opbench.registry import counts_csv

    try:
        return counts_csv.load()
    except BadFileError:
        return ()


def help_lists() -> dict[str, list[tuple[str, str]]]:
    """Return the columns, for the help of the command."""
    return {"Columns": [(column.key, column.title) for column in _ALL]}


def _measured(results: Path | None, accuracies: Path | None) -> Folder:
    from opbench.table import read_folder

    folder = read_folder(measured_folder(results), accuracies)
    for sentence in folder.notes:
        say(f"warning: {sentence}")
    return folder


def _chosen(keys: str) -> list[Column]:
    known = {column.key: column for column in _ALL}
    return [known[find("column", key, known, METRIC_ALIASES)] for key in words(keys)]


def _rows(globs: Sequence[str], own: Folder | None) -> list[dict[str, Any]]:
    """Make the rows of the registry, and with accuracies of the user's those of other networks."""
    from opbench.accuracy import primaries
    from opbench.table.networks import Network

    read = {network.name: network for network in own.networks} if own else {}
    others = [each for each in read.values() if not each.entry and each.accuracy]
    networks = [
        read.get(fact.name) or Network.of_registry(fact, primaries().get(fact.name))
        for fact in _facts(globs, [each.name for each in others])
    ]
    networks += (each for each in others if any(matching(glob, (each.name,)) for glob in globs))
    return [_row(network) for network in networks]


def _facts(globs: Sequence[str], others: Sequence[str]) -> list[NetworkRow]:
    """Return the rows of the registry that ``globs`` match; those may match ``others`` as well.

    Raises ``OpbenchError`` for one that matches neither.
    """
    from opbench.registry import counts_csv

    facts = [*counts_csv.load(), *_of_other_packages()]
    labels = {fact.name: fact.label for fact in facts}
    here = [glob for glob in globs if matching(glob, labels, labels) or not matching(glob, others)]
    for glob in here:
        if ":" in glob and not matching(glob, labels, labels):
            raise BadValueError(
                f"list holds the built-in networks only: use `opbench count {quote(glob)}`"
            )
    return counts_csv.chosen(facts, here)


def _of_other_packages() -> list[NetworkRow]:
    if not entry_points(group="opbench.architectures"):
        return []
    from opbench.registry.audit import foreign_rows

    return foreign_rows()


def _row(network: Network) -> dict[str, Any]:
    from opbench.registry.counts_csv import NetworkRow

    best, entry = network.accuracy, network.entry
    facts = entry.to_json() if entry else {}
    known = {each.name: network.fact(each.name) is not None for each in fields(NetworkRow)}
    return {
        **{key: facts[key] if there else None for key, there in known.items()},
        "name": network.name,
        "label": network.label,
        "family": network.family,
        "year": network.year,
        "dataset": network.dataset,
        "input_size": str(network.input_size),
        **{column: getattr(network, column) for column in metric_columns("network")},
        "top1_protocol": best.protocol if best else None,
        "top1_source": best.source if best else None,
        "top1_source_url": best.source_url if best else None,
    }


def _add_latencies(rows: list[dict[str, Any]], folder: Folder) -> None:
    """Add medians at batch 1 and float32, by the usual settings, on the CPU that was timed last."""
    usual = [cell for cell in folder.cells if _is_usual(cell)]
    machine = max(usual, key=lambda cell: cell.run).conditions.machine if usual else ""
    cells = {
        (cell.name, str(cell.input_size)): cell
        for cell in usual
        if cell.conditions.machine == machine
    }
    shown = [cells.get((row["name"], row["input_size"])) for row in rows]
    for row, cell in zip(rows, shown, strict=True):
        row["latency_s"] = cell.latency_s if cell else None
    _note_quality([cell for cell in shown if cell])


def _note_quality(cells: Sequence[TimedCell]) -> None:
    """Say from which runs latencies are that describe no steady state."""
    bad = [each for each in cells if each.record.measurement.quality != "good"]
    if bad:
        runs = ", ".join(sorted({each.run for each in bad}))
        note(
            f"latencies that are noisy or unstable: {len(bad)} of {len(cells)} (run {runs}); "
            "`opbench compare` shows their intervals"
        )


def _note_untimed(rows: Sequence[dict[str, Any]], results: Path | None) -> None:
    """Say what to run where there is no latency of any of ``rows``."""
    if any(row["latency_s"] is not None for row in rows):
        return
    names = [row["name"] for row in rows]
    command = ["opbench", "run", "--device", "cpu", *(names if len(names) <= _MOST_NAMES else [])]
    if results:
        command += ["--results", str(results)]
    note(
        f"no latency of these networks at batch size 1 in {USUAL['dtype']} is in "
        f"{measured_folder(results)}: `{join(command)}` measures it"
    )


def _is_usual(cell: TimedCell) -> bool:
    where = cell.conditions
    settings = (where.device, where.dtype, where.variant, cell.batch_size)
    return settings == ("cpu", USUAL["dtype"], "", 1)
