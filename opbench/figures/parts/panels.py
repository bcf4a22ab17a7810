"""Two panels: the same plot at a small and at a larger batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opbench.figures.parts import select
from opbench.figures.parts.frame import Sheet, note_names, sheet
from opbench.figures.parts.labels import Count
from opbench.figures.parts.options import Options

_BATCHES = (1, 16)
_GUTTER = 0.75  # inches
_STACK = 0.85  # inches between panels that stand on each other

Draw = Callable[[Axes, pd.DataFrame], Count]


def wanted_batches(frame: pd.DataFrame, options: Options) -> list[int]:
    """The batches of the reader, or the paper's 1 and 16, as far as they were measured."""
    return select.batches(frame, options, _BATCHES, most=2)


def draw_panels(words: Sheet, frame: pd.DataFrame, batches: list[int], draw: Draw) -> Figure:
    """``draw`` on one set of axes for the cells of each batch, side by side."""
    figure, (left, bottom, right, top) = sheet(words)
    gutter = _GUTTER / words.width
    wide = (right - left - gutter * (len(batches) - 1)) / len(batches)
    places = [(left + k * (wide + gutter), bottom, wide, top - bottom) for k in range(len(batches))]
    return _draw_all(figure, places, frame, batches, draw)


def stack_panels(words: Sheet, frame: pd.DataFrame, batches: list[int], draw: Draw) -> Figure:
    """Stack panels one above the other, for data that spread in x."""
    figure, (left, bottom, right, top) = sheet(words)
    gutter = _STACK / words.height
    tall = (top - bottom - gutter * (len(batches) - 1)) / len(batches)
    steps = [k * (tall + gutter) for k in range(len(batches))]
    places = [(left, top - tall - step, right - left, tall) for step in steps]
    return _draw_all(figure, places, frame, batches, draw)


def _draw_all(
    figure: Figure,
    places: Sequence[tuple[float, float, float, float]],
    frame: pd.DataFrame,
    batches: Sequence[int],
    draw: Draw,
) -> Figure:
    counts = []
    for place, batch in zip(places, batches, strict=True):
        axes = figure.add_axes(place)
        axes.set_title(f"batch {batch}", loc="left", size=13, weight="semibold", pad=7)
        counts.append(draw(axes, frame[frame["batch_size"] == batch]))
    note_names(figure, counts)
    return figure
