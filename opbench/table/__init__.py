"""Facts, accuracies and timings, joined into one table.

The rule it embodies: what a figure draws has been checked.  Every column is present, of its kind
and within its domain before anything is drawn; a file that does not pass is named in the error.
Nothing is dropped: a network without an accuracy keeps its row, a network that was measured and
is in no registry gets one, a cell that failed is a row with its reason.

    Table.networks    one row per network: exact counts for one image, its accuracy
    Table.cells       one row per measured cell of the runs, with its network's columns beside it
    Table.ceilings    what each device was seen to reach in each run
    Table.failures    one row per cell that could not be measured
    Table.runs        the header of every run, oldest first
    Table.chart2016   the fourteen points of the 2016 chart
    Table.notes       sentences that whoever uses the table must see

Nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from opbench.accuracy import load_chart2016, primaries
from opbench.registry import counts_csv
from opbench.runs.store import read_run, run_files
from opbench.table.cells import measured, read_ceilings, read_cells, strangers
from opbench.table.networks import SINGLE_CROP, chart2016, join_networks, published_only
from opbench.table.own import join_own

__all__ = ["SINGLE_CROP", "Table", "load", "published_only"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Everything a figure may draw."""

    networks: pd.DataFrame
    cells: pd.DataFrame = field(default_factory=pd.DataFrame)
    failures: pd.DataFrame = field(default_factory=pd.DataFrame)
    ceilings: pd.DataFrame = field(default_factory=pd.DataFrame)
    runs: tuple[Mapping[str, Any], ...] = ()
    chart2016: pd.DataFrame = field(default_factory=pd.DataFrame)
    notes: tuple[str, ...] = ()


def load(results: Path, accuracies: Path | None = None) -> Table:
    """The table of a results directory; ``accuracies`` is a CSV that wins over published figures.

    Raises ``BadFileError`` naming the file.
    """
    counts = results / "counts.csv"
    runs = [read_run(path) for path in run_files(results)]
    cells, failures = read_cells(runs)
    facts = counts_csv.load(counts if counts.is_file() else None)
    others = strangers(cells, {fact.name for fact in facts})
    networks = join_networks([*facts, *others], primaries())
    notes = tuple(str(damage) for run in runs for damage in run.damages)
    if accuracies is not None:
        networks, more = join_own(networks, accuracies)
        notes += more
    return Table(
        networks=networks,
        cells=measured(cells, networks),
        failures=failures,
        ceilings=read_ceilings(runs),
        runs=tuple(run.header for run in runs),
        chart2016=chart2016(load_chart2016()),
        notes=notes,
    )
