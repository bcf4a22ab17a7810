"""The sheet a figure is drawn on: headline, subtitle, plotting area, caption.

Margins are inches, so that type keeps its distance whatever the size of the figure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from textwrap import wrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opbench.figures._style import colour

_CAPTION_SIZE = 9.5
_CAPTION_LINE = 0.18  # inches
_ABOVE = 1.15  # inches of headline over the plotting area
_POINTS_PER_CHARACTER = 0.435  # mean advance of the typeface, in units of its size


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The words around a plot."""

    title: str
    subtitle: str
    caption: str
    width: float = 13.0
    height: float = 8.8
    left: float = 0.85
    right: float = 0.45
    axis: float = 0.75

    def with_plot_height(self, inches: float) -> Sheet:
        """The same words around a plotting area of that height."""
        return replace(self, height=_ABOVE + inches + _below(self))


def sheet(words: Sheet) -> tuple[Figure, tuple[float, float, float, float]]:
    """A figure with its words set, and the plotting area left (left, bottom, right, top in 0…1)."""
    figure = Figure(figsize=(words.width, words.height), dpi=160)
    lines = _caption_lines(words)
    left = words.left / words.width
    above = 1 - 0.42 / words.height
    figure.text(left, above, words.title, size=21, weight="bold", va="center")
    figure.text(
        left, above - 0.36 / words.height, words.subtitle, size=13, color=colour("muted"),
        va="center",
    )  # fmt: skip
    figure.text(
        left,
        (0.22 + _CAPTION_LINE * len(lines)) / words.height,
        "\n".join(lines),
        size=_CAPTION_SIZE,
        color=colour("muted"),
        va="top",
        linespacing=1.35,
    )
    return figure, (
        left,
        _below(words) / words.height,
        1 - words.right / words.width,
        1 - _ABOVE / words.height,
    )


def single_axes(words: Sheet) -> tuple[Figure, Axes]:
    """A sheet with one plot on it."""
    figure, (left, bottom, right, top) = sheet(words)
    return figure, figure.add_axes((left, bottom, right - left, top - bottom))


def _below(words: Sheet) -> float:
    return 0.3 + _CAPTION_LINE * len(_caption_lines(words)) + words.axis


def _caption_lines(words: Sheet) -> list[str]:
    inches = words.width - words.left - words.right
    characters = int(inches * 72 / (_CAPTION_SIZE * _POINTS_PER_CHARACTER))
    return [line for paragraph in words.caption.split("\n") for line in wrap(paragraph, characters)]
