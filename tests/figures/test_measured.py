"""Accuracies that were measured here: solid, with a bar for the interval, and named as such."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from opbench.accuracy import wilson_interval
from opbench.errors import BadValueError
from opbench.figures import Options, find
from opbench.figures.parts.captions import sources
from opbench.figures.parts.frame import caption
from opbench.figures.parts.style import INK, theme
from opbench.record import Artefact
from opbench.table.frames import Table, load
from tests.builders import record_of, write_run
from tests.evaluations import write_evaluation
from tests.made_up import HEADER
from tests.measured_board import IMAGES, RIGHT, answers, network_rows, protocol, write_board


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Table:
    return load(write_board(tmp_path_factory.mktemp("board")))


def _draw(table: Table, name: str = "accuracy-vs-ops", **choices: Any) -> Figure:
    with theme("light"):
        figure: Figure = find(name)(table, Options(**choices))
        figure.draw_without_rendering()
    return figure


def _legend(figure: Figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def _blobs(axes: Axes) -> list[PathCollection]:
    return [
        each
        for each in axes.collections
        if isinstance(each, PathCollection) and each.get_alpha() is not None
    ]


def test_a_board_draws_its_data_set(board: Table) -> None:
    figure = _draw(board)
    axes = figure.axes[-1]
    (blobs,) = _blobs(axes)
    drawn = {tuple(np.round(point, 6)) for point in np.asarray(blobs.get_offsets())}
    macs = {row.name: row.macs for row in network_rows()}
    assert drawn == {
        (round(2e-9 * macs[name], 6), round(right / 100, 6)) for name, right in RIGHT.items()
    }
    words = " ".join(text.get_text() for text in figure.texts)
    assert "Top-1 on the Fashion-MNIST test set" in words


def test_measured_is_solid_with_a_dark_rim(board: Table) -> None:
    (blobs,) = _blobs(_draw(board).axes[-1])
    assert blobs.get_alpha() == 1
    assert {to_hex(edge) for edge in np.asarray(blobs.get_edgecolor())} == {INK["light"]["ink"]}


def test_a_bar_goes_from_end_to_end_of_the_interval(board: Table) -> None:
    axes = _draw(board).axes[-1]
    bars = [
        segment
        for each in axes.collections
        if isinstance(each, LineCollection)
        for segment in each.get_segments()
    ]
    ends = {(round(low, 6), round(high, 6)) for (_, low), (_, high) in bars}
    assert ends == {
        tuple(round(end, 6) for end in wilson_interval(right / 100, IMAGES))
        for right in RIGHT.values()
    }


def test_legend_and_caption_say_who_measured(board: Table) -> None:
    figure = _draw(board)
    assert "measured here" in _legend(figure)
    assert "stated by others" not in _legend(figure)  # there are none
    told = " ".join(caption(figure).split())
    assert "Accuracies measured here, every image once" in told
    assert "LeNet-5 (20261127T120000Z-7)" in told
    assert "LeCun" not in told  # who printed its accuracy on MNIST


def test_of_several_evaluations_of_a_network_the_caption_tells_the_number() -> None:
    rows = pd.DataFrame(
        {"name": ["net", "net", "lenet5"], "label": ["net", "net", "LeNet-5"]}
        | {"evaluation": ["a-1", "b-2", "c-3"], "source": ["a-1", "b-2", "c-3"]}
        | {"dataset": "mnist", "top1_measured": True, "own_accuracy": False}
    )
    assert sources(rows) == (
        "Accuracies measured here, every image once: LeNet-5 (c-3), net (2 evaluations); "
        "`opbench runs` lists them."
    )


def test_areas_are_of_small_networks(board: Table) -> None:
    figure = _draw(board)
    sizes = [text.get_text() for text in figure.axes[0].texts]
    assert "15.5" in sizes and "155" not in sizes


def test_other_data_sets_stand_beside_it(board: Table) -> None:
    figure = _draw(board, "accuracy-vs-ops-others")
    panels = {
        axes.get_title(loc="left"): axes for axes in figure.axes if axes.get_title(loc="left")
    }
    assert [*panels] == ["CIFAR-10", "MNIST", "Fashion-MNIST"]
    assert {"measured here", "stated by others"} <= {*_legend(figure)}
    (digits,) = _blobs(panels["MNIST"])
    assert digits.get_alpha() != 1


def test_the_reader_chooses_the_data_set(board: Table) -> None:
    words = " ".join(text.get_text() for text in _draw(board, dataset="mnist").texts)
    assert "Top-1 on the MNIST test set" in words
    assert "measured here" not in _legend(_draw(board, dataset="imagenet"))


@pytest.mark.parametrize("option", ["zoo", "chart2016"])
def test_what_is_of_imagenet_is_drawn_over_imagenet_alone(board: Table, option: str) -> None:
    with pytest.raises(BadValueError, match="remove it, or --dataset"):
        find("accuracy-vs-ops")(board, Options(dataset="mnist", **{option: True}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("accuracy-vs-ops", {"x": "latency_s"}),
        ("accuracy-vs-throughput", {}),
        ("pareto", {}),
        ("top1", {}),
        ("timeline", {}),
        ("ops-vs-time", {}),
    ],
)
def test_every_figure_knows_measured_accuracies(
    board: Table, name: str, choices: dict[str, Any]
) -> None:
    told = [each for each in _legend(_draw(board, name, **choices)) if "measured here" in each]
    assert bool(told) == (name != "ops-vs-time")  # it has no accuracy


def test_solid_is_the_time_of_what_was_evaluated_and_others_say_what_was_joined(
    tmp_path: Path,
) -> None:
    rows = network_rows()
    names = [row.name for row in rows]
    write_board(tmp_path)
    records = [
        record_of(row, 1, 1e-3 * number, artefact=row.name, weights_sha256=row.name)
        for number, row in enumerate(rows, start=1)
    ]
    write_run(tmp_path, *records, first=replace(HEADER, run="z", weights="trained"))
    for row in rows[:2]:
        made = Artefact(artefact=row.name, precision="float32", weights_sha256=row.name)
        right = answers(RIGHT[row.name])
        how: dict[str, Any] = {"preprocessing": protocol(row.input_size), "group": "z"}
        write_evaluation(
            tmp_path,
            row.name,
            right,
            stem=f"z-{row.year}",
            artefact=made,
            dataset="fashion_mnist",
            **how,
        )
    table = load(tmp_path)
    alone = table.cells[table.cells["dataset"] == "fashion_mnist"].set_index("name")
    assert alone["one_artefact"].to_dict() == {name: name in names[:2] for name in names}
    figure = _draw(table, "accuracy-vs-ops", x="latency_s", dataset="fashion_mnist")
    blobs = _blobs(figure.axes[-1])
    alphas = {len(np.asarray(each.get_offsets())): each.get_alpha() for each in blobs}
    assert alphas == {2: 1, 3: pytest.approx(0.78)}
    assert {"measured here", "measured here, joined"} <= {*_legend(figure)}
    told = " ".join(caption(figure).split())
    assert "Solid: time and accuracy of one artefact." in told
    joined = "accuracy measured in float32, eager, time in float32, eager"
    assert f"Translucent: of several artefacts, {joined} (" in told


def test_nothing_measured_nothing_said(small_table: Table) -> None:
    for name in ("accuracy-vs-ops", "top1"):
        figure = _draw(small_table, name)
        assert not {"measured here", "stated by others"} & {*_legend(figure)}
        assert "measured here" not in caption(figure)


def test_a_measured_network_stands_out_among_published_ones(tmp_path: Path) -> None:
    table = load(write_board(tmp_path))
    figure = _draw(table, "top1")
    assert "measured here" in _legend(figure) and "stated by others" in _legend(figure)
    words = " ".join(text.get_text() for text in figure.texts)
    assert "as published or, where it was, as measured here" in words
