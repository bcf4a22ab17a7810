"""``opbench plot``: figures from files, without torch.

The rule it embodies: everything is drawn before anything is written, so that a figure that cannot
be drawn leaves no half-finished folder; the same input gives the same bytes.  A figure whose
measurements are missing says what to run to get them, and the others are drawn.
"""

from __future__ import annotations

import os
import signal
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opbench.cli.options import Accuracies, Results, measured_folder
from opbench.cli.render import say, write
from opbench.errors import BadFileError, BadValueError, MissingDataError, UnknownNameError
from opbench.metrics import METRICS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from opbench.figures import Options
    from opbench.table import Table

# Without dates and versions: a file changes when its content does.
_METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": "opbench"},
    "png": {"Software": "opbench"},
    "pdf": {"CreationDate": None, "Creator": "opbench", "Producer": "opbench"},
}

# The bytes of a figure by kind of file.
Page = dict[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One figure on one paper."""

    name: str
    table: Table
    options: Options
    kinds: list[str]


class Unit(StrEnum):
    """What the cost axis counts."""

    ops = "ops"
    macs = "macs"


class Overlay(StrEnum):
    """What can be laid over a figure."""

    chart2016 = "chart2016"


class Theme(StrEnum):
    """Paper."""

    light = "light"
    dark = "dark"
    both = "both"


def plot(
    figures: Annotated[
        list[str] | None, typer.Argument(metavar="FIGURE", help="Names; all by default.")
    ] = None,
    results: Results = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to draw; RESULTS/figures by default.")
    ] = None,
    unit: Annotated[
        Unit, typer.Option(help="Count a multiply-add as 2 operations or as 1 MAC.")
    ] = Unit.ops,
    with_: Annotated[
        list[Overlay] | None, typer.Option("--with", help="Lay published points over the chart.")
    ] = None,
    x: Annotated[str, typer.Option(metavar="METRIC", help="What lies on the x axis.")] = "",
    y: Annotated[str, typer.Option(metavar="METRIC", help="What lies on the y axis.")] = "",
    log: Annotated[
        bool | None, typer.Option(help="Logarithmic axes; each figure has its own default.")
    ] = None,
    family: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="Only these families.")
    ] = None,
    highlight: Annotated[
        list[str] | None, typer.Option(metavar="TARGET", help="Bring these networks forward.")
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Name these networks only; frontier: the best ones."),
    ] = None,
    device: Annotated[
        str, typer.Option(help="Timings of this device: cpu, cuda:0 or part of its name.")
    ] = "",
    dtype: Annotated[str, typer.Option(help="Timings in this data type.")] = "",
    batch_size: Annotated[
        str, typer.Option(metavar="N[,N]...", help="Timings at these batch sizes.")
    ] = "",
    accuracies: Accuracies = None,
    theme: Annotated[Theme, typer.Option(help="Paper.")] = Theme.light,
    as_: Annotated[
        str, typer.Option("--as", metavar="KIND[,KIND]...", help="Kinds of file to write.")
    ] = "svg,png,pdf",
) -> None:
    """Draw figures as SVG, PNG and PDF, and print their paths."""
    from opbench import figures as gallery

    wanted = list(dict.fromkeys(figures or gallery.names()))
    for name in wanted:
        gallery.describe(name)  # a misspelt name is answered before anything is loaded
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
        "batch_sizes": _batch_sizes(batch_size),
        "chart2016": Overlay.chart2016 in (with_ or ()),
    }
    kinds = _kinds(as_)
    _check(x, y)
    folder = measured_folder(results)
    usual = gallery.Options()
    chosen = [key for key, value in choices.items() if value != getattr(usual, key)]
    _check_use({_FLAGS.get(key, key) for key in chosen}, wanted)

    from opbench import table

    loaded = table.load(folder, accuracies)
    for note in loaded.folder.notes:
        say(note)
    papers = ("light", "dark") if theme is Theme.both else (theme.value,)
    jobs = [
        _Job(name=name, table=loaded, options=gallery.Options(theme=paper, **choices), kinds=kinds)  # type: ignore[arg-type]
        for paper in papers
        for name in wanted
    ]
    pages = _pages(jobs, _draw_all(jobs), asked=bool(figures))
    for path in _write(pages, out or folder / "figures"):
        write(f"{path}\n")


_FLAGS = {"families": "family", "batch_sizes": "batch-size", "chart2016": "with"}


def _batch_sizes(text: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError:
        sizes = (0,)
    if any(size < 1 for size in sizes):
        raise BadValueError(f"the batch sizes {text!r} are not positive integers such as 1,16")
    return sizes


def _kinds(text: str) -> list[str]:
    kinds = [kind.strip() for kind in text.split(",")]
    for kind in kinds:
        if kind not in _METADATA:
            raise UnknownNameError(
                "kind of file", kind, _METADATA, see="there are svg, png and pdf"
            )
    return kinds


def _check(x: str, y: str) -> None:
    for name in filter(None, (x, y)):
        if name not in METRICS:
            raise UnknownNameError("metric", name, METRICS, see=f"there are {', '.join(METRICS)}")


def _check_use(flags: set[str], wanted: list[str]) -> None:
    """Refuse an option that none of the wanted figures knows: it would be ignored in silence."""
    from opbench import figures as gallery

    for flag in sorted(flags):
        if not any(flag in gallery.takes(name) for name in wanted):
            able = [name for name in gallery.names() if flag in gallery.takes(name)]
            raise BadValueError(
                f"--{flag} does nothing for {', '.join(wanted)}: it is for {', '.join(able)}"
            )


def _draw_all(jobs: list[_Job]) -> list[Page | MissingDataError]:
    """Each figure drawn, or what it lacks; several in as many processes as there are cores."""
    workers = min(os.cpu_count() or 1, len(jobs))
    if workers < 2:
        return [_draw(job) for job in jobs]
    # Spawned, because a fork of a process with a library's threads may hang.
    with ProcessPoolExecutor(workers, get_context("spawn"), _leave_interrupts_to_us) as pool:
        return list(pool.map(_draw, jobs))


def _leave_interrupts_to_us() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _draw(job: _Job) -> Page | MissingDataError:
    from opbench import figures as gallery
    from opbench.figures.parts.style import theme

    try:
        with theme(job.options.theme):
            figure = gallery.find(job.name)(job.table, job.options)
            title = gallery.describe(job.name)
            return {kind: _rendered(figure, kind, title) for kind in job.kinds}
    except MissingDataError as error:
        return error


def _pages(
    jobs: list[_Job], drawn: list[Page | MissingDataError], *, asked: bool
) -> dict[str, Page]:
    """The pages by name.  What lacks measurements is said, or raised when ``asked`` for."""
    pages = {}
    for job, page in zip(jobs, drawn, strict=True):
        if isinstance(page, MissingDataError):
            if asked:
                raise MissingDataError(f"{job.name}: {page}")
            say(f"{job.name} is not drawn: {page}")
        else:
            pages[job.name + ("" if job.options.theme == "light" else "-dark")] = page
    return pages


def _rendered(figure: Figure, kind: str, title: str) -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, format=kind, metadata={**_METADATA[kind], "Title": title})
    return buffer.getvalue()


def _write(pages: dict[str, Page], out: Path) -> list[Path]:
    paths = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, page in pages.items():
            for kind, data in page.items():
                path = out / f"{name}.{kind}"
                path.write_bytes(data)
                paths.append(path)
    except OSError as error:
        raise BadFileError(
            f"{error.filename or out} cannot be written: {error.strerror}: "
            "choose another folder with --out"
        ) from None
    return paths
