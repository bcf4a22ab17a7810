"""Figures across runtimes: every mark is arithmetic on the made-up run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opbench.errors import MissingDataError
from opbench.figures import Options, find, takes
from opbench.figures.parts.style import theme
from opbench.figures.runtimes import relative
from opbench.table.frames import Table
from tests.made_up import SPEEDS

IMAGENET = 7  # networks of the made-up run that are ImageNet's
LABELS = {"onnxruntime": "ONNX Runtime", "openvino": "OpenVINO"}


def _draw(name: str, table: Table, **choices: Any) -> Figure:
    with theme("light"):
        figure = find(name)(table, Options(**choices))
        figure.draw_without_rendering()
    return figure


def _marks(axes: Axes, label: str) -> list[tuple[float, float]]:
    return [
        (float(x), float(y))
        for collection in axes.collections
        if collection.get_gid() == label
        for x, y in np.asarray(collection.get_offsets())
    ]


def _words(figure: Figure) -> str:
    return " ".join(" ".join(text.get_text() for text in figure.texts).split())


def _panel(figure: Figure, xlabel: str) -> Axes:
    (found,) = (axes for axes in figure.axes if axes.get_xlabel().startswith(xlabel))
    return found


def test_times_are_drawn_relative_to_eager_execution(runtimes_table: Table) -> None:
    axes = _panel(_draw("runtimes", runtimes_table), "latency")
    for runtime, speed in SPEEDS.items():
        # OpenVINO does not take GoogLeNet.
        marks = _marks(axes, LABELS[runtime])
        assert len(marks) == IMAGENET - (runtime == "openvino")
        assert [x for x, _ in marks] == pytest.approx([1 / speed] * len(marks))
    heights = sorted(y for _, y in _marks(axes, "OpenVINO"))
    assert np.diff(heights) == pytest.approx([1.0] * (IMAGENET - 2))


def test_the_network_that_gains_most_is_first(runtimes_table: Table) -> None:
    figure = _draw("runtimes", runtimes_table)
    axes = _panel(figure, "latency")
    rows = [text.get_text() for text in axes.texts if not text.get_text().endswith(" ms")]
    # Without OpenVINO it gains twice, all others four times.
    assert len(rows) == IMAGENET
    assert rows[-1] == "GoogLeNet"


def test_the_interval_of_a_ratio_is_that_of_both_times(runtimes_table: Table) -> None:
    cells = runtimes_table.cells.query("batch_size == 1 and dataset == 'imagenet'")
    rows: Any = relative(cells.assign(lit=True)).query("name == 'resnet50'").set_index("runtime")
    # Each time lies between 0.95 and 1.1 of its median: by hand, squares of logarithms added.
    both = np.hypot(np.log(1.1), np.log(0.95))
    for runtime, speed in SPEEDS.items():
        ratio, low, high = rows.loc[runtime, ["ratio", "ratio_low", "ratio_high"]]
        assert (low, high) == pytest.approx((ratio / np.exp(both), ratio * np.exp(both)))
        assert ratio == pytest.approx(1 / speed)
    # Of itself it is 1, with its own interval.
    eager = rows.loc["eager", ["ratio", "ratio_low", "ratio_high"]].to_list()
    assert eager == pytest.approx([1.0, 1 / 1.1, 1 / 0.95])


def test_errors_of_outputs_stand_beside_the_times(runtimes_table: Table) -> None:
    axes: Any = _panel(_draw("runtimes", runtimes_table), "largest error")
    for runtime, speed in SPEEDS.items():
        errors = [x for x, _ in _marks(axes, LABELS[runtime])]
        assert errors == pytest.approx([speed * 1e-6] * len(errors))
    (limit,) = (line for line in axes.lines if line.get_gid() == "limit")
    assert set(limit.get_xdata()) == {1e-4}


@pytest.mark.parametrize("error", [0.0, np.nan])
def test_no_error_and_an_unknown_one_are_told(runtimes_table: Table, error: float) -> None:
    cells = runtimes_table.cells
    of_vgg = (cells["name"] == "vgg16") & (cells["runtime"] == "openvino")
    table = replace(
        runtimes_table, cells=cells.assign(output_error=cells["output_error"].mask(of_vgg, error))
    )
    figure = _draw("runtimes", table)
    axes = _panel(figure, "largest error")
    assert len(_marks(axes, "OpenVINO")) == IMAGENET - 1 - np.isnan(error)
    told = "VGG-16 in OpenVINO" if np.isnan(error) else "exactly 0 stands at the left end"
    assert told in _words(figure)
    nothing = replace(runtimes_table, cells=cells.assign(output_error=error))
    assert _marks(_panel(_draw("runtimes", nothing), "largest error"), "OpenVINO") == []


def test_what_failed_is_told_with_its_reason(runtimes_table: Table) -> None:
    words = _words(_draw("runtimes", runtimes_table))
    assert "Without a time: GoogLeNet in OpenVINO (no such operator)." in words


@pytest.mark.parametrize("name", ["runtimes", "accuracy-vs-time"])
def test_one_runtime_alone_says_what_to_run(name: str, timed_table: Table) -> None:
    with pytest.raises(MissingDataError, match="eager in float32 is all that was timed here"):
        _draw(name, timed_table)


def test_runtimes_without_eager_execution_say_what_to_run(runtimes_table: Table) -> None:
    cells = runtimes_table.cells.query("runtime != 'eager'")
    with pytest.raises(MissingDataError, match="timed both in eager float32 and otherwise"):
        _draw("runtimes", replace(runtimes_table, cells=cells))


def test_data_types_are_told_apart(runtimes_table: Table) -> None:
    cells = runtimes_table.cells
    dtype = cells["dtype"].mask(cells["runtime"] == "openvino", "bfloat16")
    table = replace(runtimes_table, cells=cells.assign(dtype=dtype))
    figure = _draw("runtimes", table)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "ONNX Runtime: median 2 times faster",
        "OpenVINO bfloat16: median 4 times faster",
    ]
    shapes = {line.get_label(): line.get_marker() for line in legend.get_lines()}
    assert len(set(shapes.values())) == 2


def test_the_frontier_is_that_of_networks_and_runtimes(runtimes_table: Table) -> None:
    figure = _draw("accuracy-vs-time", runtimes_table)
    (axes,) = (axes for axes in figure.axes if axes.axison)
    names = ("eager", *LABELS.values())
    assert [len(_marks(axes, each)) for each in names] == [IMAGENET, IMAGENET, IMAGENET - 1]
    # At 4 times 100 GFLOP/s AlexNet's 724 million MACs take 3.6 ms and SqueezeNet's 819 4.1 ms.
    first = _words(figure).partition("On the frontier: ")[2]
    assert first.startswith("AlexNet in OpenVINO (3.6 ms, 57.1 %), SqueezeNet 1.0 in OpenVINO (4.1")
    assert "GoogLeNet in OpenVINO" not in first


def test_other_figures_draw_one_runtime_eager_unless_another_is_asked_for(
    runtimes_table: Table,
) -> None:
    for choices, speed in (({}, 1), ({"runtime": "openvino"}, 4)):
        figure = _draw("ops-vs-time", runtimes_table, batch_sizes=(1,), **choices)
        told = {text.get_text() for axes in figure.axes for text in axes.texts}
        assert any(f"fit: {10 / speed:g} ms/G-ops" in each for each in told)
        assert ("openvino" in _words(figure)) == (speed == 4)
    with pytest.raises(MissingDataError, match="in aot: run `opbench run --runtime aot`"):
        _draw("ops-vs-time", runtimes_table, runtime="aot")
    assert not {name for name in ("runtimes", "accuracy-vs-time") if "runtime" in takes(name)}


def test_the_roofline_says_how_much_each_runtime_uses(runtimes_table: Table) -> None:
    axes = _draw("roofline", runtimes_table).axes[-1]
    assert axes.get_title(loc="left").startswith("batch 1, in every runtime")
    # 100, 200 and 400 GFLOP/s of 200.
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [
        "eager 50 %",
        "ONNX Runtime 100 %",
        "OpenVINO 200 %",
    ]
    assert [y for _, y in _marks(axes, "OpenVINO")] == pytest.approx([400.0] * (IMAGENET - 1))
    alone = _draw("roofline", runtimes_table, runtime="openvino")
    assert not any("in every runtime" in each.get_title(loc="left") for each in alone.axes)
