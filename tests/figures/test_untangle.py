"""Labels that move until the picture is clear."""

from __future__ import annotations

import numpy as np
import pytest

from opbench.figures.parts import untangle as placing
from opbench.figures.parts.untangle import Array, Scene, untangle


def _scene(centres: list[tuple[float, float]], radius: float = 5.0) -> Scene:
    return Scene(
        bounds=np.array([0.0, 0.0, 400.0, 300.0]),
        centres=np.array(centres),
        radii=np.full(len(centres), radius),
        segments=np.empty((0, 4)),
        point=1.0,
    )


def _place(scene: Scene, width: float = 60.0, height: float = 12.0) -> Array:
    count = len(scene.centres)
    return untangle(
        scene,
        np.arange(count),
        np.tile([width, height], (count, 1)),
        np.full((count, 4), np.nan),
    )


def _overlap(one: Array, other: Array) -> bool:
    return bool(np.all(np.minimum(one[2:], other[2:]) > np.maximum(one[:2], other[:2])))


def test_a_lone_label_touches_its_blob_and_keeps_its_size() -> None:
    (box,) = _place(_scene([(200, 150)]))
    assert box[2:] - box[:2] == pytest.approx([60, 12])
    nearest = np.clip([200, 150], box[:2], box[2:])
    assert np.hypot(*(nearest - [200, 150])) < 5 + 4


def test_labels_of_a_crowd_overlap_neither_each_other_nor_a_centre() -> None:
    crowd = [(200 + 9 * (n % 4), 150 + 9 * (n // 4)) for n in range(12)]
    boxes = _place(_scene(crowd))
    assert not any(_overlap(boxes[a], boxes[b]) for a in range(12) for b in range(a))
    for box in boxes:
        assert not any((box[:2] < centre).all() and (centre < box[2:]).all() for centre in crowd)


def test_neighbours_make_room_for_a_label_that_would_end_far_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Six blobs on a slope that leaves by the upper right corner, where one label after another
    # finds the places beside its blob taken.
    slope = [(385 - 5 * n, 290 - 6 * n) for n in range(6)]

    def longest_leader() -> float:
        boxes = _place(_scene(slope))
        ends = np.clip(slope, boxes[:, :2], boxes[:, 2:])
        return float(np.hypot(*(ends - slope).T).max())

    together = longest_leader()
    monkeypatch.setattr(placing, "_NEIGHBOURS", 0)
    assert together < 0.5 * longest_leader()


def test_labels_stay_inside() -> None:
    boxes = _place(_scene([(2, 2), (398, 298), (398, 2), (2, 298)]))
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2:] <= [400, 300]).all()


def test_a_label_keeps_clear_of_a_line() -> None:
    free = _scene([(200, 150)])
    scene = Scene(
        bounds=free.bounds, centres=free.centres, radii=free.radii, point=1.0,
        segments=np.array([[0.0, 158.0, 400.0, 158.0]]),
    )  # fmt: skip
    (box,) = _place(scene)
    assert box[3] < 158 or box[1] > 158


def test_the_same_scene_gives_the_same_places() -> None:
    crowd = [(100 + 7 * n, 100 + 5 * n) for n in range(15)]
    assert np.array_equal(_place(_scene(crowd)), _place(_scene(crowd)))


@pytest.mark.parametrize(
    ("end", "crossed"), [((10, 0), True), ((4, 0), False), ((10, 10), False), ((5.5, 0), True)]
)
def test_a_segment_meets_a_box_or_not(end: tuple[float, float], crossed: bool) -> None:
    box = np.array([[5.0, -1.0, 8.0, 1.0]])
    met = placing._crosses_box(np.array([[0.0, 0.0]]), np.array([end]), box, 0.0)
    assert met.ravel().tolist() == [crossed]


def test_two_segments_cross_or_not() -> None:
    a, b = np.array([0.0, 0.0]), np.array([2.0, 2.0])
    assert placing._cross(a, b, np.array([0.0, 2.0]), np.array([2.0, 0.0]))
    assert not placing._cross(a, b, np.array([0.0, 2.0]), np.array([0.5, 1.5]))
