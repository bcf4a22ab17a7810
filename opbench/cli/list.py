"""``opbench list``: the registry, torchvision and timm, from facts on file, without torch.

Only what cannot be on file is computed: the entries of other packages are counted when there are
any, and latencies are joined in when their column is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opbench.cli.artefacts import COLUMNS, artefact_row
from opbench.cli.columns import Column, as_printed, integer, metric_column, scaled
from opbench.cli.list_artefacts import artefacts_of, chosen, parse_runtimes, untimed
from opbench.cli.list_filters import (
    Best,
    Filters,
    Frontier,
    MaxLatency,
    MaxMacs,
    MaxMemory,
    MaxParams,
    Near,
    Runtimes,
    TrainedOn,
    given,
)
from opbench.cli.list_latencies import latencies_in, note_quality, timed_on, within
from opbench.cli.list_networks import EVERYWHERE, networks_on_file, reference_of
from opbench.cli.list_update import update as update_files
from opbench.cli.options import (
    Accuracies,
    DeviceOfTimings,
    OutputFormat,
    Results,
    measured_folder,
    parse_seconds,
    words,
)
from opbench.cli.render import Format, note, render, say, write
from opbench.errors import BadValueError
from opbench.metrics import METRIC_ALIASES, METRICS, PER_MAC
from opbench.metrics import columns as metric_columns
from opbench.names import find
from opbench.record import USUAL

if TYPE_CHECKING:
    from opbench.table import Folder
    from opbench.table.networks import Network

_MACS = f"MACs for one image; {PER_MAC}."
_ACCURACY = "Accuracies on different data sets, or by different protocols, do not compare."
_INTERVAL = "From, to: 95 % interval, from the number of test images."


def _percent(value: Any) -> str:
    """Return a percentage as printed, or to two decimals where it was measured."""
    return "" if value is None else str(round(value, 3))


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
    metric_column("peak_memory_bytes", 1, "weights and activations", key="analytic_memory_bytes"),
    Column(key="top1", title="top-1 %", show=_percent, right=True, caption=_ACCURACY),
    Column(key="top1_low", title="top-1 from %", show=scaled(1, 2), right=True, caption=_INTERVAL),
    Column(key="top1_high", title="top-1 to %", show=scaled(1, 2), right=True, caption=_INTERVAL),
    Column(key="top5", title="top-5 %", show=_percent, right=True, caption=_ACCURACY),
    Column(key="top1_protocol", title="protocol"),
    Column(key="trained_on", title="trained on"),
    Column(key="resize", title="resized to", right=True),
    Column(key="interpolation", title="interpolation"),
    Column(key="top1_source", title="source", prose=True),
    Column(key="top1_source_url", title="where"),
    Column(key="measured_top1", title="measured %", show=_percent, right=True),
    Column(key="published_top1", title="published %", show=_percent, right=True),
    Column(key="top1_verdict", title="published against measured", prose=True),
    Column(key="evaluation", title="evaluation"),
    Column(key="release", title="release"),
    Column(key="licence", title="licence of the weights"),
    metric_column("latency_s", 2),
    Column(key="machine", title="timed on"),
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
_OF_ARTEFACTS = (
    "name,runtime,latency_s,top1,precision,top1_lost,times_faster,dataset,macs,params,"
    "peak_memory_bytes,energy_j,run,evaluation"
)
_USUAL = "name,params,macs,top1,dataset,input_size,top1_protocol,trained_on,family,year,top1_source"


def list_(
    context: typer.Context,
    globs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="GLOB",
            help="Names or globs, such as 'resnet*' or 'timm:convnext*'; by default all built-in "
            "networks, with a --max-... or with --trained-on, --frontier, --best or --near also "
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
    max_memory: MaxMemory = None,
    max_latency: MaxLatency = None,
    runtime: Runtimes = None,
    trained_on: TrainedOn = None,
    frontier: Frontier = False,
    best: Best = None,
    near: Near = None,
    accuracies: Accuracies = None,
    device: DeviceOfTimings = "",
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
        opbench list --max-latency 20ms --max-memory 100MB --best 10
        opbench list --device all
        opbench list --max-latency 10ms --runtime all --best 1
        opbench list --near torchvision:resnet50 --trained-on imagenet1k
        opbench list 'torchvision:resnet50' 'timm:convnext_tiny'
        opbench list --columns name,params,macs,top1 --format csv
    """
    most_s = parse_seconds("--max-latency", max_latency)
    if runtime is not None:
        if near or update or accuracies:
            option = "--near" if near else "--update" if update else "--accuracies"
            raise BadValueError(f"--runtime lists what was timed and evaluated: remove {option}")
        rows, shown = _artefacts(context, parse_runtimes(runtime), most_s)
        write(render(rows, format, shown))
        return
    latency = bool(results or most_s or device)
    chosen = _chosen(columns or _usual(latency, memory=bool(max_memory), machine=bool(device)))
    filters = Filters.parse(context.params)
    complete = update_files(globs or (), (accuracies, benchmark), jobs or 1) if update else True
    if update and any(":" in glob for glob in globs or ()):
        accuracies = None  # they are of the library, and on file now
    elif benchmark:
        raise BadValueError("--benchmark is read by --update only: add it, or remove --benchmark")
    elif jobs and not update:
        raise BadValueError("--jobs is read by --update only: add it, or remove --jobs")
    timed = bool(most_s) or any(column.key in ("latency_s", "machine") for column in chosen)
    evaluated = _has_evaluations(results)
    asked = timed or results or accuracies or evaluated
    folder = _measured(results, accuracies) if asked else None
    everywhere = EVERYWHERE if given(context.params) or most_s else EVERYWHERE[:1]
    with_accuracies = folder if accuracies or evaluated else None
    networks = networks_on_file(globs or everywhere, with_accuracies)
    reference = reference_of(near, filters, with_accuracies) if near else None
    machines = latencies_in(folder, device) if timed and folder else []
    if most_s and len(machines) > 1:
        raise BadValueError("--max-latency is of one machine: name it with --device")
    if most_s:
        networks = within(
            networks, machines[0] if machines else {}, most_s, measured_folder(results)
        )
    found = filters.choose(networks, reference)
    rows = [_row(each) | timing for each in found for timing in timed_on(each, machines)]
    if timed:
        note_quality(found, machines)
        _note_untimed(rows, results)
    if columns:  # json and csv hold what was asked for as well
        rows = [{column.key: row.get(column.key) for column in chosen} for row in rows]
    write(render(rows, format, chosen))
    if not complete:
        raise typer.Exit(1)


def _artefacts(
    context: typer.Context, runtimes: Sequence[str], most_s: float | None
) -> tuple[list[dict[str, Any]], list[Column]]:
    """Return the rows of artefacts, and the columns to show."""
    from opbench.table.folder import on_device

    options = context.params
    columns, globs, results = options["columns"], options["globs"] or (), options["results"]
    shown = _chosen(columns or _OF_ARTEFACTS, COLUMNS)
    folder, filters = _measured(results, None), Filters.parse(options)
    if device := options["device"]:
        folder = on_device(folder, device)
    artefacts = artefacts_of(folder, globs, runtimes, device)
    if not artefacts:
        raise untimed(globs, runtimes, measured_folder(results))
    found = chosen(artefacts, folder, filters, most_s)
    rows = [
        _row(network) | artefact_row(each) | {"dataset": network.dataset} for each, network in found
    ]
    if columns:
        rows = [{column.key: row.get(column.key) for column in shown} for row in rows]
    return rows, shown


def help_lists() -> dict[str, list[tuple[str, str]]]:
    """Return the columns, for the help of the command."""
    return {
        title: [(column.key, column.title) for column in known]
        for title, known in (("Columns", _ALL), ("With --runtime", COLUMNS))
    }


def _has_evaluations(results: Path | None) -> bool:
    from opbench.accuracy.measured.store import evaluation_files

    return bool(evaluation_files(measured_folder(results)))


def _measured(results: Path | None, accuracies: Path | None) -> Folder:
    from opbench.table import read_folder

    folder = read_folder(measured_folder(results), accuracies)
    for sentence in folder.notes:
        say(f"warning: {sentence}")
    return folder


def _usual(latency: bool, *, memory: bool, machine: bool) -> str:
    """Return the usual columns, and those of the limits."""
    more = {"analytic_memory_bytes": memory, "latency_s": latency, "machine": machine}
    return ",".join([_USUAL, *(key for key, wanted in more.items() if wanted)])


def _chosen(keys: str, more: Sequence[Column] = ()) -> list[Column]:
    known = {column.key: column for column in (*_ALL, *more)}
    return [known[find("column", key, known, METRIC_ALIASES)] for key in words(keys)]


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
        "analytic_memory_bytes": network.analytic_memory_bytes,
        **{column: getattr(network, column) for column in metric_columns("network")},
        "top1_protocol": accuracy.protocol if accuracy else None,
        "top1_source": accuracy.source if accuracy else None,
        "top1_source_url": accuracy.source_url if accuracy else None,
        "measured_top1": network.measured_top1,
        "published_top1": network.published_top1,
        "top1_verdict": network.top1_verdict,
        "evaluation": network.evaluation,
        "stated_verdict": verdict(network.zoo_row) if network.zoo_row else None,
        "paper": network.paper,
        "paper_url": network.paper_url,
    }


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
