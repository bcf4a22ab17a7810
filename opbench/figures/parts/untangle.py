"""Labels moved one at a time while that makes the picture clearer.

A placing library finds room for boxes; what it does not see is which blob a reader takes a label
for.  Here a label may move to any of a fixed set of places around its blob, and moves to the one
of least cost given where the others are, until none wants to move: coordinate descent on a cost
in which an overlap weighs more than a leader through a stranger's centre, that more than leaders
that cross, and that more than a long leader.  Where one label is still badly off, it and its
neighbours are taken away and placed anew.  No step is random.  All lengths are pixels.

Reference:
    J. Christensen, J. Marks, S. Shieber.  "An Empirical Study of Algorithms for Point-Feature
    Label Placement."  ACM Trans. Graphics 14 (1995) 203.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_DIRECTIONS = 24
_REACHES = (3, 8, 16, 28, 42, 60, 84, 112, 144, 184, 240)  # points of leader outside the blob
_PASSES = 25
_BADLY_OFF = 600.0  # the cost of a label from which its neighbours are asked to make room
_NEIGHBOURS = 4
_MARGIN = 2.0  # points around a label

_OUTSIDE = 1e9
_ON_LABEL = 1e6
_ON_CENTRE = 1e5
_LEADER_ON_LABEL = 3e4
_LEADER_ON_CENTRE = 8e3
_LEADER_ON_LEADER = 4e3
_ON_LINE = 1.5e3
_ON_BLOB = 6e2


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What labels must respect: ``bounds`` (left, bottom, right, top), blobs (``centres``, one a
    row, and ``radii``), ``segments`` of lines (x0, y0, x1, y1), and pixels per ``point``."""

    bounds: Array
    centres: Array
    radii: Array
    segments: Array
    point: float


def untangle(scene: Scene, owners: Array, sizes: Array, start: Array) -> Array:
    """Boxes (left, bottom, right, top) of the labels, one a row.

    ``owners`` are the rows of their blobs in the scene, ``sizes`` their widths and heights,
    ``start`` boxes to begin with (not a number where there is none).  The descent is made in
    several orders, from ``start`` and from the places that would be best for each label alone.
    """
    rows = list(zip(owners, sizes, start, strict=True))
    places = [_places(scene, owner, size, box) for owner, size, box in rows]
    fixed = [_fixed_cost(scene, owner, boxes) for owner, boxes in zip(owners, places, strict=True)]
    task = _Task(anchors=scene.centres[owners], places=places, fixed=fixed, point=scene.point)
    alone = [int(cost.argmin()) for cost in fixed]
    begun = [best if np.isnan(box[0]) else 0 for best, box in zip(alone, start, strict=True)]
    results = [
        _descend(task, begin, order) for begin in (begun, alone) for order in _orders(task.anchors)
    ]
    best, cost = min(results, key=lambda result: result[1])
    return task.boxes(_with_neighbours(task, best, cost))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """For each label: where its blob is, every place, and what each place costs by itself."""

    anchors: Array
    places: list[Array]
    fixed: list[Array]
    point: float

    def boxes(self, chosen: list[int]) -> Array:
        return np.array([boxes[index] for boxes, index in zip(self.places, chosen, strict=True)])

    def cost(self, label: int, now: Array) -> Array:
        """Of every place of ``label`` while the others are where they are ``now``."""
        return self.fixed[label] + _mutual_cost(
            self.places[label], self.anchors, now, label, self.point
        )


def _orders(anchors: Array) -> Iterator[list[int]]:
    """Labels from left to right, from right to left, from the top and from the bottom."""
    for axis in (0, 1):
        order = np.argsort(anchors[:, axis], kind="stable").tolist()
        yield order
        yield order[::-1]


def _descend(task: _Task, begin: list[int], order: list[int]) -> tuple[list[int], float]:
    """The places that no label wants to leave, and what they cost."""
    chosen, now = [*begin], task.boxes(begin)
    for _ in range(_PASSES):
        moved = False
        for label in order:
            cost = task.cost(label, now)
            best = int(cost.argmin())
            if cost[best] < cost[chosen[label]] - 1e-6:
                chosen[label], moved = best, True
                now[label] = task.places[label][best]
        if not moved:
            break
    total = sum(float(task.cost(label, now)[chosen[label]]) for label in order)
    return chosen, total


def _with_neighbours(task: _Task, chosen: list[int], total: float) -> list[int]:
    """The same places, or better ones: a label that is badly off and its nearest neighbours are
    taken away, it chooses first, they after it, and the descent goes on from there."""
    for label in range(len(chosen)):
        near = np.hypot(*(task.anchors - task.anchors[label]).T).argsort(kind="stable").tolist()
        for count in range(2, _NEIGHBOURS + 2):
            if task.cost(label, task.boxes(chosen))[chosen[label]] < _BADLY_OFF:
                break
            trial, now = [*chosen], task.boxes(chosen)
            now[near[:count]] = np.nan
            for each in near[:count]:
                trial[each] = int(task.cost(each, now).argmin())
                now[each] = task.places[each][trial[each]]
            trial, cost = _descend(task, trial, list(range(len(trial))))
            if cost < total:
                chosen, total = trial, cost
    return chosen


def _places(scene: Scene, owner: int, size: Array, start: Array) -> Array:
    """Every box that a label may move to; the first is where it starts."""
    angles = np.arange(_DIRECTIONS) * 2 * np.pi / _DIRECTIONS
    across, up = np.cos(angles), np.sin(angles)
    # Beside a blob a label begins at its edge; above and below it is centred.
    shift = np.clip(2.2 * np.stack([across, up], axis=1), -1, 1) * size / 2
    away = scene.radii[owner] + np.array(_REACHES) * scene.point
    middles = (
        scene.centres[owner]
        + away[:, None, None] * np.stack([across, up], axis=1)[None]
        + shift[None]
    ).reshape(-1, 2)
    boxes = np.concatenate([middles - size / 2, middles + size / 2], axis=1)
    first = boxes[:1] if np.isnan(start[0]) else start[None]
    return np.concatenate([first, boxes])


def _fixed_cost(scene: Scene, owner: int, boxes: Array) -> Array:
    """The part of each place's cost that does not depend on the other labels."""
    margin = _MARGIN * scene.point
    left, bottom, right, top = scene.bounds
    outside = (
        (boxes[:, 0] < left + margin) | (boxes[:, 1] < bottom + margin)
        | (boxes[:, 2] > right - margin) | (boxes[:, 3] > top - margin)
    )  # fmt: skip
    gap = _distance(boxes, scene.centres)  # places x blobs
    depth = np.clip(1 - gap / np.maximum(scene.radii, 1e-9), 0, 1)
    anchor = scene.centres[owner]
    ends = _nearest(boxes, anchor)
    others = np.arange(len(scene.centres)) != owner
    passed = _from_segment(anchor, ends, scene.centres[others]) < 4 * scene.point
    lead = np.clip(np.hypot(*(ends - anchor).T) - scene.radii[owner], 0, None) / scene.point
    on_line = _crosses_box(scene.segments[None, :, :2], scene.segments[None, :, 2:], boxes, margin)
    return np.asarray(
        _OUTSIDE * outside
        + _ON_CENTRE * (gap < 2.5 * scene.point).sum(axis=1)
        + _ON_BLOB * depth.sum(axis=1)
        + _LEADER_ON_CENTRE * passed.sum(axis=1)
        + _ON_LINE * on_line.any(axis=1)
        + 4 * lead
        + lead**2 / 8
    )


def _mutual_cost(boxes: Array, anchors: Array, now: Array, label: int, point: float) -> Array:
    """What each place of ``label`` costs against the other labels where they are."""
    others = np.arange(len(now)) != label
    there, from_there = now[others], anchors[others]
    wide = np.minimum(boxes[:, None, 2], there[None, :, 2]) - np.maximum(
        boxes[:, None, 0], there[None, :, 0]
    )
    tall = np.minimum(boxes[:, None, 3], there[None, :, 3]) - np.maximum(
        boxes[:, None, 1], there[None, :, 1]
    )
    margin = _MARGIN * point
    overlap = (wide > -margin) & (tall > -margin / 2)
    ends = _nearest(boxes, anchors[label])
    ends_there = np.clip(from_there, there[:, :2], there[:, 2:])
    start = np.broadcast_to(anchors[label], ends.shape)
    over = _crosses_box(start[:, None], ends[:, None], there[None], margin / 2)
    under = _crosses_box(from_there[None], ends_there[None], boxes, margin / 2)
    crossing = _cross(start[:, None], ends[:, None], from_there[None], ends_there[None])
    return np.asarray(
        _ON_LABEL * overlap.sum(axis=1)
        + _LEADER_ON_LABEL * (over.sum(axis=1) + under.sum(axis=1))
        + _LEADER_ON_LEADER * crossing.sum(axis=1)
    )


def _nearest(boxes: Array, at: Array) -> Array:
    """The point of each box that is nearest to ``at``: where its leader ends."""
    return np.asarray(np.clip(at, boxes[:, :2], boxes[:, 2:]))


def _distance(boxes: Array, at: Array) -> Array:
    """From each box to each point, 0 inside."""
    nearest = np.clip(at[None], boxes[:, None, :2], boxes[:, None, 2:])
    return np.asarray(np.hypot(*np.moveaxis(nearest - at[None], -1, 0)))


def _from_segment(start: Array, ends: Array, at: Array) -> Array:
    """The distance of each point from each segment from ``start`` to one of ``ends``."""
    along = ends - start
    length2 = np.maximum((along**2).sum(axis=1), 1e-9)
    share = np.clip((at - start) @ along.T / length2, 0, 1).T  # ends x points
    foot = start + share[..., None] * along[:, None]
    return np.asarray(np.hypot(*np.moveaxis(foot - at[None], -1, 0)))


def _crosses_box(start: Array, end: Array, boxes: Array, margin: float) -> Array:
    """Does each segment touch the box, widened by ``margin``?  Liang and Barsky's slabs."""
    if boxes.ndim == 2:
        boxes = boxes[:, None]
    along = end - start
    along = np.where(np.abs(along) < 1e-9, 1e-9, along)
    enter = (boxes[..., :2] - margin - start) / along
    leave = (boxes[..., 2:] + margin - start) / along
    sooner, later = np.minimum(enter, leave), np.maximum(enter, leave)
    first = np.maximum(sooner[..., 0], sooner[..., 1])
    last = np.minimum(later[..., 0], later[..., 1])
    return np.asarray((first <= last) & (last >= 0) & (first <= 1))


def _cross(a: Array, b: Array, c: Array, d: Array) -> Array:
    """Do the segments a-b and c-d cross?"""

    def side(p: Array, q: Array, r: Array) -> Array:
        turn = (q[..., 0] - p[..., 0]) * (r[..., 1] - p[..., 1]) - (q[..., 1] - p[..., 1]) * (
            r[..., 0] - p[..., 0]
        )
        return np.asarray(turn > 0)

    return np.asarray((side(a, b, c) != side(a, b, d)) & (side(c, d, a) != side(c, d, b)))
