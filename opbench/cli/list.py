"""``opbench list``: the registry, torchvision and timm, from facts on file, without torch.

Only what cannot be on file is computed: the entries of other packages are counted when there are
any, and latencies are joined in when their column is asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields
from importlib.metadata import entry_points
from pathlib import Path
from shlex import join, quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opbench.cli.columns import Column, as_printed, integer, metric_column, scaled
from opbench.cli.counted import macs_of
from opbench.cli.list_filters import (
    Best,
    Filters,
    MaxMacs,
    MaxParams,
    Near,
    Reference,
    TrainedOn,
)
from opbench.cli.list_update import update as update_files
from opbench.cli.options import Accuracies, OutputFormat, Results, measured_folder, words
from opbench.cli.render import Format, note, render, say, write
from opbench.errors import BadValueError, UnknownNameError
from opbench.metrics import METRIC_ALIASES, METRICS, PER_MAC
from opbench.metrics import columns as metric_columns
from opbench.names import find, matching, spelt
from opbench.record import USUAL
from opbench.zoo.libraries import LIBRARIES, library_of

if TYPE_CHECKING:
    from opbench.registry.counts_csv import NetworkRow
    from opbench.spec import Shape
    from opbench.table import Folder
    from opbench.table.cells import TimedCell
    from opbench.table.networks import Network
    from opbench.zoo.rows import ZooRow

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
    Column(key="stated_params", title="stated M", show=as_printed(1e-6), right=True),
    Column(key="macs", title="MMAC", show=scaled(1e-6, 2), right=True, caption=_MACS),
    Column(
        key="stated_macs",
        title="stated MMAC",
        show=as_printed(1e-6),
        right=True,
        caption=_MACS,
    ),
    Column(key="stated_verdict", title="stated against counted", prose=True),
    Column(key="fvcore_macs", title="MACs by fvcore", show=integer, right=True, caption=_MACS),
    Column(key="onnx_macs", title="MACs as ONNX", show=integer, right=True, caption=_MACS),
    Column(key="activations", title="activations", show=integer, right=True),
    Column(key="top1", title="top-1 %", right=True, caption=_ACCURACY),
    Column(key="top5", title="top-5 %", right=True, caption=_ACCURACY),
    Column(key="top1_protocol", title="protocol"),
    Column(key="trained_on", title="trained on"),
    Column(key="resize", title="resized to", right=True),
    Column(key="interpolation", title="interpolation"),
    Column(key="top1_source", title="source", prose=True),
    Column(key="top1_source_url", title="where"),
    Column(key="release", title="release"),
    Column(key="licence", title="licence of the weights"),
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
# Facts of a set of weights that no other network has.
_OF_WEIGHTS = ("release", "resize", "interpolation", "licence")
# A narrow terminal shows the first of them: an accuracy says little without its data set.
_USUAL = "name,params,macs,top1,dataset,input_size,top1_protocol,trained_on,family,year,top1_source"
_EVERYWHERE = ("*", *(f"{library}:*" for library in LIBRARIES))


def list_(
    globs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="GLOB",
            help="Names or globs, such as 'resnet*' or 'timm:convnext*'; by default all built-in "
            "networks, with --max-macs, --max-params, --trained-on, --best or --near also "
            "torchvision's and timm's.",
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="KEY[,KEY]...",
            help="Columns to print (listed below). By default the usual ones, with --results "
            "latency_s too; in json and csv every key.",
        ),
    ] = None,
    max_macs: MaxMacs = None,
    max_params: MaxParams = None,
    trained_on: TrainedOn = None,
    best: Best = None,
    near: Near = None,
    accuracies: Accuracies = None,
    results: Results = None,
    format: OutputFormat = Format.table,
    update: Annotated[
        bool,
        typer.Option(
            "--update",
            help="First count the networks again, built-in ones with fvcore too, and write their "
            "facts anew; for 'timm:*' --accuracies names the results-imagenet.csv of timm, where "
            "they are to change. What was interrupted is continued.",
        ),
    ] = False,
    benchmark: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="With --update and --accuracies, a benchmark-infer-*.csv of timm: the MACs that "
            "it states.",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="With --update, count in this many processes; 1 by default."),
    ] = None,
) -> None:
    """List networks with exact counts and sourced accuracies: built-in, torchvision's and timm's.

    Examples:
        opbench list
        opbench list 'resnet*' VGG-16
        opbench list --max-macs 1G --trained-on imagenet1k --best 10
        opbench list --near torchvision:resnet50 --trained-on imagenet1k
        opbench list 'torchvision:resnet50' 'timm:convnext_tiny'
        opbench list --columns name,params,macs,top1 --format csv
    """
    chosen = _chosen(columns or (f"{_USUAL},latency_s" if results else _USUAL))
    filters = Filters.parse(max_macs, max_params, trained_on, best)
    complete = update_files(globs or (), (accuracies, benchmark), jobs or 1) if update else True
    if update and any(":" in glob for glob in globs or ()):
        accuracies = None  # they are of the library, and on file now
    elif benchmark:
        raise BadValueError("--benchmark is read by --update only: add it, or remove --benchmark")
    elif jobs and not update:
        raise BadValueError("--jobs is read by --update only: add it, or remove --jobs")
    timed = any(column.key == "latency_s" for column in chosen)
    folder = _measured(results, accuracies) if timed or results or accuracies else None
    everywhere = _EVERYWHERE if filters.any or near else _EVERYWHERE[:1]
    own = folder if accuracies else None
    networks = _networks(globs or everywhere, own)
    reference = _reference(near, filters, own) if near else None
    rows = [_row(network) for network in filters.choose(networks, reference)]
    if timed and folder:
        _add_latencies(rows, folder)
        _note_untimed(rows, results)
    if columns:  # json and csv hold what was asked for as well
        rows = [{column.key: row.get(column.key) for column in chosen} for row in rows]
    write(render(rows, format, chosen))
    if not complete:
        raise typer.Exit(1)


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


def _networks(globs: Sequence[str], own: Folder | None) -> list[Network]:
    """Return the networks that ``globs`` match, and of the user's those with an accuracy.

    Raises ``OpbenchError`` for a glob that matches none.
    """
    from opbench.accuracy import primaries
    from opbench.table.networks import Network

    read = {network.name: network for network in own.networks} if own else {}
    others = {name: each for name, each in read.items() if each.own_accuracy and not each.entry}
    networks = [
        read.get(fact.name) or Network.of_registry(fact, primaries().get(fact.name))
        for fact in _facts(globs, [*filter(library_of, globs), *others])
    ]
    for row in _weights([glob for glob in globs if library_of(glob)], others):
        own_network = others.get(row.name)
        same = own_network and own_network.input_size == row.input_size
        networks.append(own_network if own_network and same else Network.of_zoo(row))
    listed = {(each.name, each.input_size) for each in networks}
    more = (each for each in others.values() if (each.name, each.input_size) not in listed)
    return [*networks, *(each for each in more if _is_meant(each, globs))]


def _is_meant(network: Network, globs: Sequence[str]) -> bool:
    return any(matching(glob, _names(network)) for glob in globs)


def _weights(globs: Sequence[str], others: Collection[str]) -> list[ZooRow]:
    """Return the rows of libraries that ``globs`` match; those may match ``others`` as well.

    Raises ``UnknownNameError`` for one that matches neither.
    """
    from opbench.zoo.rows import chosen

    found: dict[tuple[str, Shape], ZooRow] = {}
    for glob in globs:
        try:
            found |= {(row.name, row.input_size): row for row in chosen([glob])}
        except UnknownNameError:
            if not matching(glob, others):
                raise
    return list(found.values())


def _reference(target: str, filters: Filters, own: Folder | None) -> Reference:
    """Return a network on file or of the reader's own accuracies; count any other.

    Raises ``OpbenchError`` where it cannot be counted.
    """
    found = _called(target, _networks(_EVERYWHERE, own))
    return filters.reference(found) if found else Reference(macs=macs_of(target))


def _called(target: str, networks: Sequence[Network]) -> list[Network]:
    """Return the networks of that name, by themselves or with all their weights and sizes."""
    exact = [each for each in networks if target in _names(each)]
    return exact or [each for each in networks if spelt(target, _names(each))]


def _names(network: Network) -> tuple[str, ...]:
    """Return the names that a network goes by; a set of weights by that of its network, too."""
    if network.entry:
        return network.name, network.label
    return network.name, *([network.name.partition(".")[0]] if library_of(network.name) else [])


def _facts(globs: Sequence[str], others: Sequence[str]) -> list[NetworkRow]:
    """Return the rows of the registry that ``globs`` match; those may match ``others`` as well.

    Raises ``OpbenchError`` for one that matches neither.
    """
    from opbench.registry import counts_csv

    facts = [*counts_csv.load(), *_of_other_packages()]
    labels = {fact.name: fact.label for fact in facts}
    here = [
        glob
        for glob in globs
        if matching(glob, labels, labels) or not (glob in others or matching(glob, others))
    ]
    for glob in here:
        if ":" in glob and not matching(glob, labels, labels):
            raise BadValueError(
                f"list holds the built-in networks, {' and '.join(LIBRARIES)}: "
                f"use `opbench count {quote(glob)}`"
            )
    return counts_csv.chosen(facts, here)


def _of_other_packages() -> list[NetworkRow]:
    if not entry_points(group="opbench.architectures"):
        return []
    from opbench.registry.audit import foreign_rows

    return foreign_rows()


def _row(network: Network) -> dict[str, Any]:
    from opbench.registry.counts_csv import NetworkRow
    from opbench.zoo.stated import verdict

    accuracy, on_file = network.accuracy, network.entry or network.zoo_row
    facts = on_file.to_json() if on_file else {}
    keys = [*(each.name for each in fields(NetworkRow)), *_OF_WEIGHTS]
    return {
        **{key: facts[key] if network.fact(key) is not None else None for key in keys},
        "name": network.name,
        "label": network.label,
        "family": network.family,
        "year": network.year,
        "dataset": network.dataset,
        "trained_on": network.trained_on,
        "input_size": str(network.input_size),
        **{column: getattr(network, column) for column in metric_columns("network")},
        "top1_protocol": accuracy.protocol if accuracy else None,
        "top1_source": accuracy.source if accuracy else None,
        "top1_source_url": accuracy.source_url if accuracy else None,
        "stated_verdict": verdict(network.zoo_row) if network.zoo_row else None,
        "paper": network.paper,
        "paper_url": network.paper_url,
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
