"""Panels: the same plot of different rows, at a small and at a larger batch for instance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

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
Panels = Mapping[str, pd.DataFrame]  # the rows of each, by its title


def wanted_batches(frame: pd.DataFrame, options: Options) -> list[int]:
    """The batches of the reader, or the paper's 1 and 16, as far as they were measured."""
    return select.batches(frame, options, _BATCHES, most=2)


def by_batch(frame: pd.DataFrame, batches: Sequence[int]) -> Panels:
    """Return the cells of each batch, under its title."""
    return {f"batch {batch}": frame[frame["batch_size"] == batch] for batch in batches}


def draw_panels(words: Sheet, panels: Panels, draw: Draw) -> Figure:
    """``draw`` on one set of axes for the rows of each panel, side by side."""
    figure, (left, bottom, right, top) = sheet(words)
    gutter = _GUTTER / words.width
    wide = (right - left - gutter * (len(panels) - 1)) / len(panels)
    places = [(left + k * (wide + gutter), bottom, wide, top - bottom) for k in range(len(panels))]
    return _draw_all(figure, places, panels, draw)


def stack_panels(words: Sheet, panels: Panels, draw: Draw) -> Figure:
    """Stack panels one above the other, for data that spread in x."""
    figure, (left, bottom, right, top) = sheet(words)
    gutter = _STACK / words.height
    tall = (top - bottom - gutter * (len(panels) - 1)) / len(panels)
    steps = [k * (tall + gutter) for k in range(len(panels))]
    places = [(left, top - tall - step, right - left, tall) for step in steps]
    return _draw_all(figure, places, panels, draw)


def _draw_all(
    figure: Figure,
    places: Sequence[tuple[float, float, float, float]],
    panels: Panels,
    draw: Draw,
) -> Figure:
    counts = []
    for place, (title, rows) in zip(places, panels.items(), strict=True):
        axes = figure.add_axes(place)
        axes.set_title(title, loc="left", size=13, weight="semibold", pad=7)
        counts.append(draw(axes, rows))
    note_names(figure, counts)
    return figure
