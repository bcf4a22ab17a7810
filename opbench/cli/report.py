"""``opbench report``: the whole results folder as one HTML page that opens from disk.

The page is made whole before it is written, so that an older one stays until then.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opbench import files
from opbench.cli.options import Accuracies, Results, measured_folder
from opbench.cli.render import say, write


def report(
    results: Results = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File of the page; RESULTS/index.html by default."),
    ] = None,
    figures: Annotated[
        bool, typer.Option(help="Include the figures, which take most of the time.")
    ] = True,
    accuracies: Accuracies = None,
) -> None:
    """Write one self-contained interactive page, and print its path."""
    from opbench import claims, page, table

    folder = measured_folder(results)
    loaded = table.load(folder, accuracies)
    for note in loaded.folder.notes:
        say(note)
    drawn = page.pictures(loaded) if figures else ()
    for picture in drawn:
        if picture.missing:
            say(f"{picture.name} is not drawn: {picture.missing}")
    text = page.render(loaded, claims.evaluate(loaded.folder), drawn)
    path = out or folder / "index.html"
    files.write(path, text, remedy="choose another file with --out")
    write(f"{path}\n")
