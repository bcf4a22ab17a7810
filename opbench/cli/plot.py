"""``opbench plot``: figures from files, without torch.

The rule it embodies: everything is drawn before anything is written, so that a figure that cannot
be drawn leaves no half-finished folder; the same input gives the same bytes.
"""

from __future__ import annotations

from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opbench.errors import BadFileError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FORMATS = ("svg", "png")

# Without dates and versions: a file changes when its content does.
_METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": "opbench"},
    "png": {"Software": "opbench"},
}


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


def plot(
    figures: Annotated[
        list[str] | None, typer.Argument(metavar="[FIGURE]...", help="Names; all by default.")
    ] = None,
    results: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the measurements lie.")
    ] = Path("results"),
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to draw; RESULTS/figures by default.")
    ] = None,
    unit: Annotated[
        Unit, typer.Option(help="Count a multiply-add as 2 operations or as 1 MAC.")
    ] = Unit.ops,
    with_: Annotated[
        list[Overlay] | None, typer.Option("--with", help="Lay published points over the chart.")
    ] = None,
    theme: Annotated[Theme, typer.Option(help="Light or dark paper.")] = Theme.light,
) -> None:
    """Draw figures as SVG and PNG, and print their paths."""
    from opbench import figures as gallery

    wanted = list(dict.fromkeys(figures or gallery.names()))
    for name in wanted:
        gallery.describe(name)  # a misspelt name is answered before anything is loaded
    _check_folder(results)

    from opbench import table

    options = gallery.Options(
        unit=unit.value, chart2016=Overlay.chart2016 in (with_ or ()), theme=theme.value
    )
    pages = _draw(wanted, table.load(results), options)
    for path in _write(pages, out or results / "figures", suffix=_suffix(theme)):
        typer.echo(path)


def _check_folder(results: Path) -> None:
    if not results.is_dir() and results != Path("results"):
        raise BadFileError(f"there is no folder {results}: `opbench run --results DIR` makes one")


def _suffix(theme: Theme) -> str:
    return "" if theme is Theme.light else f"-{theme.value}"


def _draw(names: list[str], table: Any, options: Any) -> dict[str, dict[str, bytes]]:
    from opbench import figures as gallery
    from opbench.figures._style import theme

    pages = {}
    with theme(options.theme):
        for name in names:
            figure = gallery.find(name)(table, options)
            pages[name] = {kind: _rendered(figure, kind) for kind in _FORMATS}
    return pages


def _rendered(figure: Figure, kind: str) -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, format=kind, metadata=_METADATA[kind])
    return buffer.getvalue()


def _write(pages: dict[str, dict[str, bytes]], out: Path, *, suffix: str) -> list[Path]:
    paths = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, page in pages.items():
            for kind, data in page.items():
                path = out / f"{name}{suffix}.{kind}"
                path.write_bytes(data)
                paths.append(path)
    except OSError as error:
        raise BadFileError(
            f"{error.filename or out} cannot be written: {error.strerror}: "
            "choose another folder with --out"
        ) from None
    return paths
