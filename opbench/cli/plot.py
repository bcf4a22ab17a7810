"""``opbench plot``: figures from files, without torch.

Everything is drawn before anything is written, so that a figure that cannot be drawn leaves no
half-finished folder.  A figure whose measurements are missing says what to run to get them, and
the others are drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opbench import figures as gallery
from opbench import files
from opbench.cli.draw import KINDS, Job, Page, draw_all
from opbench.cli.options import (
    Accuracies,
    Results,
    measured_folder,
    parse_integers,
    words,
)
from opbench.cli.render import note, say, write
from opbench.errors import BadValueError, MissingDataError
from opbench.escapes import printable
from opbench.metrics import METRIC_ALIASES, METRICS
from opbench.names import find
from opbench.spec import DATASETS, dataset_label, ordered_datasets
from opbench.timing.settings import DTYPES, MODES, known

if TYPE_CHECKING:
    from opbench.table.frames import Table


class Unit(StrEnum):
    """Units of the cost axis."""

    ops = "ops"
    macs = "macs"


class Overlay(StrEnum):
    """Points that can be laid over a figure."""

    chart2016 = "chart2016"


class Notes(StrEnum):
    """Places for the sentences under a figure."""

    figure = "figure"
    file = "file"
    none = "none"


class Theme(StrEnum):
    """Backgrounds of a figure."""

    light = "light"
    dark = "dark"
    both = "both"


def plot(
    figures: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FIGURE",
            help="Figures to draw (listed below); all by default.",
        ),
    ] = None,
    results: Results = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Folder of the figures; RESULTS/figures by default.",
        ),
    ] = None,
    unit: Annotated[
        Unit,
        typer.Option(
            help="Unit of the cost axis: ops (FLOPs, 2 for each multiply-add) or macs (1 for each)."
        ),
    ] = Unit.ops,
    overlay: Annotated[
        list[Overlay] | None,
        typer.Option(help="Also draw the points of the 2016 chart, as they were printed."),
    ] = None,
    zoo: Annotated[
        bool,
        typer.Option(
            "--zoo",
            help="Also draw the networks of timm and torchvision, coloured by the data that their "
            "weights were trained on.",
        ),
    ] = False,
    x: Annotated[
        str, typer.Option(metavar="METRIC", help="Metric of the x axis (listed below).")
    ] = "",
    y: Annotated[
        str, typer.Option(metavar="METRIC", help="Metric of the y axis (listed below).")
    ] = "",
    log: Annotated[
        bool | None, typer.Option(help="Use logarithmic axes; each figure has its own default.")
    ] = None,
    dataset: Annotated[
        str,
        typer.Option(
            metavar="DATA",
            help="Draw the networks of this data set (listed below). By default ImageNet, or where "
            "accuracies were measured on others alone, the one with most.",
        ),
    ] = "",
    family: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Draw only these families. Can be repeated."),
    ] = None,
    highlight: Annotated[
        list[str] | None,
        typer.Option(metavar="TARGET", help="Make these networks stand out. Can be repeated."),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GLOB",
            help="Name only these networks; 'frontier' means those on the Pareto frontier. "
            "Can be repeated.",
        ),
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            metavar="DEVICE",
            help="Draw timings of this device: cpu, cuda:0 or part of its name; all draws each "
            "figure of timings once for each machine.",
        ),
    ] = "",
    dtype: Annotated[
        str, typer.Option(metavar="TYPE", help="Draw timings in this data type, such as float32.")
    ] = "",
    runtime: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Draw timings in this runtime, such as openvino or compile:max-autotune; by "
            "default in eager execution.",
        ),
    ] = "",
    batch_size: Annotated[
        str,
        typer.Option(
            "--batch-size",
            "-b",
            metavar="N[,N]...",
            help="Draw timings at these batch sizes, such as 1,16.",
        ),
    ] = "",
    accuracies: Accuracies = None,
    theme: Annotated[
        Theme, typer.Option(help="Background of the figures; both draws each figure twice.")
    ] = Theme.light,
    notes: Annotated[
        Notes,
        typer.Option(
            help="Where the sentences under a figure go: into it, into a text file beside it for "
            "your own caption, or nowhere."
        ),
    ] = Notes.figure,
    file_format: Annotated[
        str,
        typer.Option(metavar="FORMAT[,FORMAT]...", help="File formats: some of svg, png, pdf."),
    ] = "svg,png",
) -> None:
    """Draw figures as SVG and PNG, or PDF, and print their paths.

    Examples:
        opbench plot
        opbench plot accuracy-vs-ops --highlight 'resnet*' --file-format png
        opbench plot accuracy-vs-ops --zoo --x params
        opbench plot accuracy-vs-ops --x latency_s --device cpu
        opbench plot accuracy-vs-ops --accuracies mine.csv --highlight mymodels.py:net
    """
    wanted = list(dict.fromkeys(map(gallery.full_name, figures or gallery.names())))
    choices: dict[str, Any] = {
        "unit": unit.value,
        "x": x and find("metric", x, METRICS, METRIC_ALIASES),
        "y": y and find("metric", y, METRICS, METRIC_ALIASES),
        "log": log,
        "dataset": dataset,
        "families": tuple(family or ()),
        "highlight": tuple(highlight or ()),
        "label": tuple(label or ()),
        "device": device,
        "dtype": dtype and known("dtype", [dtype], DTYPES)[0],
        "runtime": runtime,
        "batch_sizes": tuple(parse_integers("--batch-size", batch_size) if batch_size else ()),
        "chart2016": Overlay.chart2016 in (overlay or ()),
        "zoo": zoo,
    }
    kinds = [find("file format", word, KINDS) for word in words(file_format)]
    folder = measured_folder(results)
    _check_use(choices, wanted)

    from opbench.table.folder import collecting_nothing

    with collecting_nothing():
        from opbench.table.frames import load

    loaded = load(folder, accuracies, zoo=zoo)
    for sentence in loaded.folder.notes:
        say(f"warning: {sentence}")
    if dataset:
        there = ordered_datasets({*DATASETS, *loaded.everywhere["dataset"]})
        choices["dataset"] = find("data set", dataset, there)
    if runtime:
        choices["runtime"] = _runtime(runtime, loaded)
    papers = ("light", "dark") if theme is Theme.both else (theme.value,)
    jobs = [
        Job(
            name=name,
            table=table,
            options=gallery.Options(theme=paper, notes=notes.value, **choices),  # type: ignore[arg-type]
            kinds=kinds,
            machine=machine,
        )
        for paper in papers
        for name in wanted
        for machine, table in _machines(name, loaded, choices)
    ]
    pages = _drawn(jobs, draw_all(jobs), asked=bool(figures))
    _write(pages, output or folder / "figures")
    _note_others(loaded, wanted, choices["dataset"] or loaded.dataset)


def _runtime(word: str, table: Table) -> str:
    """Return a runtime as the table has it, one of another machine's too.

    Raises ``UnknownNameError``, and ``BadValueError`` for a mode of a runtime that has none.
    """
    from opbench.runs.plan import execution_of

    given = word.removesuffix(":default").replace(":", " ")
    if given in set(table.cells["runtime"]):
        return given
    name, mode = execution_of(word)
    return name if mode in (None, MODES[name][0]) else f"{name} {mode}"


def _machines(name: str, table: Table, choices: Mapping[str, Any]) -> list[tuple[str, Table]]:
    """Return the tables to draw a figure from: one, or with --device all one for each machine."""
    takes, axes = gallery.takes(name), (choices["x"], choices["y"])
    counted = "x" in takes and not any(METRICS[key].of == "cell" for key in axes if key)
    one_machine = "device" in takes and "machines" not in takes and not (counted and "y" in takes)
    if choices["device"] != "all" or not one_machine:
        return [("", table)]
    cells = table.cells
    return [
        (machine, replace(table, cells=cells[cells["machine"] == machine]))
        for machine in sorted(cells["machine"].unique())
    ] or [("", table)]


def help_lists() -> dict[str, list[tuple[str, str]]]:
    """Return the figures and metrics, for the help of the command."""
    return {
        "Figures": [(name, gallery.describe(name)) for name in gallery.names()],
        "Metrics of --x and --y": [(key, metric.axis) for key, metric in METRICS.items()],
        "Data sets": [(key, each.label) for key, each in DATASETS.items() if each.test_images],
    }


_NAMED = 4  # networks in a sentence
_FLAGS = {"families": "family", "batch_sizes": "batch-size", "chart2016": "overlay"}


def _check_use(choices: dict[str, Any], wanted: Sequence[str]) -> None:
    """Refuse an option that none of the wanted figures knows."""
    usual = gallery.Options()
    chosen = (key for key, value in choices.items() if value != getattr(usual, key))
    for flag in sorted(_FLAGS.get(key, key) for key in chosen):
        if not any(flag in gallery.takes(name) for name in wanted):
            able = [name for name in gallery.names() if flag in gallery.takes(name)]
            raise BadValueError(
                f"--{flag} does nothing for {', '.join(wanted)}: use it with {', '.join(able)}"
            )


def _drawn(
    jobs: Sequence[Job], pages: Iterable[Page | MissingDataError], *, asked: bool
) -> dict[str, bytes]:
    """Return what was drawn by name of file.

    A figure that lacks measurements is said, or raised when it was ``asked`` for.
    """
    files: dict[str, bytes] = {}
    for job, page in zip(jobs, pages, strict=True):
        if not isinstance(page, MissingDataError):
            files |= {f"{job.stem}.{kind}": data for kind, data in page.items()}
        elif asked:
            raise MissingDataError(f"{job.name}: {page}")
        else:
            note(f"{job.name} is not drawn: {page}")
    return files


def _note_others(table: Table, wanted: Sequence[str], dataset: str) -> None:
    """Say which timed networks are in no figure of timings because of their data set."""
    if table.cells.empty or not any("device" in gallery.takes(name) for name in wanted):
        return
    drawn = set(table.cells["name"][table.cells["dataset"] == dataset])
    if others := [each for each in table.cells["name"].unique() if each not in drawn]:
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        note(
            f"figures of timings show networks of {dataset_label(dataset)}, and not "
            f"{', '.join(others[:_NAMED])}{more}"
        )


def _write(pages: dict[str, bytes], folder: Path) -> None:
    for name, data in pages.items():
        path = folder / name
        files.write(path, data, remedy="choose another folder with --output")
        write(f"{printable(str(path))}\n")
