"""The accuracies of timm's weights, from the table of results that it publishes.

timm's wheel holds none.  An update without the table keeps those that are on file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from opbench.files import RowError, bad_line, number, percent, read_rows
from opbench.value import AtLeastOne, Natural, Text, Value
from opbench.zoo.rows import Percent, ZooRow

_COLUMNS = (
    "model", "img_size", "top1", "top1_err", "top5", "top5_err", "param_count", "crop_pct",
    "interpolation",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Result(Value):
    """The accuracy of a set of weights on square images, and its parameters as printed."""

    weights: Text
    side: AtLeastOne
    top1: Percent | None
    top5: Percent | None
    stated_params: Natural | None


def read_results(path: Path) -> list[Result]:
    """Read ``results-imagenet.csv``.  Raises ``BadFileError`` naming file, line and column."""
    seen: dict[tuple[str, int], int] = {}
    found = []
    for line, result in read_rows(path, _COLUMNS, _result):
        key = (result.weights, result.side)
        if key in seen:
            raise bad_line(
                path, line, f"{key[0]} at {key[1]} is on line {seen[key]} too: remove one"
            )
        seen[key] = line
        found.append(result)
    return found


def on_file(rows: Iterable[ZooRow]) -> list[Result]:
    """Return the accuracies of rows that are on file."""
    return [
        Result(
            weights=row.weights,
            side=row.input_size[-1],
            top1=row.top1,
            top5=row.top5,
            stated_params=row.stated_params,
        )
        for row in rows
        if row.top1 is not None
    ]


def _result(row: dict[str, str]) -> Result:
    side = number(row, "img_size")
    if side < 1 or side % 1 or side > 2**16:
        raise RowError(f"img_size is {row['img_size']!r}: write the pixels of one side")
    millions = number({"param_count": row["param_count"].replace(",", "")}, "param_count")
    if not 0 <= millions < 1e9:
        raise RowError(f"param_count is {row['param_count']!r}: write millions of parameters")
    if not row["model"]:
        raise RowError("model is empty: write the name of the weights")
    return Result(
        weights=row["model"],
        side=int(side),
        top1=percent(row, "top1"),
        top5=percent(row, "top5"),
        stated_params=round(millions * 1e6),
    )
