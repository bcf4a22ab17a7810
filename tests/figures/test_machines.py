"""The figure of machines says what the agreement found, and draws each reversal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from opbench.errors import MissingDataError
from opbench.figures import Options, find
from opbench.figures.machines import short
from opbench.figures.parts.frame import caption
from opbench.figures.parts.style import theme
from opbench.record import Record
from opbench.registry.counts_csv import load as load_counts
from opbench.table.frames import Table, load
from tests.builders import header, record_of, write_run

NETWORKS = ("alexnet", "vgg16", "resnet50", "googlenet", "squeezenet1_1")
# Seconds on three machines; AlexNet is faster than SqueezeNet on the second alone.
SECONDS = {
    "Slow": (0.08, 0.5, 0.2, 0.1, 0.02),
    "Fast": (0.001, 0.005, 0.004, 0.003, 0.002),
    "Third": (0.03, 0.09, 0.07, 0.05, 0.01),
}


def _board(folder: Path, machines: int) -> Table:
    rows = {row.name: row for row in load_counts(None)}
    for machine, seconds in [*SECONDS.items()][:machines]:
        gpu = machine == "Fast"
        device = "cuda:0" if gpu else "cpu"
        lines: list[Record] = [
            record_of(rows[name], 1, each, device=device)
            for name, each in zip(NETWORKS, seconds, strict=True)
        ]
        environment = {"gpu" if gpu else "cpu": machine, "torch_threads": 2, "cores": 2}
        write_run(folder, *lines, first=header(machine, environment=environment))
    return load(folder)


def _draw(table: Table, **choices: Any) -> Figure:
    with theme("light"):
        figure = find("machines")(table, Options(**choices))
        figure.draw_without_rendering()
    return figure


def test_two_machines_are_two_axes_and_one_reversal(tmp_path: Path) -> None:
    figure = _draw(_board(tmp_path, 2))
    left, right = figure.axes
    # One of the ten pairs is in another order: tau is (9 - 1) / 10.
    assert left.get_title(loc="left").startswith("Kendall's tau 0.80")
    assert right.get_title(loc="left") == "1 of 10 pairs are reversed"
    assert (left.get_xlabel(), left.get_ylabel()) == (
        "latency [ms] on Slow",
        "latency [ms] on Fast",
    )
    assert {"SqueezeNet 1.1", "AlexNet"} <= {text.get_text() for text in right.texts}
    offsets: list[Any] = [each.get_offsets() for each in right.collections]
    dots = [float(each[0][0]) for each in offsets if len(each) == 1]
    # SqueezeNet takes a quarter of AlexNet's time, and twice as long.
    assert sorted(each for each in dots if each) == pytest.approx([0.25, 2.0])
    assert "9 are in the same certain order on both, 1 are reversed" in caption(figure)


def test_three_machines_are_a_matrix(tmp_path: Path) -> None:
    figure = _draw(_board(tmp_path, 3))
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts.count("1.00") == 2  # Slow and Third, in either corner
    assert texts.count("0.80") == 4


def test_devices_can_be_chosen(tmp_path: Path) -> None:
    figure = _draw(_board(tmp_path, 3), device="fast,third")
    assert figure.axes[0].get_ylabel() == "latency [ms] on Fast"


def test_one_machine_is_told(timed_table: Table) -> None:
    with pytest.raises(MissingDataError, match="only one machine"):
        _draw(timed_table)
    with pytest.raises(MissingDataError, match="nothing was timed yet"):
        _draw(replace(timed_table, cells=timed_table.cells.head(0)))


def test_machines_without_a_network_in_common_are_told(tmp_path: Path) -> None:
    table = _board(tmp_path, 2)
    cells = table.cells
    apart = cells[(cells["machine"] == "Slow") == cells["name"].isin(NETWORKS[:2])]
    with pytest.raises(MissingDataError, match="time the same ones on both"):
        _draw(replace(table, cells=apart))


@pytest.mark.parametrize(
    ("name", "shorter"),
    [
        ("Intel(R) Xeon(R) Gold 6338 CPU @ 2.00GHz", "Intel Xeon Gold 6338"),
        ("NVIDIA H100 80GB HBM3", "H100 80GB"),
        ("NVIDIA GeForce RTX 4090", "RTX 4090"),
        ("AMD EPYC 9654 96-Core Processor", "AMD EPYC 9654"),
        ("Processor", "Processor"),
    ],
)
def test_a_machines_name_is_shortened(name: str, shorter: str) -> None:
    assert short(name) == shorter
