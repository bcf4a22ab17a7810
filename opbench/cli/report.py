"""``opbench report``: the whole results folder as one HTML page that opens from disk.

The page is made whole before it is written, so that an older one stays until then.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opbench import files
from opbench.cli.options import Accuracies, DeviceOfTimings, Results, measured_folder
from opbench.cli.render import note, say, write
from opbench.errors import BadFileError
from opbench.escapes import printable


def report(
    results: Results = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="File of the page; RESULTS/index.html by default.",
        ),
    ] = None,
    figures: Annotated[
        bool, typer.Option(help="Include the figures, which take most of the time.")
    ] = True,
    zoo: Annotated[
        bool, typer.Option(help="Include torchvision's and timm's networks, from facts on file.")
    ] = True,
    accuracies: Accuracies = None,
    device: DeviceOfTimings = "all",
) -> None:
    """Write one self-contained interactive page, and print its path.

    Examples:
        opbench report
        opbench report --output page.html --accuracies mine.csv
        opbench report --device h100
    """
    from opbench import claims, page
    from opbench.table.frames import load

    folder = measured_folder(results)
    path = output or folder / "index.html"
    if path.is_dir():  # told before the figures are drawn
        raise BadFileError(f"{path} is a folder: name a file with --output")
    loaded = load(folder, accuracies, device="" if device == "all" else device)
    for sentence in loaded.folder.notes:
        say(f"warning: {sentence}")
    drawn = page.pictures(loaded) if figures else ()
    for picture in drawn:
        if picture.missing:
            note(f"{picture.name} is not drawn: {picture.missing}")
    weights = page.stated_by_libraries(loaded) if zoo else ()
    text = page.render(loaded, claims.evaluate(loaded.folder), drawn, weights)
    files.write(path, text, remedy="choose another file with --output")
    write(f"{printable(str(path))}\n")
