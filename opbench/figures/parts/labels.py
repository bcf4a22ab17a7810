"""Names beside blobs, as many as can be read.

A name stands where it overlaps no other name, no blob and no line, and where a leader from its
blob passes nothing that it could be taken for.  textalloc proposes the places, near ones first,
and knows which are free.  A name that finds none is left out and counted, unless it must be
shown.  Names are tried in a fixed order, so that the same points give the same labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.text import Text
from numpy.typing import NDArray
from textalloc.candidates import generate_candidates
from textalloc.overlap_functions import (
    inside_plot,
    line_intersect,
    non_overlapping_with_boxes,
    non_overlapping_with_lines,
)

from opbench.figures.parts.style import colour

Line = tuple[Sequence[float], Sequence[float]]
Count = tuple[int, int]  # names that are shown, names that were wanted
Array = NDArray[Any]

# Lengths are pixels.
_SAME = 3.0  # blobs in one square of this size share a label
_NEIGHBOURHOOD = 60.0  # a square whose blobs compete for the same places
_TRIED = 60  # names that a place is looked for, besides those that must be shown
_PLACES = 400  # tried for each name
_NEAR, _FAR = 5.0, 190.0  # from a blob's edge to its name
_BATCHES = 4
_ANYWHERE: Any = None  # textalloc's word for every direction
_MARGIN = 3.0  # around a name
_STAND_OFF = 9.0  # from a blob's edge, from which on a label needs a leader
_RIVAL = 2.0  # another blob as near as this to the label makes it need one
_PASSED = 4.0  # from another blob's centre, within which a leader seems to mean that blob


def place(
    axes: Axes, blobs: pd.DataFrame, lines: Sequence[Line] = (), *, size: float = 10.5
) -> Count:
    """Write names beside blobs.  Call it last: it needs the final limits.

    ``blobs`` has ``x`` and ``y`` in data units, ``area`` in square points, ``label`` (empty for a
    mere obstacle), ``must`` (show the name whatever it overlaps), and may have ``ink`` (the name's
    colour).  Names keep clear of ``lines``, polylines in data units that are interrupted where a
    value is missing.
    """
    ink = blobs["ink"].fillna(colour("ink")) if "ink" in blobs else colour("ink")
    blobs = _in_pixels(axes, blobs.assign(ink=ink))
    wanted = blobs[blobs["label"] != ""]
    named = _merged(_tried(wanted))
    scene = _Scene(axes, blobs, lines)
    shown = [row for row in named.index if _write(axes, scene, named.loc[row], row, size)]
    return int(named["names"][shown].sum()), len(wanted)


def fence(axes: Axes, text: Text) -> Line:
    """Return a polyline through the box of ``text``, for names to keep clear of."""
    (x0, y0), (x1, y1) = axes.transData.inverted().transform(_extent(text).reshape(2, 2))
    return [x0, x1, x1, x0, x0, x1], [y0, y0, y1, y1, y0, y1]


def _in_pixels(axes: Axes, blobs: pd.DataFrame) -> pd.DataFrame:
    centres = axes.transData.transform(blobs[["x", "y"]])
    radii = np.sqrt(blobs["area"]) / 2 * axes.figure.dpi / 72
    return blobs.assign(px=centres[:, 0], py=centres[:, 1], radius=radii).reset_index(drop=True)


def _tried(wanted: pd.DataFrame) -> pd.DataFrame:
    """Return the names to try, those that must be shown first, then the crowded, who have the
    least choice.  Of a great many the most crowded are not tried."""
    where = [(wanted[each] / _NEIGHBOURHOOD).round() for each in ("px", "py")]
    wanted = wanted.assign(crowd=wanted.groupby(where)["label"].transform("size"))
    others = wanted[~wanted["must"]].nsmallest(_TRIED, "crowd", keep="first")
    tried = pd.concat([wanted[wanted["must"]], others])
    return tried.sort_values(["must", "crowd"], ascending=False, kind="stable")


def _merged(tried: pd.DataFrame) -> pd.DataFrame:
    """Join the labels of blobs that lie on each other, and count the ``names`` in each."""
    where = [(tried[each] / _SAME).round() for each in ("px", "py")]
    groups = tried.groupby([*where, "must"])["label"]
    joined = tried.assign(label=groups.transform(", ".join), names=groups.transform("size"))
    return joined[groups.cumcount() == 0]


def _extent(text: Text) -> Array:
    figure: Any = text.figure
    return np.array(text.get_window_extent(_pen(figure.dpi)).extents)


@cache
def _pen(dpi: float) -> RendererAgg:
    return RendererAgg(1, 1, dpi)  # type: ignore[no-untyped-call]


class _Scene:
    """The obstacles of labels: a label that is placed becomes one."""

    def __init__(self, axes: Axes, blobs: pd.DataFrame, lines: Sequence[Line]) -> None:
        ends = [axes.transData.transform(np.column_stack(line)) for line in lines]
        pairs = [np.concatenate([each[:-1], each[1:]], axis=1) for each in ends]
        segments = np.concatenate([np.empty((0, 4)), *pairs])
        self.bounds = axes.bbox.extents
        self.discs = blobs[["px", "py", "radius"]].to_numpy()
        self.segments = segments[~np.isnan(segments).any(axis=1)]
        self.boxes = self.leaders = np.empty((0, 4))

    def find(self, row: int, extent: Array, *, must: bool) -> Array | None:
        """Return the nearest free box (left, bottom, right, top) for the name of blob ``row``.

        There may be none, unless it ``must`` be shown: then it breaks the rules that it has to.
        """
        (width, height), (x, y, radius) = extent[2:] - extent[:2], self.discs[row]
        # In the diagonals a name begins at the rim.
        boxes = generate_candidates(
            width, height, x, y, _NEAR, _NEAR, _FAR, _FAR, _PLACES, radius / 2**0.5, _ANYWHERE
        )
        start = np.array([x, y])
        # Near ones first: most names need no more.
        for some in np.array_split(boxes, 1 if must else _BATCHES):
            if len(free := self._free(start, some, must=must)):
                self.boxes = np.vstack([self.boxes, free[0]])
                self.leaders = np.vstack([self.leaders, _leaders(start, free[:1])])
                return np.asarray(free[0])
        return None

    def _free(self, start: Array, boxes: Array, *, must: bool) -> Array:
        """Return the boxes that keep all rules, or for a ``must`` as many as can be kept."""
        for is_free in self._rules(start, boxes):
            free = boxes[is_free(boxes)]
            boxes = free if len(free) or not must else boxes
            if not len(boxes):
                break
        return boxes

    def _rules(self, start: Array, boxes: Array) -> Iterator[Callable[[Array], Any]]:
        """Yield the tests of ``boxes`` that may hold a name of the blob at ``start``, the most
        important first."""
        region = np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])
        at, radii = self.discs[:, :2], self.discs[:, 2:]
        discs = self.discs[_touch(at - radii, at + radii, region)]
        ends = np.stack([self.segments[:, :2], self.segments[:, 2:]])
        segments = self.segments[_touch(ends.min(axis=0), ends.max(axis=0), region)]
        margin = (_MARGIN, _MARGIN)
        yield lambda boxes: inside_plot(*self.bounds, boxes)
        yield lambda boxes: non_overlapping_with_boxes(self.boxes, boxes, *margin)
        yield lambda boxes: (_squares(discs, boxes) > (discs[:, 2] + _MARGIN) ** 2).all(axis=1)
        yield lambda boxes: non_overlapping_with_lines(self.leaders, boxes, *margin)
        yield lambda boxes: non_overlapping_with_lines(
            _leaders(start, boxes), self.boxes, *margin, axis=0
        )
        yield lambda boxes: ~line_intersect(_leaders(start, boxes), self.leaders).any(axis=1)
        yield lambda boxes: _are_plain(_leaders(start, boxes), discs[:, :2])
        yield lambda boxes: non_overlapping_with_lines(segments, boxes, *margin)


def _touch(low: Array, high: Array, region: Array) -> Array:
    """Return which boxes from ``low`` to ``high`` touch ``region``."""
    return np.asarray(((low <= region[2:]) & (high >= region[:2])).all(axis=1))


def _squares(discs: Array, boxes: Array) -> Array:
    """Return the squared distance of each box from the centre of each disc."""
    x, y, _ = discs.T
    across = np.maximum(boxes[:, :1] - x, x - boxes[:, 2:3]).clip(0)
    up = np.maximum(boxes[:, 1:2] - y, y - boxes[:, 3:]).clip(0)
    return np.asarray(across * across + up * up)


def _are_plain(leaders: Array, centres: Array) -> Array:
    """Return which leaders pass no centre but that of the blob where they start."""
    along = leaders[:, 2:] - leaders[:, :2]
    centres = centres - leaders[0, :2]
    others = centres[np.hypot(*centres.T) > _SAME]
    lengths = np.maximum((along**2).sum(axis=1, keepdims=True), 1e-9)
    share = np.clip(along @ others.T / lengths, 0, 1)[..., None]
    passed = ((others - share * along[:, None]) ** 2).sum(axis=2)
    return np.asarray((passed > _PASSED**2).all(axis=1))


def _leaders(start: Array, boxes: Array) -> Array:
    """Return the segments from ``start`` to the nearest point of each box."""
    ends = np.clip(start, boxes[:, :2], boxes[:, 2:])
    return np.concatenate([np.broadcast_to(start, ends.shape), ends], axis=1)


def _write(axes: Axes, scene: _Scene, name: pd.Series[Any], row: int, size: float) -> bool:
    """Write a name in its place, and return whether it has one."""
    text = axes.text(
        name["x"], name["y"], name["label"], size=size, va="bottom", color=name["ink"], zorder=5
    )
    box = scene.find(row, _extent(text), must=name["must"])
    if box is None:
        text.remove()
        return False
    x, y = axes.transData.inverted().transform(box[:2])
    text.set_position((x, y))
    _draw_leader(axes, scene, row, box, name["ink"])
    return True


def _draw_leader(axes: Axes, scene: _Scene, row: int, box: Array, ink: str) -> None:
    """Tie the label in ``box`` to its blob, unless it plainly is its."""
    gaps = np.sqrt(_squares(scene.discs, box[None])[0]) - scene.discs[:, 2]
    if gaps[row] <= _STAND_OFF and (np.delete(gaps, row) >= gaps[row] + _RIVAL).all():
        return
    ends = _leaders(scene.discs[row, :2], box[None]).reshape(2, 2)
    (x0, x1), (y0, y1) = axes.transData.inverted().transform(ends).T
    axes.plot(
        [x0, x1], [y0, y1], color=colour("muted"), lw=0.7, zorder=3.9,
        marker="o", markevery=[0], ms=1.7, mfc=ink, mew=0,
    )  # fmt: skip
