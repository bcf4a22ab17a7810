"""List comparisons beside the runs of a results folder."""

from __future__ import annotations

from pathlib import Path

from opbench.live.comparison import names
from opbench.live.lines import COMPARISON, read_comparison
from opbench.runs.listing import Contents, Kind, first_of


def _comparison(path: Path) -> Contents:
    file = read_comparison(path)
    failures = sum(each.failure is not None for each in file.compared)
    return Contents(
        file=file,
        finished=file.finished,
        label=first_of(names(each.sides) for each in file.compared),
        cells=len(file.compared),
        records=sum(bool(each.pairs) and not each.failure for each in file.compared),
        failures=failures,
    )


COMPARISONS = Kind(format=COMPARISON, read=_comparison)
