"""Ranked dots: order, numbers, panels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_rgba

from opbench.figures import Options, find
from opbench.figures.parts.style import INK, theme
from opbench.table.frames import Table


def _panels(table: Table, name: str) -> dict[str, Axes]:
    with theme("light"):
        figure = find(name)(table, Options())
    return {axes.get_title(loc="left"): axes for axes in figure.axes}


def _dots(axes: Axes) -> list[tuple[str, float]]:
    """The name and the place of each dot, from the lowest row."""
    labels = [label.get_text() for label in axes.get_yticklabels()]
    places = sorted((y, x) for each in _marks(axes) for x, y in np.asarray(each.get_offsets()))
    return [(labels[int(y)], x) for y, x in places]


def _marks(axes: Axes) -> list[PathCollection]:
    return [each for each in axes.collections if isinstance(each, PathCollection)]


def _named(axes: Axes, mark: PathCollection) -> set[str]:
    labels = [label.get_text() for label in axes.get_yticklabels()]
    return {labels[int(y)] for _, y in np.asarray(mark.get_offsets())}


def test_datasets_never_share_an_axis(small_table: Table) -> None:
    panels = _panels(small_table, "top1")
    assert set(panels) == {"ImageNet", "MNIST"}
    assert _dots(panels["MNIST"]) == [("DIGITS", 99.0)]


def test_top1_ascends(small_table: Table) -> None:
    assert _dots(_panels(small_table, "top1")["ImageNet"]) == [
        ("CHEAP", 58.0),
        ("CROPS", 64.0),
        ("ENet (2016)", 68.4),
        ("BEATEN", 71.0),
        ("GOOD", 76.0),
    ]


def test_only_another_protocol_is_a_square(small_table: Table) -> None:
    axes = _panels(small_table, "top1")["ImageNet"]
    # A square's path has four corners and the point that closes it, a disc's is of curves.
    squares = [each for each in _marks(axes) if len(np.asarray(each.get_paths()[0].vertices)) == 5]
    assert [_named(axes, each) for each in squares] == [{"CROPS"}]


def test_only_what_was_published_and_cannot_be_run_is_a_ring(small_table: Table) -> None:
    axes = _panels(small_table, "top1")["ImageNet"]
    paper = to_rgba(INK["light"]["paper"])
    rings = [each for each in _marks(axes) if to_rgba(np.asarray(each.get_facecolor())[0]) == paper]
    assert [_named(axes, each) for each in rings] == [{"ENet (2016)"}]


def test_whiskers_are_the_95_percent_interval_of_a_proportion_of_50000(small_table: Table) -> None:
    axes = _panels(small_table, "top1")["ImageNet"]
    whiskers, _ = [each for each in axes.collections if isinstance(each, LineCollection)]
    low, high = whiskers.get_segments()[-1][:, 0]
    # 76 % of 50,000: a standard error of sqrt(0.76 * 0.24 / 50,000) = 0.191 %.
    assert (low, high) == pytest.approx((76 - 1.96 * 0.191, 76 + 1.96 * 0.191), abs=0.005)


def test_density_is_top1_per_million_parameters_ascending_on_a_log_axis(small_table: Table) -> None:
    axes = _panels(small_table, "density")["ImageNet"]
    names, values = zip(*_dots(axes), strict=True)
    assert names == ("BEATEN", "CROPS", "GOOD", "ENet (2016)", "CHEAP")
    assert values == pytest.approx((71 / 155, 64 / 65, 76 / 35, 68.4 / 6, 58 / 5))
    assert [text.get_text() for text in axes.texts] == ["0.458", "0.985", "2.17", "11.4", "11.6"]
    assert axes.get_xscale() == "log"


def test_a_number_stands_inside_the_axes(small_table: Table) -> None:
    for name in ("top1", "density"):
        for axes in _panels(small_table, name).values():
            axes.figure.draw_without_rendering()  # type: ignore[union-attr]
            assert all(text.get_window_extent().x1 < axes.bbox.x1 for text in axes.texts)


def test_networks_that_lie_close_are_told_apart_by_a_second_decimal(small_table: Table) -> None:
    networks = small_table.networks.copy()
    networks.loc[networks["name"] == "digits", "top1"] = 99.05
    twin = networks[networks["name"] == "digits"].assign(name="twin", top1=99.65)
    networks = pd.concat([networks, twin], ignore_index=True)
    panels = _panels(replace(small_table, networks=networks), "top1")
    assert [text.get_text() for text in panels["MNIST"].texts] == ["99.05", "99.65"]
    assert [text.get_text() for text in panels["ImageNet"].texts] == [
        "58.0",
        "64.0",
        "68.4",
        "71.0",
        "76.0",
    ]
