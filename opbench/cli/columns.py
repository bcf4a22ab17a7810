"""Columns of the tables for people, and how their values are written.

Numbers are scaled and rounded here; ``json`` and ``csv`` have them as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from opbench.escapes import printable
from opbench.metrics import METRICS

Row = Mapping[str, Any]

_FURTHEST = 100


def text(value: Any) -> str:
    """Return the value unchanged, a list with commas, None as nothing."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column for people.

    key, also: the keys of the values that ``show`` writes.
    right: aligned to the right.
    keep: says what the row is: never leaves a table that is too wide.
    prose: may be wrapped; ``show`` may return several lines.
    note: stands below the table, with the rows that it is about.
    link: the key of the address that a cell leads to, in Markdown.
    caption: a sentence that stands under the table where the column is shown.
    """

    key: str
    title: str
    show: Callable[..., str] = text
    also: tuple[str, ...] = ()
    right: bool = False
    keep: bool = False
    prose: bool = False
    note: bool = False
    link: str = ""
    caption: str = ""

    def lines(self, row: Row) -> list[str]:
        """Return the printable lines of a cell; only prose has several, an empty cell none."""
        cell = self.show(*(row.get(key) for key in (self.key, *self.also)))
        return [printable(line) for line in (cell.split("\n") if self.prose else [cell]) if line]


def integer(value: Any) -> str:
    """Return ``1234567`` as ``1,234,567``, None as nothing."""
    return "" if value is None else f"{value:,}"


def scaled(factor: float, digits: int) -> Callable[[Any], str]:
    """Return a formatter that multiplies by ``factor`` and rounds, and shows None as nothing."""
    return lambda value: "" if value is None else f"{value * factor:,.{digits}f}"


def significant(factor: float) -> Callable[[Any], str]:
    """Return a formatter that multiplies by ``factor`` and keeps four digits, or whole numbers."""

    def shown(value: Any) -> str:
        if value is None:
            return ""
        number = value * factor
        return f"{number:,.0f}" if number >= 1000 else f"{number:#.4g}"

    return shown


def in_unit(metric: str, digits: int) -> Callable[[Any], str]:
    """Return a formatter that rounds in the unit of ``metric``."""
    return scaled(METRICS[metric].scale, digits)


def interval(show: Callable[[Any], str]) -> Callable[[Any, Any, Any], str]:
    """Return a formatter of a value and its interval, if it has one: ``1.3 (0.6-2.6)``.

    Ends more than ``_FURTHEST`` times larger or smaller than the value, which few and wild rounds
    give, are written as beyond that: ``1.3 (<0.013 to >130)``.
    """

    def shown(value: Any, low: Any, high: Any) -> str:
        if value is None or low is None:
            return show(value)
        least, most = value / _FURTHEST, value * _FURTHEST
        below = f"<{show(least)}" if low < least else show(low)
        above = f">{show(most)}" if high > most else show(high)
        between = " to " if low < least or high > most else "-"
        return f"{show(value)} ({below}{between}{above})"

    return shown


def percentage(value: Any, low: Any, high: Any) -> str:
    """Format a percentage, with both ends of its interval as they are where it has one."""
    show = scaled(1, 2)
    return (
        show(value) if value is None or low is None else f"{show(value)} ({show(low)}-{show(high)})"
    )


def as_printed(factor: float) -> Callable[[Any], str]:
    """Return ``scaled`` with two digits, without the zeros that a source did not print."""
    exact = scaled(factor, 2)
    return lambda value: "" if value is None else exact(value).rstrip("0").rstrip(".")


def metric_column(
    metric: str, digits: int, title: str | None = None, key: str = "", caption: str = ""
) -> Column:
    """Return the column of a metric, or of ``key`` in its unit; ``title`` replaces its label."""
    label = METRICS[metric].label if title is None else title
    return Column(
        key=key or metric,
        title=f"{label} {METRICS[metric].unit}".strip(),
        show=in_unit(metric, digits),
        right=True,
        caption=caption,
    )


TOP1 = Column(
    key="top1",
    also=("top1_low", "top1_high"),
    title="top-1 %",
    show=percentage,
    right=True,
    keep=True,
)
