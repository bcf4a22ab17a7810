"""The fourteen points of the 2016 chart."""

from __future__ import annotations

from pathlib import Path

import pytest

from opbench import accuracy
from opbench.accuracy.chart2016 import COLUMNS
from opbench.errors import BadFileError
from opbench.registry import entries


def test_the_chart_has_fourteen_networks_and_one_cannot_be_run() -> None:
    names = {point.architecture for point in accuracy.load_chart2016()}
    assert len(names) == 14
    assert names - set(entries.names()) == {"enet_chart2016"} == accuracy.PUBLISHED_ONLY


def test_densities_are_those_of_the_papers_abstract() -> None:
    # Figure 10 of the paper draws top-1 per million parameters; its text says ENet's is 13 times
    # AlexNet's and 24 times VGG-19's.
    density = {p.label: p.top1_percent / p.params_millions for p in accuracy.load_chart2016()}
    assert density["ENet"] / density["AlexNet"] == pytest.approx(13, abs=0.5)
    assert density["ENet"] / density["VGG-19"] == pytest.approx(24, abs=0.5)


def test_the_file_of_accuracies_repeats_the_charts_figures() -> None:
    listed = {
        (row.architecture, row.top1)
        for row in accuracy.load_published()
        if row.source.startswith("Canziani")
    }
    for point in accuracy.load_chart2016():
        assert (point.architecture, point.top1_percent) in listed


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ("alexnet,AlexNet,54.61,0,60.97,", "above 0"),
        ("alexnet,AlexNet,54.61,2.26,many,", "write a number"),
        ("alexnet,AlexNet,,2.26,60.97,", "label or top1_percent"),
        ("alexnet,,54.61,2.26,60.97,", "label or top1_percent"),
        (",AlexNet,54.61,2.26,60.97,", "architecture"),
    ],
)
def test_a_broken_point_is_named_by_line(tmp_path: Path, cells: str, problem: str) -> None:
    path = tmp_path / "chart.csv"
    path.write_text(f"{','.join(COLUMNS)}\n{cells}\n")
    with pytest.raises(BadFileError, match=f"line 2: .*{problem}"):
        accuracy.load_chart2016(path)
