"""The chart: where each blob lies, how large it is, what it says."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection

from opbench.errors import MissingDataError
from opbench.figures import Options, find
from opbench.figures._style import theme
from opbench.table import Table, load


def _draw(table: Table, **choices: object) -> Axes:
    with theme("light"):
        figure = find("accuracy-vs-ops")(table, Options(**choices))  # type: ignore[arg-type]
        figure.draw_without_rendering()
    return figure.axes[-1]


def _blobs(axes: Axes) -> dict[tuple[float, float], float]:
    """Area in square points of the filled blob at each point."""
    return {
        (round(float(x), 6), round(float(y), 6)): float(size)
        for collection in axes.collections
        if isinstance(collection, PathCollection) and collection.get_alpha() is not None
        for (x, y), size in zip(collection.get_offsets(), collection.get_sizes(), strict=True)
    }


def test_a_network_lies_at_two_operations_per_multiply_add(small_table: Table) -> None:
    assert set(_blobs(_draw(small_table))) == {(1, 58), (4, 76), (8, 71), (6, 64)}


def test_the_other_unit_halves_the_axis_and_says_so(small_table: Table) -> None:
    axes = _draw(small_table, unit="macs")
    assert set(_blobs(axes)) == {(0.5, 58), (2, 76), (4, 71), (3, 64)}
    assert "1 multiply-add = 1 MAC" in axes.get_xlabel()
    assert "1 multiply-add = 2 operations" in _draw(small_table).get_xlabel()


def test_area_is_proportional_to_parameters(small_table: Table) -> None:
    sizes = _blobs(_draw(small_table))
    assert sizes[(4, 76)] / sizes[(1, 58)] == pytest.approx(35 / 5)
    assert sizes[(8, 71)] / sizes[(1, 58)] == pytest.approx(155 / 5)


def test_another_protocol_is_a_square_of_the_same_area(small_table: Table) -> None:
    sizes = _blobs(_draw(small_table))
    # A square's side is the root of its size, a disc's diameter: pi / 4 makes their areas equal.
    assert sizes[(6, 64)] / sizes[(1, 58)] == pytest.approx(65 / 5 * np.pi / 4)


def test_the_size_legend_has_the_papers_six_sizes_at_the_blobs_scale(small_table: Table) -> None:
    with theme("light"):
        figure = find("accuracy-vs-ops")(small_table, Options())
    legend, axes = figure.axes
    texts = [text.get_text() for text in legend.texts]
    assert texts[:6] == ["155", "125", "95", "65", "35", "5"]
    areas = [float(disc.get_sizes()[0]) for disc in legend.collections]
    assert areas[0] == pytest.approx(_blobs(axes)[(8, 71)])


def test_other_datasets_stay_off_the_axis(small_table: Table) -> None:
    axes = _draw(small_table)
    assert "DIGITS" not in [text.get_text() for text in axes.texts]


def test_labels_overlap_neither_each_other_nor_leave_the_paper(small_table: Table) -> None:
    axes = _draw(small_table, chart2016=True)
    names = {"CHEAP", "GOOD", "BEATEN", "CROPS", "Lost"}
    boxes = {
        text.get_text(): text.get_window_extent() for text in axes.texts if text.get_text() in names
    }
    assert set(boxes) == names
    for one, other in combinations(boxes.values(), 2):
        assert not one.overlaps(other)
    assert all(
        axes.bbox.containsx(box.x0) and axes.bbox.containsx(box.x1) for box in boxes.values()
    )


def test_the_2016_points_are_hollow_and_lie_where_they_were_printed(small_table: Table) -> None:
    rings = [
        tuple(point)
        for collection in _draw(small_table, chart2016=True).collections
        if len(collection.get_facecolor()) == 0 and len(collection.get_offsets()) == 2
        for point in np.round(collection.get_offsets(), 6).tolist()
    ]
    assert rings == [(3.0, 75.0), (1.5, 68.0)]


def test_the_caption_names_the_sources_and_the_convention(small_table: Table) -> None:
    with theme("light"):
        figure = find("accuracy-vs-ops")(small_table, Options())
    words = " ".join(text.get_text() for text in figure.texts)
    assert "A paper (4)" in words
    assert "1 multiply-add = 2 operations" in words


def test_without_any_accuracy_there_is_a_sentence(small_table: Table) -> None:
    empty = Table(networks=small_table.networks.assign(top1=np.nan))
    with pytest.raises(MissingDataError, match="no network of imagenet has an accuracy"):
        _draw(empty)


def test_every_network_of_the_registry_is_named_once_and_no_label_hides_another() -> None:
    loaded = load(Path(__file__).parents[2] / "results")
    axes = _draw(loaded, chart2016=True)
    networks = loaded.networks
    drawn = networks[(networks["dataset"] == "imagenet") & networks["top1"].notna()]
    written = [text for text in axes.texts if text.get_text()]
    names = sorted(name for text in written for name in text.get_text().split(", "))
    lost = loaded.chart2016["name"][~loaded.chart2016["architecture"].isin(drawn["name"])]
    assert len(lost) == 1
    assert names == sorted([*drawn["label"], *lost])
    for one, other in combinations([text.get_window_extent() for text in written], 2):
        assert not one.overlaps(other)
