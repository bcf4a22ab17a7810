"""A results folder, read once and joined: networks, cells, frontier, fits.

    folder      every file of a results folder as typed values, and the rules that join them
    networks    a network: counts for one image, accuracy
    cells       a timed cell: conditions, and which of several counts
    frames      the same values as data frames
    frontier    the Pareto frontier
    fits        lines and rank correlation

A figure draws from a ``Table``, which holds the typed values and their data frames.  Nothing is
dropped: a network without an accuracy keeps its row, a network that was measured and is in no
registry gets one, a cell that failed is a row with its reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from opbench.table.folder import Folder, collecting_nothing, read_folder
from opbench.table.frames import (
    ceilings_frame,
    cells_frame,
    chart2016_frame,
    failures_frame,
    networks_frame,
)
from opbench.table.networks import SINGLE_CROP, published_only

__all__ = ["SINGLE_CROP", "Folder", "Table", "load", "read_folder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Everything a figure may draw.

    folder       the typed values
    networks     one row per network: exact counts for one image, its accuracy
    unrunnable   one row per network of the 2016 chart whose definition was never published
    cells        one row per measured cell of the runs, with its network's columns beside it
    failures     one row per cell that could not be measured
    ceilings     the highest rates of each device in each run
    chart2016    the fourteen points of the 2016 chart
    """

    folder: Folder
    networks: pd.DataFrame
    unrunnable: pd.DataFrame
    cells: pd.DataFrame
    failures: pd.DataFrame
    ceilings: pd.DataFrame
    chart2016: pd.DataFrame

    @classmethod
    def of(cls, folder: Folder) -> Table:
        """Return the table of a folder that has been read."""
        networks = networks_frame(folder.networks)
        return cls(
            folder=folder,
            networks=networks,
            unrunnable=networks_frame(published_only(folder.chart2016)),
            cells=cells_frame(folder.cells, networks),
            failures=failures_frame(folder.failures),
            ceilings=ceilings_frame(folder.ceilings),
            chart2016=chart2016_frame(folder.chart2016),
        )


@collecting_nothing()
def load(results: Path, accuracies: Path | None = None) -> Table:
    """Return the table of a results folder; the CSV ``accuracies`` wins over published figures.

    Raises ``BadFileError`` naming the file.
    """
    return Table.of(read_folder(results, accuracies))
