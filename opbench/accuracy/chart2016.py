"""The fourteen points of the chart that opbench is named after.

Decoded from the authors' published vector figure.  Operations are as printed there: a
multiply-accumulate is two, and biases, activation functions and pooling count.  They are facts
about the chart, not about the networks: AlexNet's are counted as if it had no groups, and
Inception-v4's belong to another network.

Reference:
    A. Canziani, A. Paszke, E. Culurciello.  "An Analysis of Deep Neural Network Models for
    Practical Applications."  arXiv:1605.07678, Figures 1, 2 and 10.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from opbench.files import RowError, number, percent, read_rows

CHART = Path(__file__).with_name("chart2016.csv")
COLUMNS = (
    "architecture",
    "label",
    "top1_percent",
    "gops_2xmac",
    "params_millions",
    "correction",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartPoint:
    """One blob.  ``architecture`` is a name of the registry or of ``PUBLISHED_ONLY``.

    ``correction`` says why its operations are not those of today's count, where the chart's own
    rule (``opbench.conventions.chart2016``) does not explain it.
    """

    architecture: str
    label: str
    top1_percent: float
    gops_2xmac: float
    params_millions: float
    correction: str


@cache
def load_chart2016(path: Path | None = None) -> tuple[ChartPoint, ...]:
    """Read all points, by ascending top-1.  Raises ``BadFileError`` naming file and line."""
    points = [point for _, point in read_rows(path or CHART, COLUMNS, _point)]
    return tuple(sorted(points, key=lambda point: point.top1_percent))


def _point(row: dict[str, str]) -> ChartPoint:
    top1 = percent(row, "top1_percent")
    if top1 is None or not row["label"] or not row["architecture"]:
        raise RowError("architecture, label or top1_percent is empty: fill in all three")
    return ChartPoint(
        architecture=row["architecture"],
        label=row["label"],
        top1_percent=top1,
        gops_2xmac=_positive(row, "gops_2xmac"),
        params_millions=_positive(row, "params_millions"),
        correction=row["correction"],
    )


def _positive(row: dict[str, str], column: str) -> float:
    value = number(row, column)
    if value <= 0:
        raise RowError(f"{column} is {row[column]}: write a number above 0")
    return value
