"""Names beside blobs: what is written can be read, and what is not is counted."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.text import Text

from opbench.figures import Options, find
from opbench.figures.parts import labels
from opbench.figures.parts.style import theme
from opbench.table.frames import Table, load

NAMED = (
    *("accuracy-vs-ops", "accuracy-vs-ops-others", "accuracy-vs-throughput", "chart2016"),
    *("efficiency", "memory-vs-params", "ops-vs-time", "pareto", "roofline", "timeline"),
)


def _names(axes: Axes) -> list[Text]:
    """What ``labels.place`` wrote: it writes over everything else."""
    return [text for text in axes.texts if text.get_zorder() == 5]


def _leaders(axes: Axes) -> list[Any]:
    return [line for line in axes.lines if line.get_zorder() == 3.9]


def _blobs(axes: Any) -> list[tuple[Any, float]]:
    """Centre and radius of each blob in pixels."""
    return [
        (axes.transData.transform(centre), np.sqrt(size) / 2 * axes.figure.dpi / 72)
        for collection in axes.collections
        if isinstance(collection, PathCollection) and collection.get_alpha() is not None
        for centre, size in zip(
            np.asarray(collection.get_offsets()), collection.get_sizes(), strict=True
        )
    ]


def _distance(box: Any, point: Any) -> float:
    return float(np.hypot(*(np.clip(point, box.min, box.max) - point)))


@pytest.fixture(scope="module")
def published() -> Table:
    return load(Path(__file__).parents[2] / "results")


def _panels(name: str, table: Table) -> list[Any]:
    with theme("light"):
        return [axes for axes in find(name)(table, Options()).axes if axes.axison]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] * (name not in {"accuracy-vs-ops", "pareto"}))
        for name in NAMED
    ],
)
def test_names_of_the_published_results_can_be_read(name: str, published: Table) -> None:
    for axes in _panels(name, published):
        boxes = [text.get_window_extent() for text in _names(axes)]
        assert boxes
        assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
        for box in boxes:
            assert (box.min >= axes.bbox.min).all()
            assert (box.max <= axes.bbox.max).all()
            assert all(_distance(box, centre) > radius for centre, radius in _blobs(axes))


@pytest.mark.parametrize("name", ["memory-vs-params", "ops-vs-time", "roofline"])
def test_leaders_cross_neither_each_other_nor_another_name(name: str, published: Table) -> None:
    for axes in _panels(name, published):
        paths = [axes.transData.transform_path(line.get_path()) for line in _leaders(axes)]
        boxes = [text.get_window_extent() for text in _names(axes)]
        assert paths
        for one, other in combinations(paths, 2):
            together = np.hypot(*(one.vertices[0] - other.vertices[0])) < 4  # on one spot
            assert together or not one.intersects_path(other)
        # Its own name is the one that a leader touches.
        assert all(sum(path.intersects_bbox(box) for box in boxes) <= 1 for path in paths)


def _axes(width: int = 400, height: int = 300) -> Axes:
    """Axes in which data units are pixels."""
    figure = Figure(figsize=(width / 72, height / 72), dpi=72)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(0, height))
    return axes


def _points(centres: list[tuple[float, float]], must: bool = False) -> pd.DataFrame:
    x, y = zip(*centres, strict=True)
    names = [f"net{number}" for number in range(len(centres))]
    return pd.DataFrame({"x": x, "y": y, "area": 100.0, "label": names, "must": must})


def test_a_lone_name_stands_beside_its_blob_without_a_leader() -> None:
    axes = _axes()
    assert labels.place(axes, _points([(200, 150)])) == (1, 1)
    (text,) = _names(axes)
    # The radius of a disc of 100 square points is 5.
    assert 5 < _distance(text.get_window_extent(), np.array([200, 150])) < 5 + 9
    assert not _leaders(axes)


def test_of_a_crowd_as_many_are_named_as_is_said() -> None:
    axes = _axes()
    crowd = [(100 + 7.0 * (n % 20), 80 + 7.0 * (n // 20)) for n in range(300)]
    shown, wanted = labels.place(axes, _points(crowd))
    boxes = [text.get_window_extent() for text in _names(axes)]
    assert wanted == 300
    assert 0 < shown == len(boxes) < 300
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))


def test_what_must_be_shown_is_shown_in_a_crowd() -> None:
    axes = _axes()
    points = _points([(100 + 7.0 * (n % 20), 80 + 7.0 * (n // 20)) for n in range(300)])
    points.loc[150, "must"] = True
    labels.place(axes, points)
    assert "net150" in [text.get_text() for text in _names(axes)]


def test_more_names_than_there_is_room_for_are_shown_where_they_must() -> None:
    axes = _axes(60, 30)
    assert labels.place(axes, _points([(10 + n, 15) for n in range(0, 40, 4)], True)) == (10, 10)


def test_blobs_on_each_other_share_a_label() -> None:
    axes = _axes()
    assert labels.place(axes, _points([(200, 150), (200.2, 150.1), (50, 50)])) == (3, 3)
    assert {text.get_text() for text in _names(axes)} == {"net0, net1", "net2"}


def test_names_keep_clear_of_lines_and_of_blobs_without_a_name() -> None:
    axes = _axes()
    points = _points([(200, 150), (225, 155)])
    points.loc[1, "label"] = ""
    assert labels.place(axes, points, [([0, 400, np.nan, 0, 400], [165, 165, 0, 135, 135])])
    (text,) = _names(axes)
    box = text.get_window_extent()
    assert not any(box.y0 < height < box.y1 for height in (165, 135))
    assert _distance(box, np.array([225, 155])) > 5


def test_a_leader_passes_no_other_centre() -> None:
    # The nearest free place of the last blob lies behind the wall of the others.
    axes = _axes()
    wall = [(150.0, 20 + 12.0 * n) for n in range(22)] + [(160.0, 26 + 12.0 * n) for n in range(22)]
    points = _points([*wall, (155.0, 145.0)])
    points.loc[: len(wall) - 1, "label"] = ""
    labels.place(axes, points)
    for line in _leaders(axes):
        start, end = line.get_xydata()
        for centre in map(np.array, wall):
            along = (end - start) / np.hypot(*(end - start))
            share = np.clip(along @ (centre - start), 0, np.hypot(*(end - start)))
            assert np.hypot(*(start + share * along - centre)) > 4


def test_the_same_points_give_the_same_places() -> None:
    crowd = _points([(100 + 7.0 * n, 100 + 5.0 * n) for n in range(15)])
    places = []
    for axes in (_axes(), _axes()):
        labels.place(axes, crowd)
        places.append([(text.get_text(), text.get_position()) for text in _names(axes)])
    assert places[0] == places[1]


def test_nothing_to_name_writes_nothing() -> None:
    axes = _axes()
    assert labels.place(axes, _points([(200, 150)]).assign(label="")) == (0, 0)
    assert not _names(axes)


def test_the_caption_says_how_many_networks_are_named(published: Table) -> None:
    with theme("light"):
        figure = find("memory-vs-params")(published, Options())
    shown = [sum(t.get_text().count(", ") + 1 for t in _names(axes)) for axes in figure.axes]
    drawn = [len(_blobs(axes)) for axes in figure.axes]
    counts = " and ".join(f"{some} of {whole}" for some, whole in zip(shown, drawn, strict=True))
    said = f"{counts} networks are named; there was no room for the other names."
    assert shown < drawn
    assert figure.texts[-1].get_text().endswith(said)
    with theme("light"):
        figure = find("accuracy-vs-ops")(published, Options(highlight=("resnet50",)))
    assert "networks are named" not in figure.texts[-1].get_text()
