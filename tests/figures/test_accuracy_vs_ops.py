"""The chart: where each blob lies, how large it is, what it says."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex

from opbench.errors import BadValueError, MissingDataError
from opbench.figures import Options, find
from opbench.figures.parts.style import theme
from opbench.metrics import CONVENTION, FAMILIES, PER_MAC
from opbench.table.frames import Table, load


def _draw(table: Table, **choices: object) -> Axes:
    with theme("light"):
        figure = find("accuracy-vs-ops")(table, Options(**choices))  # type: ignore[arg-type]
        figure.draw_without_rendering()
    return figure.axes[-1]


def _blobs(axes: Any) -> dict[tuple[float, float], float]:
    """Area in square points of the filled blob at each point."""
    return {
        (round(float(x), 6), round(float(y), 6)): float(size)
        for collection in axes.collections
        if isinstance(collection, PathCollection) and collection.get_alpha() is not None
        for (x, y), size in zip(
            np.asarray(collection.get_offsets()), collection.get_sizes(), strict=True
        )
    }


def test_a_network_lies_at_two_operations_per_multiply_add(small_table: Table) -> None:
    assert set(_blobs(_draw(small_table))) == {(1, 58), (4, 76), (8, 71), (6, 64)}


def test_the_other_unit_halves_the_axis_and_says_so(small_table: Table) -> None:
    axes = _draw(small_table, unit="macs")
    assert set(_blobs(axes)) == {(0.5, 58), (2, 76), (4, 71), (3, 64)}
    assert PER_MAC in axes.get_xlabel()
    assert PER_MAC in _draw(small_table).get_xlabel()


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
        figure: Any = find("accuracy-vs-ops")(small_table, Options())
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
    names = {"CHEAP", "GOOD", "BEATEN", "CROPS", "ENet"}
    boxes = {
        text.get_text(): text.get_window_extent() for text in axes.texts if text.get_text() in names
    }
    assert set(boxes) == names
    for one, other in combinations(boxes.values(), 2):
        assert not one.overlaps(other)
    assert all(
        axes.bbox.containsx(box.x0) and axes.bbox.containsx(box.x1) for box in boxes.values()
    )


def _rings(axes: Any) -> dict[tuple[float, float], str]:
    """The colour of the hollow blob at each point."""
    return {
        (round(float(x), 6), round(float(y), 6)): to_hex(edge)
        for collection in axes.collections
        if isinstance(collection, PathCollection) and len(collection.get_facecolor()) == 0
        for (x, y), edge in zip(
            np.asarray(collection.get_offsets()),
            np.asarray(collection.get_edgecolor()),
            strict=True,
        )
    }


def test_the_2016_points_are_hollow_and_lie_where_they_were_printed(small_table: Table) -> None:
    rings = _rings(_draw(small_table, chart2016=True))
    assert set(rings) == {(3.0, 75.0), (1.5, 68.4)}
    # 75 % at 3 G-ops is of a network that is still known, the other of none.
    assert rings[(3.0, 75.0)] == FAMILIES["resnet"].hue
    assert rings[(1.5, 68.4)] not in {family.hue for family in FAMILIES.values()}


def test_a_family_has_its_own_printed_points_and_room_for_them(small_table: Table) -> None:
    axes = _draw(small_table, chart2016=True, families=("resnet",))
    assert set(_blobs(axes)) == {(4, 76)}
    assert _rings(axes) == {(3.0, 75.0): FAMILIES["resnet"].hue}
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    assert left < 3 < right
    assert low < 75 < high


def test_the_2016_points_can_lie_over_parameters_too(small_table: Table) -> None:
    axes = _draw(small_table, chart2016=True, x="params")
    assert set(_rings(axes)) == {(35.0, 75.0), (6.0, 68.4)}


@pytest.mark.parametrize("choices", [{"x": "activations"}, {"y": "top5"}])
def test_axes_that_the_2016_chart_does_not_have_are_refused(
    small_table: Table, choices: dict[str, str]
) -> None:
    with pytest.raises(BadValueError, match="--overlay chart2016 has only top-1 against flops"):
        _draw(small_table, chart2016=True, **choices)


def test_only_accuracies_of_one_protocol_compete(small_table: Table) -> None:
    networks = small_table.networks.copy()
    networks.loc[networks["name"] == "crops", "top1"] = 99.0  # of ten crops
    axes = _draw(replace(small_table, networks=networks), label=("frontier",))
    assert {text.get_text() for text in axes.texts} - {""} == {"CHEAP", "GOOD"}
    words = " ".join(text.get_text() for text in axes.figure.texts)
    assert "only accuracies of a single central crop compete" in words


def test_without_a_competitor_there_is_no_frontier(small_table: Table) -> None:
    networks = small_table.networks.assign(single_crop=False)
    axes = _draw(replace(small_table, networks=networks))
    assert len(_blobs(axes)) == 4


def test_a_cost_against_a_cost_knows_no_protocol(small_table: Table) -> None:
    sizes = _blobs(_draw(small_table, x="params", y="activations"))
    assert sizes[(65, 1)] / sizes[(5, 1)] == pytest.approx(65 / 5)


def test_what_would_be_too_small_to_be_seen_is_enlarged_and_said_so(small_table: Table) -> None:
    networks = small_table.networks.copy()
    networks.loc[networks["name"] == "cheap", "params"] = 100_000
    axes = _draw(replace(small_table, networks=networks))
    words = " ".join(text.get_text().replace("\n", " ") for text in axes.figure.texts)
    # 28 square points at the chart's 24 a million.
    assert _blobs(axes)[(1, 58)] == 28
    assert "Enlarged to be visible, to 1.2 million parameters: CHEAP (0.1)." in words
    assert "To be seen" not in _draw(small_table).figure.texts[-1].get_text()


def test_the_caption_names_the_sources_and_the_convention(small_table: Table) -> None:
    with theme("light"):
        figure = find("accuracy-vs-ops")(small_table, Options())
    words = " ".join(text.get_text() for text in figure.texts)
    assert "A paper (4)" in words
    assert CONVENTION in " ".join(words.split())


def test_without_any_accuracy_there_is_a_sentence(small_table: Table) -> None:
    empty = replace(small_table, networks=small_table.networks.assign(top1=np.nan))
    with pytest.raises(
        MissingDataError, match="no top-1 accuracy of a network of ImageNet is known"
    ):
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
