"""``opbench plot``: figures from files, without torch.

Everything is drawn before anything is written, so that a figure that cannot be drawn leaves no
half-finished folder.  A figure whose measurements are missing says what to run to get them, and
the others are drawn.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

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
from opbench.cli.render import say, write
from opbench.errors import BadValueError, MissingDataError, UnknownNameError
from opbench.metrics import METRICS

_METRIC_NAMES = ", ".join(METRICS)


class Unit(StrEnum):
    """Units of the cost axis."""

    ops = "ops"
    macs = "macs"


class Overlay(StrEnum):
    """Points that can be laid over a figure."""

    chart2016 = "chart2016"


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
            help=f"Any of {', '.join(gallery.names())}; all by default.",
        ),
    ] = None,
    results: Results = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the figures; RESULTS/figures by default."),
    ] = None,
    unit: Annotated[
        Unit,
        typer.Option(help="Unit of the cost axis: a multiply-add is 2 ops (FLOPs) or 1 MAC."),
    ] = Unit.ops,
    with_: Annotated[
        list[Overlay] | None,
        typer.Option("--with", help="Draw the points of the 2016 chart as well."),
    ] = None,
    x: Annotated[
        str, typer.Option(metavar="METRIC", help=f"Metric of the x axis: {_METRIC_NAMES}.")
    ] = "",
    y: Annotated[str, typer.Option(metavar="METRIC", help="Metric of the y axis.")] = "",
    log: Annotated[
        bool | None, typer.Option(help="Use logarithmic axes; each figure has its own default.")
    ] = None,
    family: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="Draw only these families.")
    ] = None,
    highlight: Annotated[
        list[str] | None, typer.Option(metavar="TARGET", help="Make these networks stand out.")
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GLOB",
            help="Name only these networks; 'frontier' means those on the Pareto frontier.",
        ),
    ] = None,
    device: Annotated[
        str, typer.Option(help="Draw timings of this device: cpu, cuda:0 or part of its name.")
    ] = "",
    dtype: Annotated[str, typer.Option(help="Draw timings in this data type.")] = "",
    batch_size: Annotated[
        str, typer.Option(metavar="N[,N]...", help="Draw timings at these batch sizes.")
    ] = "",
    accuracies: Accuracies = None,
    theme: Annotated[Theme, typer.Option(help="Background of the figures.")] = Theme.light,
    as_: Annotated[
        str, typer.Option("--as", metavar="KIND[,KIND]...", help="File formats: svg, png, pdf.")
    ] = "svg,png,pdf",
) -> None:
    """Draw figures as SVG, PNG and PDF, and print their paths."""
    wanted = list(dict.fromkeys(figures or gallery.names()))
    choices: dict[str, Any] = {
        "unit": unit.value,
        "x": x,
        "y": y,
        "log": log,
        "families": tuple(family or ()),
        "highlight": tuple(highlight or ()),
        "label": tuple(label or ()),
        "device": device,
        "dtype": dtype,
        "batch_sizes": tuple(parse_integers("--batch-size", batch_size) if batch_size else ()),
        "chart2016": Overlay.chart2016 in (with_ or ()),
    }
    kinds = words(as_)
    _check_names("figure", wanted, gallery.names())
    _check_names("kind of file", kinds, KINDS)
    _check_names("metric", filter(None, (x, y)), METRICS)
    folder = measured_folder(results)
    _check_use(choices, wanted)

    from opbench import table

    loaded = table.load(folder, accuracies)
    for note in loaded.folder.notes:
        say(note)
    papers = ("light", "dark") if theme is Theme.both else (theme.value,)
    jobs = [
        Job(name=name, table=loaded, options=gallery.Options(theme=paper, **choices), kinds=kinds)  # type: ignore[arg-type]
        for paper in papers
        for name in wanted
    ]
    pages = _drawn(jobs, draw_all(jobs), asked=bool(figures))
    _write(pages, out or folder / "figures")


_FLAGS = {"families": "family", "batch_sizes": "batch-size", "chart2016": "with"}


def _check_names(kind: str, names: Iterable[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            raise UnknownNameError(kind, name, known, see=f"choose from {', '.join(known)}")


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
            say(f"{job.name} is not drawn: {page}")
    return files


def _write(pages: dict[str, bytes], folder: Path) -> None:
    for name, data in pages.items():
        path = folder / name
        files.write(path, data, remedy="choose another folder with --out")
        write(f"{path}\n")
