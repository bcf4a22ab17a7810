"""Labels that overlap neither each other nor the centres of blobs, with leaders to the centres.

textalloc finds a first free place for each label; ``_untangle`` then moves labels until their
leaders tell which blob they mean, which in a crowd textalloc alone does not.  Neither draws lots:
the same points give the same labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import textalloc
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from opbench.figures.parts.style import colour
from opbench.figures.parts.untangle import Array, Scene, untangle

Line = tuple[list[float], list[float]]

_SAME = 3.0  # pixels between centres that are one for the eye
_STAND_OFF = 9.0  # pixels from a blob's edge from which a label needs a leader
_RIVAL = 2.0  # pixels: another blob as near as this to the label makes it need one


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


def place(
    axes: Axes, points: Points, lines: Sequence[Line] = (), *, size: float = 10.5
) -> list[Text]:
    """Write each label beside its blob and keep clear of ``lines`` (polylines in data units).

    Blobs that lie on each other share a label.  Call it last: it needs the final limits.
    """
    frame = pd.DataFrame(
        {"x": points.x, "y": points.y, "area": points.areas, "label": points.labels}
    )
    frame = frame.assign(label=_merged(axes, frame))
    named = frame[frame["label"] != ""]
    if named.empty:
        return []
    scene = _scene(axes, frame, lines)
    sizes, start = _first_places(axes, frame, named, size)
    owners = named.index.to_numpy()
    boxes = untangle(scene, owners, sizes, start)
    return [
        _write(axes, label, box, scene, owner, size)
        for label, box, owner in zip(named["label"], boxes, owners, strict=True)
    ]


def _merged(axes: Axes, frame: pd.DataFrame) -> list[str]:
    """The labels, those of blobs whose centres coincide joined at the first of them."""
    seen = axes.transData.transform(frame[["x", "y"]])
    labels = list(frame["label"])
    for later, label in enumerate(labels):
        for first in range(later):
            near = np.hypot(*(seen[first] - seen[later])) < _SAME
            if label and labels[first] and near:
                labels[first], labels[later] = f"{labels[first]}, {label}", ""
                break
    return labels


def _scene(axes: Axes, frame: pd.DataFrame, lines: Sequence[Line]) -> Scene:
    segments = [
        np.concatenate([ends[:-1], ends[1:]], axis=1)
        for ends in (axes.transData.transform(np.column_stack(line)) for line in lines)
    ]
    point = axes.figure.dpi / 72
    return Scene(
        bounds=np.array(axes.bbox.extents),
        centres=axes.transData.transform(frame[["x", "y"]]),
        radii=np.sqrt(frame["area"].to_numpy()) / 2 * point,
        segments=np.concatenate([*segments, np.empty((0, 4))]),
        point=point,
    )


def _first_places(
    axes: Axes, frame: pd.DataFrame, named: pd.DataFrame, size: float
) -> tuple[Array, Array]:
    """Widths and heights of the labels, and textalloc's boxes for them, in pixels."""
    bare = _scratch(axes)
    radii = np.sqrt(frame["area"]) / 2 * axes.figure.dpi / 72
    pen = RendererAgg(1, 1, axes.figure.dpi)  # type: ignore[no-untyped-call]
    measured = [
        bare.text(0, 0, label, size=size).get_window_extent(pen) for label in named["label"]
    ]
    placed: Any = textalloc.allocate(
        bare,
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
        draw_lines=False,
        draw_all=False,
        va="bottom",
    )
    boxes = [
        np.full(4, np.nan) if text is None else np.array(text.get_window_extent(pen).extents)
        for text in placed[2]
    ]
    return np.array([(box.width, box.height) for box in measured]), np.array(boxes)


def _scratch(axes: Axes) -> Axes:
    """Bare axes with the place, scales and limits of ``axes``: quick to measure and try on."""
    whole: Any = axes.figure
    figure = Figure(figsize=whole.get_size_inches(), dpi=whole.dpi)
    bare: Axes = figure.add_axes(axes.get_position().bounds)
    bare.set_axis_off()
    bare.set(xscale=axes.get_xscale(), yscale=axes.get_yscale())
    bare.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())
    return bare


def _write(axes: Axes, label: str, box: Array, scene: Scene, owner: int, size: float) -> Text:
    """The label in its box, and a leader to the blob's centre unless the label plainly is its."""
    centre = scene.centres[owner]
    end = np.clip(centre, box[:2], box[2:])
    gaps = np.hypot(*(scene.centres - np.clip(scene.centres, box[:2], box[2:])).T)
    stands_off = gaps[owner] > scene.radii[owner] + _STAND_OFF
    others = np.delete(gaps - scene.radii, owner)
    if stands_off or (others < gaps[owner] - scene.radii[owner] + _RIVAL).any():
        (x0, y0), (x1, y1) = axes.transData.inverted().transform([centre, end])
        axes.plot([x0, x1], [y0, y1], color=colour("muted"), lw=0.7, zorder=3.9)
        axes.scatter([x0], [y0], s=3, color=colour("ink"), linewidths=0, zorder=4)
    x, y = axes.transData.inverted().transform(box[:2])
    return axes.text(x, y, label, size=size, va="bottom", color=colour("ink"), zorder=5)


def fence(axes: Axes, text: Text) -> Line:
    """A polyline through the box of ``text``, for labels to keep clear of."""
    box = text.get_window_extent().transformed(axes.transData.inverted())
    return (
        [box.x0, box.x1, box.x1, box.x0, box.x0, box.x1],
        [box.y0, box.y0, box.y1, box.y1, box.y0, box.y1],
    )
