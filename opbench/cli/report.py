"""``opbench report``: everything known, as one HTML page that opens from disk.

The rule it embodies: the page is made whole before it is written, and moved into its place at
once, so that an older page stays until there is a newer one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opbench.cli.options import Accuracies, Results, measured_folder
from opbench.cli.output import messages
from opbench.errors import BadFileError


def report(
    results: Results = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The page; RESULTS/index.html by default.")
    ] = None,
    figures: Annotated[
        bool, typer.Option(help="Put the figures in, which takes most of the time.")
    ] = True,
    accuracies: Accuracies = None,
) -> None:
    """Write one self-contained interactive page, and print its path."""
    from opbench import claims, page, table

    folder = measured_folder(results)
    loaded = table.load(folder, accuracies)
    for note in loaded.folder.notes:
        messages.print(note, markup=False)
    drawn = page.pictures(loaded) if figures else ()
    for picture in drawn:
        if picture.missing:
            messages.print(f"{picture.name} is not drawn: {picture.missing}", markup=False)
    text = page.render(loaded, claims.evaluate(loaded.folder), drawn)
    typer.echo(_write(text, out or folder / "index.html"))


def _write(text: str, path: Path) -> Path:
    """``text`` in ``path``, whole or not at all.  Raises ``BadFileError``."""
    half = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        half.write_text(text, encoding="utf-8")
        half.replace(path)
    except OSError as error:
        raise BadFileError(
            f"{path} cannot be written: {error.strerror}: choose another file with --out"
        ) from None
    return path
