"""A network's artefacts side by side, for ``opbench show``: accuracy lost against time won."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opbench.cli.artefacts import (
    FASTER,
    FRONTIER,
    LATENCY,
    LOST,
    OTHERS,
    PRECISION,
    RUNTIME,
    artefact_row,
)
from opbench.cli.columns import TOP1, Column
from opbench.cli.render import WIDER, Format, heading, indented, render
from opbench.spec import dataset_label

if TYPE_CHECKING:
    from opbench.table import Folder

_COLUMNS = (
    FRONTIER,
    RUNTIME,
    replace(PRECISION, keep=True),
    LATENCY,
    TOP1,
    LOST,
    FASTER,
    Column(key="dataset", title="data set", show=lambda key: dataset_label(key) if key else ""),
    Column(key="batch_size", title="batch", right=True),
    Column(key="settings", title="settings"),
    *OTHERS,
)


def render_artefacts(name: str, results: Path) -> str:
    """Render what was timed of a network, "" where nothing was, or nothing can be told apart."""
    from opbench.table import read_folder

    folder = read_folder(results)
    rows = [artefact_row(each) for each in folder.artefacts if each.name == name]
    broken = "".join(indented(each) for each in dict.fromkeys(_differing(name, folder)))
    if not rows and not broken:
        return ""
    table = render(_sorted(rows), Format.table, _COLUMNS, more=WIDER) if rows else ""
    return f"\n{heading('Artefacts: time won and accuracy lost')}{table}{broken}"


def _differing(name: str, folder: Folder) -> list[str]:
    """Return a sentence for each that is none: its outputs are not those of the network."""
    return [
        f"{each.failure.cell.execution}, {each.failure.cell.dtype}: {each.failure.reason}"
        for each in folder.failures
        if each.failure.cell.name == name and each.differs
    ]


def _sorted(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Order rows by machine and batch, of which the fastest comes first."""
    keys = ("machine", "device", "batch_size", "latency_s", "dataset")
    return sorted(rows, key=lambda row: tuple(row[key] or "" for key in keys))
