"""Labels that overlap neither each other nor the blobs, with leader lines to the centres.

The placing is textalloc's, which gives each label in turn the first free place of a fixed list.
What is free depends on the order of turns, so fixed orders are tried until one places every label
with leaders that tell which blob they mean: the same points give the same labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import textalloc
from matplotlib.axes import Axes
from matplotlib.text import Text

from opbench.figures._style import colour

Line = tuple[list[float], list[float]]

_TURNS = (("area", False), ("area", True), ("x", True), ("x", False), ("y", False), ("y", True))
_SHUFFLES = 8
_CLOSE = 6.0  # pixels from a leader to the centre of another blob


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """Blobs in data units; ``areas`` in square points; an empty label is an obstacle only."""

    x: Sequence[float]
    y: Sequence[float]
    areas: Sequence[float]
    labels: Sequence[str]

    def __add__(self, other: Points) -> Points:
        return Points(
            x=[*self.x, *other.x],
            y=[*self.y, *other.y],
            areas=[*self.areas, *other.areas],
            labels=[*self.labels, *other.labels],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """``penalty``: labels without a place, leaders that mislead, and the length of all leaders."""

    texts: list[Any]
    lines: list[Any]
    penalty: tuple[int, int, float]

    @property
    def flawless(self) -> bool:
        return self.penalty[:2] == (0, 0)

    def remove(self) -> None:
        for artist in (*self.texts, *self.lines):
            if artist is not None:
                artist.remove()


def place(
    axes: Axes, points: Points, lines: Sequence[Line] = (), *, size: float = 10.5
) -> list[Text]:
    """Write each label beside its blob and keep clear of ``lines`` (polylines in data units).

    Call it last: it needs the final limits of the axes.
    """
    frame = pd.DataFrame(
        {"x": points.x, "y": points.y, "area": points.areas, "label": points.labels}
    )
    named = frame[frame["label"] != ""]
    axes.scatter(named["x"], named["y"], s=3, color=colour("ink"), linewidths=0, zorder=4)
    best = _Attempt(texts=[], lines=[], penalty=(len(named) + 1, 0, 0.0))
    for order in _orders(named):
        attempt = _try(axes, frame, named.loc[order], lines, size)
        worse, best = sorted((attempt, best), key=lambda tried: tried.penalty, reverse=True)
        worse.remove()
        if best.flawless:
            break
    return [text for text in best.texts if text is not None]


def _orders(named: pd.DataFrame) -> Iterator[pd.Index[Any]]:
    for column, ascending in _TURNS:
        yield named.sort_values([column, "label"], ascending=[ascending, True]).index
    draw = np.random.default_rng(0)
    for _ in range(_SHUFFLES):
        yield named.index[draw.permutation(len(named))]


def _try(
    axes: Axes, frame: pd.DataFrame, named: pd.DataFrame, lines: Sequence[Line], size: float
) -> _Attempt:
    pixels = axes.figure.dpi / 72
    radii = np.sqrt(frame["area"]) / 2 * pixels
    polylines: dict[str, Any] = (
        {"x_lines": [line[0] for line in lines], "y_lines": [line[1] for line in lines]}
        if lines
        else {}
    )
    _, _, texts, drawn = textalloc.allocate(
        axes,
        named["x"].to_list(),
        named["y"].to_list(),
        named["label"].to_list(),
        x_scatter=frame["x"].to_list(),
        y_scatter=frame["y"].to_list(),
        scatter_sizes=radii.to_list(),
        text_scatter_sizes=radii[named.index].to_list(),
        textsize=size,
        margin=0.003,
        min_distance=0.005,
        max_distance=0.25,
        nbr_candidates=600,
        textcolor=colour("ink"),
        linecolor=colour("muted"),
        linewidth=0.7,
        avoid_label_lines_overlap=True,
        avoid_crossing_label_lines=True,
        draw_all=False,
        plot_kwargs={"zorder": 3.9},
        zorder=5,
        va="bottom",
        **polylines,
    )
    missing = len(named) - sum(text is not None for text in texts)
    ambiguous = _near_misses(axes, named, drawn)
    penalty = (missing, ambiguous, _length(axes, drawn))
    return _Attempt(texts=texts, lines=drawn, penalty=penalty)


def _near_misses(axes: Axes, named: pd.DataFrame, lines: Sequence[Any]) -> int:
    """How often a leader passes through the centre of a blob that is not its own."""
    centres = axes.transData.transform(named[["x", "y"]])
    passed = 0
    for own, line in enumerate(lines):
        if line is None:
            continue
        start, end = axes.transData.transform(np.column_stack(line.get_data()))
        along = end - start
        share = np.clip((centres - start) @ along / (along @ along), 0, 1)
        away = np.hypot(*(start + share[:, None] * along - centres).T)
        passed += int((np.delete(away, own) < _CLOSE).sum())
    return passed


def _length(axes: Axes, lines: Sequence[Any]) -> float:
    total = 0.0
    for line in lines:
        if line is not None:
            ends = axes.transData.transform(np.column_stack(line.get_data()))
            total += float(np.hypot(*(ends[1] - ends[0])))
    return total
