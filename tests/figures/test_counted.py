"""Figures of counts and accuracies alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from opbench.errors import MissingDataError
from opbench.figures import Options, find
from opbench.figures.modules import choice
from opbench.figures.parts.style import INK, theme
from opbench.registry import counts_csv
from opbench.table.frames import Table, load
from tests.made_up import write_results


def _draw(name: str, table: Table, **choices: object) -> Figure:
    with theme("light"):
        figure = find(name)(table, Options(**choices))  # type: ignore[arg-type]
        figure.draw_without_rendering()
    return figure


def _names(axes: Axes) -> set[str]:
    return {name for text in axes.texts for name in text.get_text().split(", ") if name}


def _words(figure: Figure) -> str:
    return " ".join(text.get_text().replace("\n", " ") for text in figure.texts)


def test_the_other_datasets_have_a_panel_each(timed_table: Table) -> None:
    figure = _draw("accuracy-vs-ops-others", timed_table)
    panels = {axes.get_title(loc="left"): _names(axes) for axes in figure.axes[1:]}
    assert panels == {
        "CIFAR-10": {"ResNet-110"},
        "MNIST": {"LeNet-5"},
    }


def test_no_axis_of_accuracy_reaches_beyond_100_percent(timed_table: Table) -> None:
    networks = timed_table.networks.copy()
    networks.loc[networks["name"] == "lenet5", ["top1_low", "top1", "top1_high"]] = 99.5, 99.6, 99.7
    mnist = _draw("accuracy-vs-ops-others", replace(timed_table, networks=networks)).axes[-1]
    assert mnist.get_ylim()[1] == 100
    assert max(mnist.get_yticks()) <= 100


def test_a_family_keeps_the_panels_of_its_datasets(timed_table: Table) -> None:
    figure = _draw("accuracy-vs-ops-others", timed_table, families=("resnet",))
    (panel,) = figure.axes[1:]
    assert panel.get_title(loc="left") == "CIFAR-10"
    assert _names(panel) == {"ResNet-110"}
    assert "He et al." in _words(figure)
    assert "Mishkin" not in _words(figure)


def test_a_network_of_one_dataset_can_be_brought_forward(timed_table: Table) -> None:
    figure = _draw("accuracy-vs-ops-others", timed_table, highlight=("lenet5",))
    ink = {text.get_text(): text.get_color() for axes in figure.axes[1:] for text in axes.texts}
    assert set(ink) == {"LeNet-5", "ResNet-110"}  # the best of the other panel stands back
    assert ink["LeNet-5"] == INK["light"]["ink"]
    assert ink["ResNet-110"] == INK["light"]["muted"]


def _study(table: Table, **choices: object) -> dict[str, dict[str, str]]:
    """What stands beside the dot of each variant, by panel."""
    written = {}
    panels: list[Any] = _draw("modules", table, **choices).axes[:3]
    ticks = panels[0].get_yticklabels()
    names = {tick.get_position()[1]: tick.get_text() for tick in ticks}
    for axes in panels:
        texts = {names[text.xy[1]]: text.get_text() for text in axes.texts}
        written[axes.get_title(loc="left")] = texts
    return written


def test_the_module_study_compares_gains_and_costs_with_the_network_itself(
    timed_table: Table,
) -> None:
    study = _study(timed_table)
    # Table of the study: 47.1 % for the network itself, 48.8 with ELU, 53.3 with twice the width.
    assert study["top-1 accuracy"] == {"elu": "+1.7", "width 2x": "+6.2"}
    assert study["operations"]["elu"] == study["parameters"]["elu"] == "1x"
    facts = timed_table.networks.set_index("name")
    base, wide = facts.loc["caffenet128"], facts.loc["caffenet128_width_2x"]
    assert study["operations"]["width 2x"] == f"{wide['macs'] / base['macs']:.3g}x"
    assert study["parameters"]["width 2x"] == f"{wide['params'] / base['params']:.3g}x"
    assert set(_study(timed_table, unit="macs")) > {"multiply-accumulates"}


def test_the_module_study_charts_accuracy_against_cost(timed_table: Table) -> None:
    chart: Any = _draw("modules", timed_table).axes[-1]
    assert _names(chart) == {"CaffeNet128", "elu", "width 2x"}
    lines = [line.get_xdata()[0] for line in chart.lines if line.get_linewidth() == 1.1]
    assert lines[0] == pytest.approx(2 * 208_986_240 * 1e-9)


def test_the_module_study_says_which_variants_change_more_than_one_thing(
    timed_table: Table,
) -> None:
    changed = {"activation function": "classifier; activation function"}
    networks = timed_table.networks.replace({"changes": changed})
    words = _words(_draw("modules", replace(timed_table, networks=networks)))
    assert "More than one thing is changed in: elu (classifier, activation function)." in words


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ("", "several choices"),
        ("pooling", "pooling"),
        ("classifier; activation function", "classifier"),
        ("activation function; colour space; pooling", "several choices"),
    ],
)
def test_a_variant_belongs_to_the_choice_under_study(changes: str, named: str) -> None:
    assert choice(changes) == named


def test_every_choice_of_the_study_has_its_own_colour(tmp_path: Path) -> None:
    variants = [row.name for row in counts_csv.load() if row.family == "caffenet"]
    axes: Any = _draw("modules", load(write_results(tmp_path, names=variants))).axes[0]
    heads = [text for text in axes.get_yticklabels() if text.get_weight() == "semibold"]
    assert len(heads) == len({text.get_color() for text in heads}) == 8


def test_without_the_study_the_figure_says_so(small_table: Table) -> None:
    with pytest.raises(MissingDataError, match="a network of ImageNet at 128 pixels is known"):
        _draw("modules", small_table)


def test_the_timeline_has_years_below_and_two_panels(timed_table: Table) -> None:
    figure = _draw("timeline", timed_table)
    above, below = figure.axes[1:]
    assert above.get_xlim() == below.get_xlim() == (2011.5, 2016.5)
    assert _names(above) == _names(below)
    assert "the place within a year is the order of cost, not a date" in below.get_xlabel()
    assert "VGG-16" in _names(above)
    (whiskers,) = (each for each in above.collections if isinstance(each, LineCollection))
    ends = sorted(height for path in whiskers.get_segments() for _, height in path)
    shown = timed_table.networks.query("dataset == 'imagenet'")
    assert ends == pytest.approx(sorted([*shown["top1_low"], *shown["top1_high"]]))


def test_the_chart_of_2016_has_an_arrow_and_a_reason_for_what_moved(timed_table: Table) -> None:
    figure: Any = _draw("chart2016", timed_table)
    words = _words(figure)
    # Two groups halve what conv2, conv4 and conv5 cost; 2 * 724,406,816 = 1.45 G-ops.
    assert "AlexNet: 2.26 → 1.45.  The chart's profiler ignored the groups" in words
    assert "GoogLeNet: 3.00 → 3.17" in words
    assert "VGG-16: " not in words
    arrows = [text for text in figure.axes[-1].texts if getattr(text, "arrow_patch", None)]
    moved = {tuple(round(float(part), 3) for part in text.xy) for text in arrows}
    assert (1.449, 57.1) in moved


def test_a_correction_without_a_known_reason_is_called_unexplained(small_table: Table) -> None:
    # The made-up chart says 3 G-ops, the made-up count 4.
    assert "Good: 3.00 → 4.00.  Unexplained." in _words(_draw("chart2016", small_table))


def test_a_network_that_cannot_be_run_is_a_ring(small_table: Table) -> None:
    figure = _draw("chart2016", small_table)
    assert "ENet: Never published." in _words(figure)
    assert "ENet" in _names(figure.axes[-1])
