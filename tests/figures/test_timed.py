"""Figures of timings: every point is arithmetic on the made-up run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from opbench.errors import MissingDataError, UnknownNameError
from opbench.figures import Options, find
from opbench.figures.parts import captions
from opbench.figures.parts.fit import slope_interval
from opbench.figures.parts.style import INK, theme
from opbench.figures.parts.sweep import spread
from opbench.figures.roofline import with_intensity
from opbench.table.fits import fit_line, upper_bound
from opbench.table.frames import Table, load
from opbench.table.frontier import frontier
from tests.made_up import GFLOPS_PER_S, HEADER, write_results

IMAGENET = 7  # networks of the made-up run that are ImageNet's


def _draw(name: str, table: Table, **choices: object) -> Figure:
    with theme("light"):
        figure = find(name)(table, Options(**choices))  # type: ignore[arg-type]
        figure.draw_without_rendering()
    return figure


def _blobs(axes: Any) -> list[tuple[float, float]]:
    """Where the filled blobs lie; a network's patch of paper and label's dot are not blobs."""
    return [
        (float(x), float(y))
        for collection in axes.collections
        if collection.get_alpha() == 0.78
        for x, y in collection.get_offsets()
    ]


def _words(figure: Figure) -> str:
    return " ".join(text.get_text().replace("\n", " ") for text in figure.texts)


def test_operations_predict_a_time_of_exactly_100_gflops(timed_table: Table) -> None:
    one, sixteen = _draw("ops-vs-time", timed_table).axes[-2:]
    for axes, lost in ((one, 0), (sixteen, 1)):
        points = _blobs(axes)
        assert len(points) == IMAGENET - lost
        # G-ops at 100 GFLOP/s: 10 ms each, whatever the batch.
        assert all(ms == pytest.approx(10 * gops * 100 / GFLOPS_PER_S) for gops, ms in points)
    text = " ".join(text.get_text() for text in one.texts)
    assert "fit: 10 ms/G-ops" in text
    assert "R² 1.00, rank correlation 1.00" in text
    assert f"95 % interval of the slope 10 to 10, n = {IMAGENET}" in text


def test_the_interval_of_a_slope_is_that_of_students_t() -> None:
    x, y = (1.0, 2.0, 3.0, 4.0), (2.0, 4.0, 5.0, 9.0)
    # By hand: slope 2.2, squares left 1.8 over 2 degrees of freedom, 5 of x, and t = 4.302653.
    half = 4.302653 * (1.8 / 2 / 5) ** 0.5
    assert slope_interval(fit_line(x, y), x, y) == pytest.approx((2.2 - half, 2.2 + half), abs=1e-6)


def test_what_is_too_little_for_a_line_has_none_and_says_so(tmp_path: Path) -> None:
    loaded = load(write_results(tmp_path, names=["alexnet"], batches=(1, 4, 16)))
    for name in ("ops-vs-time", "memory-vs-params"):
        axes: Any = _draw(name, loaded).axes[-1]
        assert "no fit: needs 3 different x, has 1" in [text.get_text() for text in axes.texts]
        assert not [line for line in axes.lines if line.get_linestyle() == "--"]


def test_throughput_is_images_over_seconds(timed_table: Table) -> None:
    axes = _draw("accuracy-vs-throughput", timed_table, batch_sizes=(4,)).axes[-1]
    rates = {round(accuracy, 2): rate for rate, accuracy in _blobs(axes)}
    resnet: Any = timed_table.networks.set_index("name").loc["resnet50"]
    assert rates[round(resnet["top1"], 2)] == pytest.approx(100e9 / (2 * resnet["macs"]))


def test_the_bound_lies_above_every_accuracy_of_a_single_central_crop(timed_table: Table) -> None:
    for log in (None, False):
        figure = _draw("accuracy-vs-throughput", _steady(timed_table), batch_sizes=(4,), log=log)
        axes: Any = figure.axes[-1]
        (bound,) = (line for line in axes.lines if line.get_gid() == "bound")
        rates, heights = bound.get_data()
        slope = (heights[-1] - heights[0]) / (rates[-1] - rates[0])
        above = [y - heights[0] - slope * (x - rates[0]) for x, y in _blobs(axes)]
        # Two of them carry the line.
        assert sorted(above)[-2:] == pytest.approx([0, 0], abs=1e-9)


def _steady(table: Table) -> Table:
    return replace(table, cells=table.cells.assign(quality="good"))


def test_shading_is_explained_where_there_is_any(timed_table: Table) -> None:
    alone = replace(timed_table, cells=timed_table.cells.query("name == 'resnet50'"))
    for table, shaded in ((timed_table, True), (alone, False)):
        figure = _draw("accuracy-vs-throughput", table, batch_sizes=(4,))
        told = any("Shaded" in text.get_text() for text in figure.texts)
        drawn = any(isinstance(each, PolyCollection) for each in figure.axes[-1].collections)
        assert told is drawn is shaded


def test_an_unsteady_cell_leaves_a_band_where_the_bound_may_lie_and_no_line(
    timed_table: Table,
) -> None:
    noisy = replace(timed_table, cells=timed_table.cells.assign(quality="unstable"))
    figure = _draw("accuracy-vs-throughput", noisy, batch_sizes=(4,), log=False)
    axes = figure.axes[-1]
    assert [line for line in axes.lines if line.get_gid() == "bound"] == []
    band, _ = [each for each in axes.collections if isinstance(each, PolyCollection)]
    (outline,) = band.get_paths()
    # The made-up intervals: as low as 1/1.1 of the rate, as high as 1/0.95 of it.
    right = axes.get_xlim()[1]
    corners = np.asarray(outline.vertices)
    edges = {round(float(y), 6) for x, y in corners if x == pytest.approx(right)}
    slope = {round(bound, 6) for bound in _bounds_at(noisy, right)}
    assert edges == slope


def _bounds_at(table: Table, x: float) -> list[float]:
    rows = table.cells.query("batch_size == 4 and dataset == 'imagenet' and single_crop")
    rows = rows.dropna(subset=["top1"])
    found = []
    for end in ("low", "high"):
        rates = rows[f"throughput_images_per_s_{end}"]
        bound = upper_bound(list(zip(rates, rows["top1"], strict=True)))
        assert bound is not None
        found.append(bound.at(x))
    return found


def test_what_a_larger_batch_gains_can_be_read_from_equal_axes(timed_table: Table) -> None:
    for name in ("accuracy-vs-throughput", "roofline"):
        one, four = _draw(name, timed_table, batch_sizes=(1, 4)).axes[-2:]
        assert one.get_xlim() == four.get_xlim()


def test_power_is_joules_over_seconds(timed_table: Table) -> None:
    axes = _draw("ops-vs-power", timed_table).axes[-2]
    assert [watts for _, watts in _blobs(axes)] == pytest.approx([50.0] * IMAGENET)


def test_memory_against_weights_finds_floor_and_slope(timed_table: Table) -> None:
    axes = _draw("memory-vs-params", timed_table).axes[0]
    text = " ".join(text.get_text() for text in axes.texts)
    assert "fit: 2 MiB/MiB · x + 64 MiB" in text


def test_memory_without_the_weights_stands_beside(timed_table: Table) -> None:
    axes = _draw("memory-vs-params", timed_table).axes[1]
    assert axes.get_title(loc="left") == "without the weights"
    assert all(y == pytest.approx(64 + x) for x, y in _blobs(axes))
    text = " ".join(text.get_text() for text in axes.texts)
    assert "fit: 1 MiB/MiB · x + 64 MiB" in text


def test_a_memory_figure_says_nothing_of_how_well_time_was_known(timed_table: Table) -> None:
    noisy = replace(timed_table, cells=timed_table.cells.assign(quality="unstable"))
    for name, choices in (
        *(("memory-vs-params", {}), ("memory-vs-batch", {})),
        *(("accuracy-vs-ops", {"x": "peak_memory_bytes"}), ("pareto", {"x": "peak_memory_bytes"})),
    ):
        words = _words(_draw(name, noisy, **choices))
        assert "run made-up of 2026-11-22" in words
        assert "noisy" not in words
        assert "latency" not in words


@pytest.mark.parametrize("name", ["time-vs-batch", "memory-vs-batch", "power-vs-batch"])
def test_a_sweep_has_a_line_per_network_and_a_cross_where_one_failed(
    name: str, timed_table: Table
) -> None:
    figure = _draw(name, timed_table)
    axes: Any = figure.axes[0]
    lines = [line for line in axes.lines if line.get_marker() == "o"]
    assert len(lines) == IMAGENET
    assert sorted(len(line.get_xdata()) for line in lines) == [2, *[3] * (IMAGENET - 1)]
    crosses = [x for line in axes.lines if line.get_marker() == "x" for x in line.get_xdata()]
    assert crosses == [16]
    assert "VGG-16 at 16 (out of memory)" in _words(figure)


def test_two_points_are_no_curve_where_others_have_four(tmp_path: Path) -> None:
    loaded = load(write_results(tmp_path, batches=(1, 2, 4, 8)))
    cells = loaded.cells
    few = cells["name"].eq("resnet50") & cells["batch_size"].isin([2, 4])
    thin = replace(loaded, cells=cells[~few])
    figure = _draw("time-vs-batch", thin)
    assert "ResNet-50" not in _beside(figure.axes[0])
    assert "Not drawn: 1 network measured at fewer batch sizes." in _words(figure)
    assert _bands(figure) == IMAGENET - 1
    shown = _draw("time-vs-batch", thin, highlight=("resnet50",))
    assert "ResNet-50" in _beside(shown.axes[0])


def _bands(figure: Figure) -> int:
    return sum(isinstance(each, PolyCollection) for each in figure.axes[0].collections)


def test_intervals_are_bands_while_they_can_be_told_apart(timed_table: Table) -> None:
    figure = _draw("time-vs-batch", timed_table)
    assert _bands(figure) == IMAGENET
    # The made-up intervals reach from 0.95 to 1.1 of the median, here 39.3 G-ops at 100 GFLOP/s.
    slowest = 2 * timed_table.networks["macs"].max() / 100e9
    assert figure.axes[0].get_ylim()[1] > 1.1e3 * slowest
    assert _bands(_draw("time-vs-batch", timed_table, highlight=("resnet50",))) == 1


def test_a_crowd_of_intervals_is_a_sentence(timed_table: Table) -> None:
    cells = timed_table.cells
    twins = cells.assign(name=cells["name"] + "_twin", label=cells["label"] + " twin")
    crowd = replace(timed_table, cells=pd.concat([cells, twins], ignore_index=True))
    figure = _draw("time-vs-batch", crowd)
    assert _bands(figure) == 0
    # Half of what lies between 0.95 and 1.1.
    assert "half of the cells are known to ± 7.5\N{NO-BREAK SPACE}%" in _words(figure)


def test_a_caption_names_several_runs_by_their_dates(timed_table: Table) -> None:
    cells, runs = timed_table.cells, timed_table.folder.runs
    header = runs["made-up"]
    later = replace(header, started="2026-11-23T08:00:00Z")
    folder = replace(timed_table.folder, runs={**runs, "other": header, "third": later})
    names = ["made-up", "other", "third"]
    cells = cells.assign(run=[names[number % 3] for number in range(len(cells))])
    words = captions.timed(replace(timed_table, cells=cells, folder=folder), cells)
    assert "; runs made-up, other of 2026-11-22, third of 2026-11-23; " in words


def test_a_caption_names_run_machine_protocol_and_software(timed_table: Table) -> None:
    words = _words(_draw("ops-vs-time", timed_table))
    for fact in (
        *("A processor (cpu), float32", "run made-up of 2026-11-22", "PyTorch 2.13.0"),
        *("2 threads", "3 or more rounds", "until known to 1"),
    ):
        assert fact in words


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "A card (cuda:0), float32 without TF32, "),
        ({"variant": "tf32"}, "A card (cuda:0), float32, tf32, "),
        ({"dtype": "bfloat16"}, "A card (cuda:0), bfloat16, "),
    ],
)
def test_a_caption_says_what_float32_is_on_a_gpu(
    timed_table: Table, settings: dict[str, str], told: str
) -> None:
    gpu = timed_table.cells.assign(machine="A card", device="cuda:0", **settings)
    assert told in captions.timed(timed_table, gpu)


def test_a_caption_tells_the_protocols_of_all_its_runs(timed_table: Table) -> None:
    slower = replace(HEADER, run="made-up-2", protocol=replace(HEADER.protocol, max_seconds=3.5))
    folder = replace(timed_table.folder, runs={"made-up": HEADER, "made-up-2": slower})
    runs = timed_table.cells["batch_size"].map({1: "made-up", 4: "made-up", 16: "made-up-2"})
    more = timed_table.cells.assign(run=runs)
    both = replace(timed_table, cells=more, folder=folder)
    assert "or for 2 or 3.5 s" in " ".join(_words(_draw("ops-vs-time", both)).split())


def test_intensity_is_operations_over_what_is_read_and_written(timed_table: Table) -> None:
    cells = timed_table.cells
    row = with_intensity(cells[cells["batch_size"] == 4]).set_index("name").loc["resnet18"]
    moved = row["weight_bytes"] + 12 * 4 * row["activations"]
    assert row["flop_per_byte"] == pytest.approx(4 * 2 * row["macs"] / moved)
    assert row["gflops_per_s"] == pytest.approx(GFLOPS_PER_S)


def test_the_roofs_are_the_best_of_the_rounds_and_meet_at_the_ridge(timed_table: Table) -> None:
    axes: Any = _draw("roofline", timed_table).axes[-2]
    assert "measured roofs: 200 GFLOP/s, 10 GB/s" in {text.get_text() for text in axes.texts}
    (roof,) = (line for line in axes.lines if line.get_gid() == "roof")
    for intensity, height in zip(*roof.get_data(), strict=True):
        assert height == pytest.approx(min(200, 10 * intensity))


def test_whiskers_of_the_roofline_are_the_intervals_of_the_rate(timed_table: Table) -> None:
    axes = _draw("roofline", timed_table, batch_sizes=(4,)).axes[-1]
    heights = [np.asarray(line.get_ydata(), float) for line in axes.lines]
    ends = {round(float(y), 6) for y in np.concatenate(heights) if y == y}
    # The made-up time lies between 0.95 and 1.1 of the median.
    assert {round(GFLOPS_PER_S / 1.1, 6), round(GFLOPS_PER_S / 0.95, 6)} <= ends


def test_efficiency_is_the_rate_over_that_of_a_matrix_product(timed_table: Table) -> None:
    one, four = _draw("efficiency", timed_table, batch_sizes=(1, 4)).axes[-2:]
    for axes in (one, four):
        assert len(_blobs(axes)) == IMAGENET
        # 100 of 200 GFLOP/s, whatever the network.
        assert [share for _, share in _blobs(axes)] == pytest.approx([50.0] * IMAGENET)
        heights = [np.asarray(line.get_ydata(), float) for line in axes.lines]
        ends = {round(float(y), 6) for y in np.concatenate(heights) if y == y}
        # The made-up time lies between 0.95 and 1.1 of the median.
        assert {round(50 / 1.1, 6), round(50 / 0.95, 6), 100.0} <= ends
        told = {text.get_text() for text in axes.texts}
        assert "a large matrix product: 200 GFLOP/s" in told
        assert "median 50 %, from 50 to 50 %: the same operations can take 1 times as long" in told
    assert (one.get_xlim(), one.get_ylim()) == (four.get_xlim(), four.get_ylim())


def test_efficiency_spreads_as_times_of_equal_operations(timed_table: Table) -> None:
    cells = timed_table.cells
    slower = 1 + 3 * (cells["name"] == "resnet18")
    times = {f"latency_s{end}": cells[f"latency_s{end}"] * slower for end in ("", "_low", "_high")}
    cells = cells.assign(**times, fraction_of_peak=cells["fraction_of_peak"] / slower)
    axes = _draw("efficiency", replace(timed_table, cells=cells), batch_sizes=(1,)).axes[-1]
    told = {text.get_text() for text in axes.texts}
    # Four times as slow: 12.5 % of the rate.
    assert "median 50 %, from 12 to 50 %: the same operations can take 4 times as long" in told


def test_efficiency_without_a_measured_rate_says_what_to_run(timed_table: Table) -> None:
    cells = timed_table.cells.assign(fraction_of_peak=np.nan)
    with pytest.raises(MissingDataError, match="no run here has the measured rate of its device"):
        _draw("efficiency", replace(timed_table, cells=cells))


def test_idle_power_is_drawn_apart(timed_table: Table) -> None:
    for name in ("ops-vs-power", "power-vs-batch"):
        texts = [text.get_text() for axes in _draw(name, timed_table).axes for text in axes.texts]
        assert "idle: 20 W" in texts


def test_a_noisy_cell_is_mentioned(timed_table: Table) -> None:
    noisy = timed_table.cells.assign(quality="unstable")
    assert "cells were noisy or unstable" in _words(
        _draw("ops-vs-time", replace(timed_table, cells=noisy))
    )
    assert "noisy" not in _words(_draw("ops-vs-time", timed_table))


def test_pareto_lists_what_lies_on_each_frontier(timed_table: Table) -> None:
    words = _words(_draw("pareto", timed_table, x="params"))
    # By parameters: SqueezeNet 1.2 M, GoogLeNet 7.0 M, ResNet-18 11.7 M, ResNet-50 25.6 M.
    assert "By parameters: SqueezeNet 1.0, GoogLeNet, ResNet-18, ResNet-50." in words


def test_pareto_says_why_a_panel_is_missing(tmp_path: Path) -> None:
    loaded = load(write_results(tmp_path, energy=False, batches=(1,)))
    words = _words(_draw("pareto", loaded))
    assert "No panel of energy per image: no energy per image was measured" in words


def test_timings_of_two_machines_never_share_a_figure(timed_table: Table) -> None:
    gpu = timed_table.cells.assign(machine="A card", device="cuda:0", latency_per_image_s=1e-4)
    both = replace(timed_table, cells=pd.concat([timed_table.cells, gpu], ignore_index=True))
    for device, count in (("cuda", IMAGENET), ("cpu", IMAGENET), ("card", IMAGENET)):
        assert len(_blobs(_draw("ops-vs-time", both, device=device).axes[-2])) == count


@pytest.mark.parametrize(
    ("usual", "other", "said"),
    [
        ({}, {"dtype": "float16"}, "in float16"),
        ({"variant": "4 threads"}, {"variant": None}, "with usual settings"),
    ],
)
def test_pareto_says_which_setting_a_panel_apart_was_measured_at(
    timed_table: Table, usual: dict[str, str], other: dict[str, str | None], said: str
) -> None:
    here = timed_table.cells.assign(energy_j=np.nan, **usual)
    apart = here.iloc[:5].assign(**{"energy_j": 1.0, **other})
    both = replace(timed_table, cells=pd.concat([here, apart], ignore_index=True))
    words = _words(_draw("pareto", both))
    assert f"energy per image: it was measured {said}; `--x energy_j` draws it by itself" in words


def test_pareto_draws_the_timings_of_one_machine(timed_table: Table) -> None:
    here = timed_table.cells.assign(energy_j=np.nan)
    gpu = here.iloc[:5].assign(machine="A card", device="cuda:0", energy_j=1.0)
    both = replace(timed_table, cells=pd.concat([here, gpu], ignore_index=True))
    words = _words(_draw("pareto", both))
    assert "No panel of energy per image: it was measured on A card" in words
    assert "By energy per image" not in words
    assert "By energy per image" in _words(_draw("pareto", both, device="card"))


@pytest.mark.parametrize(
    ("name", "choices", "remedy"),
    [
        ("ops-vs-time", {"device": "cuda:0"}, "`opbench run --device cuda:0`"),
        ("ops-vs-time", {"dtype": "bfloat16"}, "`opbench run --dtype bfloat16`"),
        ("ops-vs-time", {"batch_sizes": (128,)}, "`opbench run --batch-size 128`"),
        ("ops-vs-time", {"batch_sizes": (1, 128)}, "`opbench run --batch-size 128`"),
        ("time-vs-batch", {"batch_sizes": (1, 128)}, "`opbench run --batch-size 128`"),
        ("accuracy-vs-ops", {"y": "latency_s", "batch_sizes": (3,)}, "--batch-size 3"),
        ("accuracy-vs-ops", {"highlight": ("mine.py:net",)}, "`opbench run mine.py:net`"),
    ],
)
def test_what_is_missing_says_what_to_run(
    timed_table: Table, name: str, choices: dict[str, object], remedy: str
) -> None:
    with pytest.raises(MissingDataError, match="opbench run") as caught:
        _draw(name, timed_table, **choices)
    assert remedy in str(caught.value)


@pytest.mark.parametrize(
    ("name", "sizes", "room"),
    [
        ("ops-vs-time", (1, 4, 16), "2 of these 3 batch sizes"),
        ("memory-vs-params", (1, 4), "1 of"),
    ],
)
def test_no_batch_is_left_out_in_silence(
    timed_table: Table, name: str, sizes: tuple[int, ...], room: str
) -> None:
    with pytest.raises(MissingDataError, match=f"the figure has room for {room}"):
        _draw(name, timed_table, batch_sizes=sizes)


@pytest.mark.parametrize("name", ["power-vs-batch", "ops-vs-power"])
def test_without_a_meter_the_figure_says_so(name: str, tmp_path: Path) -> None:
    loaded = load(write_results(tmp_path, energy=False))
    with pytest.raises(MissingDataError, match="no power was measured"):
        _draw(name, loaded)


def test_without_any_run_the_figure_says_so(small_table: Table) -> None:
    with pytest.raises(MissingDataError, match="nothing was timed yet: run `opbench run`"):
        _draw("time-vs-batch", small_table)


def test_one_family_is_drawn_alone_and_a_misspelt_one_refused(timed_table: Table) -> None:
    axes = _draw("accuracy-vs-ops", timed_table, families=("resnet",)).axes[-1]
    assert len(_blobs(axes)) == 2
    with pytest.raises(UnknownNameError, match="did you mean resnet"):
        _draw("accuracy-vs-ops", timed_table, families=("resnett",))


def test_a_highlight_fades_the_others_and_keeps_the_frontier_in_grey(timed_table: Table) -> None:
    axes = _draw("accuracy-vs-ops", timed_table, highlight=("vgg16",)).axes[-1]
    assert len(_blobs(axes)) == 1
    inks = {text.get_text(): text.get_color() for text in axes.texts}
    best = frontier(timed_table.networks.query("dataset == 'imagenet'"), "flops", "top1")
    assert set(inks) == {"VGG-16", *best["label"]}
    assert {name for name, ink in inks.items() if ink == INK["light"]["ink"]} == {"VGG-16"}


def test_names_that_were_asked_for_are_all_names_beside_a_highlight(timed_table: Table) -> None:
    choices = {"highlight": ("vgg16",), "label": ("alexnet",)}
    axes = _draw("accuracy-vs-ops", timed_table, **choices).axes[-1]
    assert {text.get_text() for text in axes.texts} == {"VGG-16", "AlexNet"}


def test_labels_can_be_the_frontier_alone(timed_table: Table) -> None:
    axes = _draw("accuracy-vs-ops", timed_table, label=("frontier",)).axes[-1]
    assert "VGG-16" not in {text.get_text() for text in axes.texts}
    assert "ResNet-50" in {text.get_text() for text in axes.texts}


@pytest.mark.parametrize("y", ["top1", "top5", "density", "latency_s", "power_w", "macs"])
@pytest.mark.parametrize("x", ["params", "throughput_images_per_s", "peak_activation_bytes"])
def test_any_two_metrics_can_be_drawn_against_each_other(
    timed_table: Table, x: str, y: str
) -> None:
    figure = _draw("accuracy-vs-ops", timed_table, x=x, y=y, label=("resnet50",))
    axes = figure.axes[-1]
    assert ("What accuracy costs in" in _words(figure)) == (y == "top1")
    assert ("no other beats" in _words(figure)) == (y in ("top1", "top5", "density"))
    networks = timed_table.networks
    known = networks[(networks["dataset"] == "imagenet") & networks["top1"].notna()]
    assert len(_blobs(axes)) == (known["top5"].notna().sum() if y == "top5" else IMAGENET)


def test_spread_moves_neighbours_apart_by_as_little_as_possible() -> None:
    assert spread([0, 100], 10) == [0, 100]
    # Three at 50 with a gap of 10 stand at 40, 50, 60 around their mean.
    assert spread([50, 50, 50], 10) == pytest.approx([40, 50, 60])
    assert spread([60, 0, 56], 10) == pytest.approx([63, 0, 53])


def test_the_names_of_a_crowded_sweep_stand_beside_the_plot(timed_table: Table) -> None:
    axes = _draw("power-vs-batch", timed_table).axes[0]
    boxes = [text.get_window_extent() for text in axes.texts if text.get_text() != "idle: 20 W"]
    assert len(boxes) == IMAGENET
    assert all(axes.bbox.y0 - 20 < box.y0 and box.y1 < axes.bbox.y1 + 20 for box in boxes)


def _beside(axes: Any) -> list[str]:
    return [text.get_text() for text in axes.texts if text.get_text() != "idle: 20 W"]


def test_the_names_of_a_sweep_stand_at_the_same_place_in_a_vector_file(timed_table: Table) -> None:
    figure = _draw("time-vs-batch", timed_table)
    axes = figure.axes[0]
    drawn = [text.get_window_extent().x0 / figure.bbox.width for text in axes.texts]
    figure.set_dpi(72)  # what SVG and PDF are drawn with
    assert [text.get_window_extent().x0 / figure.bbox.width for text in axes.texts] == (
        pytest.approx(drawn, rel=0.01)
    )


def _crowded(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows, and nine more of each under other names."""
    twins = (
        frame.assign(name=frame["name"] + f"_{n}", label=frame["label"] + f" {n}") for n in range(9)
    )
    return pd.concat([frame, *twins], ignore_index=True)


def test_a_sweep_names_as_many_lines_as_there_is_room_for(timed_table: Table) -> None:
    crowd = replace(
        timed_table,
        networks=_crowded(timed_table.networks),
        cells=_crowded(timed_table.cells),
    )
    figure = _draw("time-vs-batch", crowd)
    names = _beside(figure.axes[0])
    # A name takes 12 points, the plot is 6.3 inches high.
    assert len(names) == int(6.3 * 72 / 12)
    # The nine twins of VGG-16 have two batch sizes and no failure: they are no curves.
    assert f"{len(names)} of {10 * IMAGENET - 9} networks are named" in _words(figure)
    assert _beside(_draw("time-vs-batch", crowd, label=("resnet50_7",)).axes[0]) == ["ResNet-50 7"]
