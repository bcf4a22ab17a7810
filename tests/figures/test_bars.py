"""Ranked bars: order, numbers, panels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba

from opbench.figures import Options, find
from opbench.figures.parts.style import theme
from opbench.table import Table


def _panels(table: Table, name: str) -> dict[str, Axes]:
    with theme("light"):
        figure = find(name)(table, Options())
    return {axes.get_title(loc="left"): axes for axes in figure.axes}


def _bars(axes: Any) -> list[tuple[str, float]]:
    labels = [label.get_text() for label in axes.get_yticklabels()]
    return list(zip(labels, [bar.get_width() for bar in axes.patches], strict=True))


def test_datasets_never_share_an_axis(small_table: Table) -> None:
    panels = _panels(small_table, "top1")
    assert set(panels) == {"ImageNet", "MNIST"}
    assert _bars(panels["MNIST"]) == [("DIGITS", 99.0)]


def test_top1_ascends_and_starts_at_zero(small_table: Table) -> None:
    axes = _panels(small_table, "top1")["ImageNet"]
    assert _bars(axes) == [
        ("CHEAP", 58.0),
        ("CROPS", 64.0),
        ("ENet (2016)", 68.4),
        ("BEATEN", 71.0),
        ("GOOD", 76.0),
    ]
    assert axes.get_xlim()[0] == 0


def test_only_another_protocol_is_hatched(small_table: Table) -> None:
    axes = _panels(small_table, "top1")["ImageNet"]
    hatched = [bool(bar.get_hatch()) for bar in axes.patches]
    assert hatched == [False, True, False, False, False]


def test_only_what_was_published_and_cannot_be_run_is_an_outline(small_table: Table) -> None:
    axes = _panels(small_table, "top1")["ImageNet"]
    paper = to_rgba(axes.get_facecolor())
    assert [to_rgba(bar.get_facecolor()) == paper for bar in axes.patches] == [
        label == "ENet (2016)" for label, _ in _bars(axes)
    ]


def test_whiskers_are_the_95_percent_interval_of_a_proportion_of_50000(small_table: Table) -> None:
    axes = _panels(small_table, "top1")["ImageNet"]
    (whiskers,) = [each for each in axes.collections if isinstance(each, LineCollection)]
    low, high = whiskers.get_segments()[-1][:, 0]
    # 76 % of 50,000: a standard error of sqrt(0.76 * 0.24 / 50,000) = 0.191 %.
    assert (low, high) == pytest.approx((76 - 1.96 * 0.191, 76 + 1.96 * 0.191), abs=0.005)


def test_density_is_top1_per_million_parameters_ascending(small_table: Table) -> None:
    axes = _panels(small_table, "density")["ImageNet"]
    assert _bars(axes) == [
        ("BEATEN", 71 / 155),
        ("CROPS", 64 / 65),
        ("GOOD", 76 / 35),
        ("ENet (2016)", 68.4 / 6),
        ("CHEAP", 58 / 5),
    ]
    assert [text.get_text() for text in axes.texts] == ["0.458", "0.985", "2.17", "11.4", "11.6"]


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
