"""The networks of the libraries behind a figure, from few made-up rows."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex

from opbench.errors import BadValueError, MissingDataError
from opbench.figures import Options, find
from opbench.figures.parts.style import INK, theme
from opbench.spec import Shape
from opbench.table.frames import Table, zoo_frame
from opbench.table.networks import Network
from opbench.zoo.groups import GROUPS, TRAININGS, Group
from tests.builders import zoo_row

Point = tuple[float, float]
_HUE = {group: each.hue for each in TRAININGS for group in each.groups}
_G = 500_000_000  # MACs of one G-op


def _with(table: Table, *rows: Any) -> Table:
    return replace(table, zoo=zoo_frame(map(Network.of_zoo, rows)))


@pytest.fixture(scope="module")
def hazy(small_table: Table) -> Table:
    """Two architectures of one family, weights of three groups, and rows that do not compare."""
    return _with(
        small_table,
        zoo_row("timm:resnet18.a_in1k", macs=_G, top1=70.0),
        zoo_row("timm:resnet18.b_in1k", macs=_G, top1=72.0),
        zoo_row("timm:resnet18.fb_in22k_ft_in1k", macs=_G, top1=75.0, trained_on="imagenet21k"),
        zoo_row("timm:resnet18.sw_in12k_ft_in1k", macs=_G, top1=76.0, trained_on="imagenet12k"),
        zoo_row("timm:resnet34.a_in1k", macs=4 * _G, top1=78.0),
        zoo_row("timm:vgg11.a_in1k", macs=8 * _G, top1=74.0),
        zoo_row("timm:vgg11.ig1b_ft_in1k", macs=8 * _G, top1=80.0, trained_on="web"),
        zoo_row("timm:vgg11.many_in1k", macs=_G // 10, top1=99.0, protocol="multi-view"),
        zoo_row("timm:vgg11.other", macs=_G // 10, top1=99.0, dataset="imagenet21k"),
        zoo_row("timm:vgg11.none_in1k", macs=_G // 10, top1=None, protocol=""),
    )


def _draw(table: Table, figure: str = "accuracy-vs-ops", **choices: object) -> Any:
    with theme("light"):
        drawn = find(figure)(table, Options(zoo=True, **choices))  # type: ignore[arg-type]
        drawn.draw_without_rendering()
    return drawn


def _marks(axes: Any, *, hollow: bool) -> dict[Point, str]:
    """The colour of each ring, or of each dot of a frontier."""
    hues = set(_HUE.values())
    return {
        (round(float(x), 6), round(float(y), 6)): to_hex(mark)
        for collection in axes.collections
        if isinstance(collection, PathCollection)
        and (len(collection.get_facecolor()) == 0) == hollow
        for mark in np.asarray(
            collection.get_edgecolor() if hollow else collection.get_facecolor()
        )[:1]
        if to_hex(mark) in hues
        for x, y in np.asarray(collection.get_offsets())
    }


def _lines(axes: Any, group: Group) -> list[list[Point]]:
    return [
        [(float(x), float(y)) for x, y in line.get_xydata() if np.isfinite(y)]
        for line in axes.lines
        if to_hex(line.get_color()) == _HUE[group]
    ]


def _words(figure: Any) -> str:
    return " ".join(" ".join(text.get_text() for text in figure.texts).split())


def test_the_best_weights_of_an_architecture_and_group_are_one_mark(hazy: Table) -> None:
    axes = _draw(hazy).axes[-1]
    assert _marks(axes, hollow=True) == {(8, 74): _HUE["imagenet1k"]}
    assert _marks(axes, hollow=False) == {
        (1, 72): _HUE["imagenet1k"],
        (4, 78): _HUE["imagenet1k"],
        (1, 76): _HUE["imagenet21k"],
        (8, 80): _HUE["web"],
    }


def test_a_bar_reaches_down_to_the_least_accurate_weights(hazy: Table) -> None:
    axes = _draw(hazy).axes[-1]
    bars, *_ = _lines(axes, "imagenet1k")
    assert {((1, 72), (1, 70)), ((4, 78), (4, 78))} < set(zip(bars[::2], bars[1::2], strict=True))
    bars, *_ = _lines(axes, "imagenet12k")
    assert bars == [(1, 76), (1, 75)]


def test_sizes_of_a_family_are_joined_and_the_frontier_steps(hazy: Table) -> None:
    axes = _draw(hazy).axes[-1]
    _, families, steps = _lines(axes, "imagenet1k")
    assert families == [(1, 72), (4, 78), (8, 74)]  # ResNet's two, and VGG's only one
    drawn = [line.get_ydata().tolist() for line in axes.lines]
    assert "[72.0, 78.0, nan, 74.0, nan]" in map(str, drawn)
    assert steps == [(1, 72), (4, 72), (4, 78)]


def test_what_does_not_compare_is_left_out_and_counted(hazy: Table) -> None:
    figure = _draw(hazy)
    assert max(y for _, y in _marks(figure.axes[-1], hollow=False)) == 80
    assert "Left out: 3 of 10 sets of weights and sizes" in _words(figure)


def test_rings_far_below_the_blobs_are_outside_and_counted(hazy: Table) -> None:
    low = zoo_row("timm:low.in1k", macs=9 * _G, top1=20.0)
    figure = _draw(replace(hazy, zoo=zoo_frame([Network.of_zoo(low)])))
    assert figure.axes[-1].get_ylim()[0] == 54  # the least accurate blob is at 58 %
    assert "1 ring below the axis" in _words(figure)
    assert "low" not in {text.get_text() for text in figure.axes[-1].texts}


def test_the_frontiers_and_the_highlights_are_named_without_overlap(hazy: Table) -> None:
    axes = _draw(hazy).axes[-1]
    written = [text for text in axes.texts if text.get_text()]
    names = {text.get_text() for text in written}
    # Of the article's networks the frontier and the best of each family.
    assert names == {"resnet18", "resnet34", "vgg11", "CHEAP", "GOOD", "BEATEN", "CROPS"}
    for one, other in combinations([text.get_window_extent() for text in written], 2):
        assert not one.overlaps(other)


def test_a_name_of_several_sizes_stands_at_the_most_accurate(small_table: Table) -> None:
    sizes = [
        zoo_row("timm:a.in1k", input_size=Shape((3, side, side)), macs=side * _G, top1=60.0 + side)
        for side in (1, 2, 3)
    ]
    axes = _draw(_with(small_table, *sizes)).axes[-1]
    assert [text.get_text() for text in axes.texts].count("a") == 1


def test_a_family_chooses_among_the_libraries_too(hazy: Table) -> None:
    axes = _draw(hazy, families=("resnet",)).axes[-1]
    assert {x for x, _ in _marks(axes, hollow=False)} == {1, 4}


def test_a_family_that_no_library_has_is_told(hazy: Table) -> None:
    with pytest.raises(MissingDataError, match="remove --zoo or --family"):
        _draw(hazy, families=("overfeat",))


def test_a_name_that_is_asked_for_stands_out_alone(hazy: Table) -> None:
    axes = _draw(hazy, highlight=("timm:vgg11",)).axes[-1]
    written = {text.get_text(): to_hex(text.get_color()) for text in axes.texts}
    assert {name for name, ink in written.items() if ink in _HUE.values()} == {"vgg11"}
    assert written["GOOD"] == INK["light"]["muted"]
    assert (8, 74) in _marks(axes, hollow=False)


def test_weights_that_do_not_compare_cannot_be_highlighted(hazy: Table) -> None:
    with pytest.raises(MissingDataError, match=r"timm:vgg11.none_in1k has no point in this figure"):
        _draw(hazy, highlight=("timm:vgg11.none_in1k",))


def test_the_networks_of_the_libraries_are_behind_every_counted_cost(hazy: Table) -> None:
    _, *panels = _draw(hazy, "pareto").axes
    assert [axes.get_xlabel() for axes in panels][1:] == ["parameters [M]", "activations [M]"]
    assert {y for _, y in _marks(panels[0], hollow=False)} == {72, 78, 76, 80}
    # All have a thousand parameters: the most accurate of each group is left.
    assert {y for _, y in _marks(panels[1], hollow=False)} == {78, 76, 80}
    # There is room for the name of the most accurate of each group.
    names = {text.get_text() for text in panels[0].texts}
    assert names == {"CHEAP", "GOOD", "resnet18", "resnet34", "vgg11"}


@pytest.mark.parametrize("choices", [{"x": "latency_s"}, {"y": "macs"}, {"x": "density"}])
def test_axes_that_the_libraries_do_not_have_are_refused(
    hazy: Table, choices: dict[str, str]
) -> None:
    with pytest.raises(BadValueError, match="--zoo has only top-1 or top-5 against what is count"):
        _draw(hazy, **choices)


def test_every_group_that_imagenet_knows_is_in_one_training() -> None:
    shown = [group for each in TRAININGS for group in each.groups]
    assert sorted(shown) == sorted(set(GROUPS) - {"other"})
    assert len({each.hue for each in TRAININGS}) == len(TRAININGS)
