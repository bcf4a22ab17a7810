"""The sheet a figure is drawn on: headline, subtitle, legends, plotting area, caption.

Margins are inches, so that type keeps its distance whatever the size of the figure.  Legends
stand above the plot, where no network can lie under them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, sqrt
from textwrap import wrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from opbench.escapes import printable
from opbench.figures.parts.blobs import Sizing
from opbench.figures.parts.style import colour

_CAPTION = "caption"
_CAPTION_SIZE = 9.5
_CAPTION_LINE = 0.18  # inches
_POINTS_PER_CHARACTER = 0.435  # mean advance of the typeface, in units of its size
_HEAD = 1.12  # inches of headline over the plotting area
_LEGEND = 0.24  # inches of a row of the legend
_ENTRIES = 5  # of the legend in a row


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The words around a plot.

    ``legend`` is set in rows above the plot, ``sizing`` explained at the right of the headline;
    lengths are inches.  ``names`` keeps a line of the caption free for ``note_names``.  The caption
    takes no room unless ``notes`` puts it into the figure.
    """

    title: str
    subtitle: str
    caption: str
    legend: Sequence[Line2D] = ()
    sizing: Sizing | None = None
    width: float = 13.0
    height: float = 8.8
    left: float = 0.85
    right: float = 0.45
    axis: float = 0.75
    panel_titles: bool = False
    names: bool = False
    notes: str = "figure"

    @property
    def above(self) -> float:
        """Inches over the plotting area."""
        rows = ceil(len(self.legend) / _ENTRIES)
        legend = 0.1 + _LEGEND * rows if rows else 0.0
        return _HEAD + legend + (0.25 if self.panel_titles else 0.0)

    @property
    def below(self) -> float:
        """Inches under the plotting area."""
        return (0.3 if self.captioned else 0.0) + _caption_inches(self) + self.axis

    @property
    def captioned(self) -> bool:
        """True when the caption is drawn."""
        return self.notes == "figure"

    def with_plot_height(self, inches: float) -> Sheet:
        """Return the sheet with a plotting area of this height, in inches."""
        return replace(self, height=self.above + inches + self.below)


def sheet(words: Sheet) -> tuple[Figure, tuple[float, float, float, float]]:
    """A figure with its words set, and the plotting area left (left, bottom, right, top in 0…1)."""
    figure = Figure(figsize=(words.width, words.height), dpi=160)
    left = words.left / words.width
    figure.text(left, _up(words, 0.42), words.title, size=21, weight="bold", va="center")
    figure.text(left, _up(words, 0.78), words.subtitle, size=13, color=colour("muted"), va="center")
    figure.text(
        left, (0.22 + _caption_inches(words)) / words.height, _caption_text(words),
        size=_CAPTION_SIZE, color=colour("muted"), va="top", linespacing=1.35, gid=_CAPTION,
        visible=words.captioned,
    )  # fmt: skip
    if words.legend:
        _set_legend(figure, words)
    if words.sizing is not None:
        _explain_sizes(figure, words, words.sizing)
    right, top = 1 - words.right / words.width, _up(words, words.above)
    return figure, (left, words.below / words.height, right, top)


def note_names(figure: Figure, counts: Sequence[tuple[int, int]]) -> None:
    """Say under the figure how many of how many names each panel shows, unless it shows all."""
    if all(shown == wanted for shown, wanted in counts):
        return
    text = _caption_of(figure)
    listed = " and ".join(f"{shown:,} of {wanted:,}" for shown, wanted in counts)
    note = f"{listed} networks are named; there was no room for the other names."
    text.set_text(f"{text.get_text()}\n{note}")


def caption(figure: Figure) -> str:
    """Return the sentences that belong under ``figure``, a paragraph each, drawn or not."""
    return _caption_of(figure).get_text()


def _caption_of(figure: Figure) -> Text:
    (found,) = (text for text in figure.texts if text.get_gid() == _CAPTION)
    return found


def single_axes(words: Sheet) -> tuple[Figure, Axes]:
    """A sheet with one plot on it."""
    figure, (left, bottom, right, top) = sheet(words)
    return figure, figure.add_axes((left, bottom, right - left, top - bottom))


def _up(words: Sheet, inches_from_top: float) -> float:
    return 1 - inches_from_top / words.height


def _set_legend(figure: Figure, words: Sheet) -> None:
    figure.legend(
        handles=list(words.legend), loc="upper left", ncols=_ENTRIES, fontsize=11,
        handletextpad=0.1, columnspacing=1.1, labelspacing=0.35, borderpad=0,
        borderaxespad=0, handlelength=1.4,
        bbox_to_anchor=((words.left - 0.06) / words.width, _up(words, _HEAD - 0.1)),
    )  # fmt: skip


def _explain_sizes(figure: Figure, words: Sheet, sizing: Sizing) -> None:
    """The discs of the legend's sizes in a row, their bottoms on one line, the largest last."""
    floor = max(words.above - 0.36 - (0.25 if words.panel_titles else 0.0), 1.0)
    canvas = figure.add_axes((0, 0, 1, 1), zorder=-1)
    canvas.set_axis_off()
    canvas.set(xlim=(0, words.width), ylim=(words.height, 0))
    x = words.width - words.right
    for value in reversed(sizing.legend):
        radius = sqrt(value * sizing.scale) / 2 / 72
        x -= radius
        canvas.scatter(
            [x], [floor - radius], s=value * sizing.scale, facecolors="none",
            edgecolors=colour("muted"), linewidths=0.9,
        )  # fmt: skip
        canvas.text(
            x, floor + 0.1, f"{value:g}", ha="center", va="center", size=9.5, color=colour("muted")
        )
        x -= radius + 0.09
    canvas.text(
        x - 0.03, floor - 0.12, sizing.words, ha="right", va="center", size=10.5,
        color=colour("muted"), linespacing=1.15,
    )  # fmt: skip


def _caption_inches(words: Sheet) -> float:
    lines = len(_caption_lines(words)) + words.names
    return _CAPTION_LINE * lines if words.captioned else 0.0


def _caption_text(words: Sheet) -> str:
    """Return the caption, broken into lines where it is drawn."""
    return "\n".join(_caption_lines(words)) if words.captioned else _caption(words)


def _caption_lines(words: Sheet) -> list[str]:
    inches = words.width - words.left - 0.45
    characters = int(inches * 72 / (_CAPTION_SIZE * _POINTS_PER_CHARACTER))
    text = re.sub(r"(\d) %", "\\1\N{NO-BREAK SPACE}%", _caption(words))
    return [line for each in text.split("\n") for line in wrap(each, characters)]


def _caption(words: Sheet) -> str:
    """Return the caption, whose text may be from files, as letters that can be drawn."""
    return "\n".join(printable(each) for each in words.caption.split("\n"))
