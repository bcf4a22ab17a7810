"""Published accuracies, each with its protocol and the place where it is printed.

    load_published()    every row of ``published.csv``, checked
    primaries()         the one figure per architecture that charts use
    load_chart2016()    the fourteen points of the 2016 chart
    wilson_interval()   how far a percentage on so many test images can be trusted

Standard library only: neither torch nor pandas.
"""

from __future__ import annotations

from opbench.accuracy.chart2016 import ChartPoint, load_chart2016
from opbench.accuracy.interval import TEST_IMAGES, top1_interval, wilson_interval
from opbench.accuracy.published import (
    EVIDENCE,
    PROTOCOLS,
    PUBLISHED_ONLY,
    Accuracy,
    load_published,
    primaries,
    primary,
)

__all__ = [
    "EVIDENCE",
    "PROTOCOLS",
    "PUBLISHED_ONLY",
    "TEST_IMAGES",
    "Accuracy",
    "ChartPoint",
    "load_chart2016",
    "load_published",
    "primaries",
    "primary",
    "top1_interval",
    "wilson_interval",
]
