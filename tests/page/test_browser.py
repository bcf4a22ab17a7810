"""The page in a real browser: what a reader does, and what comes of it."""

from __future__ import annotations

import csv
import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from selenium.webdriver.common.keys import Keys

from opbench import page as pages
from opbench.accuracy import primaries, wilson_interval
from opbench.registry import counts_csv
from opbench.table.frames import load
from opbench.table.frontier import frontier
from tests.page.made_up import FASTER, FORMULA, HOSTILE, NOISY, RUN, SLOW, seconds
from tests.page.view import Open, View

FACTS = {fact.name: fact for fact in counts_csv.load()}
IMAGENET = {name for name, fact in FACTS.items() if fact.dataset == "imagenet"}


def best_within(macs: float) -> str:
    """The most accurate ImageNet network by single central crop, from the files themselves."""
    able = [
        accuracy
        for name, accuracy in primaries().items()
        if name in IMAGENET
        and FACTS[name].macs <= macs
        and accuracy.protocol == "single central crop"
    ]
    return max(able, key=lambda accuracy: accuracy.top1 or 0).architecture


def test_it_opens_without_an_error_and_asks_for_nothing_but_itself(view: Open, page: Path) -> None:
    opened = view()
    opened.driver.get_log("performance")
    opened.reload()
    assert opened.logs() == []
    messages = [json.loads(each["message"])["message"] for each in opened.logs("performance")]
    asked = [m["params"]["request"]["url"] for m in messages if "requestWillBeSent" in m["method"]]
    away = [url for url in asked if not url.startswith(("data:", "blob:"))]
    assert set(away) == {page.as_uri()}


def test_every_imagenet_network_with_an_accuracy_is_a_point_and_no_other(view: Open) -> None:
    expected = IMAGENET & primaries().keys()
    assert set(view().drawn()) == expected | {*HOSTILE, FORMULA, "enet_chart2016"}


def test_a_point_lies_where_the_numbers_say_with_an_area_of_its_parameters(view: Open) -> None:
    points = view().drawn()
    vgg, resnet = points["vgg16"], points["resnet50"]
    assert vgg["x"] == pytest.approx(15.47, abs=0.01)  # the 15.5 billion of its paper's 30.9 G-ops
    area = (vgg["size"] / resnet["size"]) ** 2
    assert area == pytest.approx(FACTS["vgg16"].params / FACTS["resnet50"].params)


def test_another_protocol_has_another_marker_and_a_published_point_is_hollow(view: Open) -> None:
    points = view().drawn()
    assert points["resnet50"]["symbol"] == "circle"
    assert points["overfeat_accurate"]["symbol"] == "square"
    assert points["enet_chart2016"]["symbol"] == "circle-open"


def test_hovering_tells_every_fact_and_who_says_so(view: Open) -> None:
    told = view("x=latency_s&y=density").hover("vgg16")
    fact, milliseconds = FACTS["vgg16"], 1e3 * seconds(FACTS["vgg16"].macs, 1)
    for words in (
        f"top-1 per parameter {71.268 / 138.357544:.3f} % per M",
        f"latency {milliseconds:.0f} ms ({0.99 * milliseconds:.0f} to {1.02 * milliseconds:.0f})",
        f"throughput {1e3 / milliseconds:.2f} images/s",
        f"peak memory {(fact.weight_bytes + fact.peak_activation_bytes) / 2**20:.0f} MiB",
        f"weights {fact.weight_bytes / 2**20:.0f} MiB",
        *("top-1 accuracy 71.3 %", "15.5 GMAC", "30.9 G-ops", "parameters 138 M"),
        *("Keras Applications README", "single central crop", "and by fvcore, the same"),
        *(fact.paper, "cpu, float32, batch 1", RUN),
    ):
        assert words in told


def test_only_what_no_rule_covers_is_called_not_counted(view: Open) -> None:
    opened = view("pick=vgg16")
    assert "not counted" not in opened.text("#detail").lower()
    assert "not counted" not in opened.hover("vgg16")
    assert "No operator was left uncounted." in opened.text("#provenance")


def test_switching_the_axis_moves_title_points_and_fragment(view: Open) -> None:
    opened = view()
    opened.choose("x", "params")
    assert opened.text("#chart-title") == "Top-1 accuracy against parameters"
    assert opened.drawn()["vgg16"]["x"] == pytest.approx(138.357544)
    assert opened.fragment() == {"x": "params"}
    opened.choose("y", "density")
    expected = 71.268 / 138.357544
    assert opened.drawn()["vgg16"]["y"] == pytest.approx(expected)


def test_batch_and_linear_axis_are_choices(view: Open) -> None:
    opened = view("x=latency_s")
    macs = FACTS["alexnet"].macs
    assert opened.drawn()["alexnet"]["x"] == pytest.approx(1e3 * seconds(macs, 1))
    opened.choose("batch", "16")
    assert opened.drawn()["alexnet"]["x"] == pytest.approx(1e3 * seconds(macs, 16))
    assert SLOW not in opened.drawn()
    assert "VGG-19" in opened.text("#caption")
    opened.click("#log")
    assert opened.js("return document.getElementById('chart')._fullLayout.xaxis.type") == "linear"


def test_the_runtime_is_a_choice_and_eager_the_first(view: Open) -> None:
    opened = view("x=latency_s")
    eager = 1e3 * seconds(FACTS[FASTER].macs, 1)
    assert opened.drawn()[FASTER]["x"] == pytest.approx(eager)
    opened.choose("runtime", "openvino")
    assert {name: point["x"] for name, point in opened.drawn().items() if name in FACTS} == {
        FASTER: pytest.approx(eager / 4)
    }
    assert opened.fragment()["runtime"] == "openvino"
    assert "A processor of tomorrow, cpu, openvino, float32, batch 1" in opened.text("#caption")
    opened.choose("runtime", "eager")
    assert "openvino" not in opened.text("#caption")
    assert "runtime" not in opened.fragment()


def test_whiskers_reach_to_the_ends_of_both_intervals_of_what_fits(view: Open) -> None:
    opened = view("x=latency_s")
    milliseconds = 1e3 * seconds(FACTS["alexnet"].macs, 1)
    across, up = opened.whiskers("alexnet")
    assert across == pytest.approx([0.01 * milliseconds, 0.02 * milliseconds])
    top1 = primaries()["alexnet"].top1
    assert top1 is not None
    low, high = wilson_interval(top1, 50_000)
    assert up == pytest.approx([top1 - low, high - top1])
    assert view("x=latency_s&max.macs=1000000").whiskers("alexnet") == [[0, 0], [0, 0]]


def test_timings_that_are_not_steady_are_called_so(view: Open) -> None:
    opened = view(f"x=latency_s&max.latency_s=1&q={FACTS[NOISY].label}")
    assert "1 of 1 were noisy or unstable" in opened.text("#caption")
    assert "noisy, so that others may be as fast" in opened.text("#answer")
    assert "noisy" in opened.hover(NOISY)
    assert "noisy or unstable" not in view("x=latency_s&q=vgg").text("#caption")


def test_what_was_not_measured_is_offered_disabled_with_what_to_run(view: Open) -> None:
    option = view().one("#x option[value=energy_j]")
    assert option.get_attribute("disabled")
    assert "opbench run" in option.text


def test_a_family_is_switched_off_and_on(view: Open) -> None:
    opened = view()
    before = set(opened.rows())
    opened.after(lambda: opened.one("[data-family=vgg]").send_keys(Keys.SPACE))
    assert before - set(opened.rows()) == {name for name in before if name.startswith("vgg")}
    assert json.loads(opened.fragment()["off"]) == ["vgg"]
    opened.after(lambda: opened.one("[data-family=vgg]").send_keys(Keys.SPACE))
    assert set(opened.rows()) == before


@pytest.mark.slow
def test_the_slider_names_the_best_network_within_it_and_who_says_so(view: Open) -> None:
    opened = view()
    slider = opened.one("#slide-macs")
    while opened.one("#limit-macs").get_attribute("value") != "2":
        opened.after(lambda: slider.send_keys(Keys.ARROW_LEFT))
    best = best_within(2e9)
    answer = opened.text("#answer")
    assert answer.startswith("Within 2 GMAC, the best is" + FACTS[best].label)
    assert primaries()[best].source in answer
    assert FACTS[best].paper in answer
    assert slider.get_attribute("aria-valuetext") == "at most 2 GMAC"
    assert opened.one("#answer").get_attribute("aria-live") == "polite"
    points = opened.drawn()
    assert all((points[name]["opacity"] < 0.5) == (FACTS[name].macs > 2e9)
               for name in points if name in FACTS)  # fmt: skip


def test_two_limits_hold_together(view: Open) -> None:
    opened = view("max.macs=2000000000")
    box = opened.one("#limit-latency_s")
    opened.after(lambda: box.send_keys("10", Keys.TAB))
    assert "Within 2 GMAC and 10 ms" in opened.text("#answer")
    best = best_within((10e-3 - 1e-4) * 1e11)  # as fast as the made-up timings are
    assert FACTS[best].label in opened.text("#answer .verdict")
    assert RUN in opened.text("#answer")


@pytest.mark.parametrize(
    ("typed", "limit"), [("0,5", 0.5e9), ("0.5", 0.5e9), ("1,000", 1000e9), ("2", 2e9)]
)
def test_a_limit_holds_while_it_is_typed(view: Open, typed: str, limit: float) -> None:
    opened = view()
    box = opened.one("#limit-macs")
    box.send_keys(typed)
    opened.wait(lambda: float(opened.fragment().get("max.macs", 0)) == limit)
    assert opened.focused("#limit-macs")
    assert box.get_attribute("value") == typed


def test_what_is_no_number_is_no_limit(view: Open) -> None:
    opened = view()
    box = opened.one("#limit-macs")
    box.send_keys("much", Keys.TAB)
    assert box.get_attribute("aria-invalid") == "true"
    assert "max.macs" not in opened.fragment()


def test_a_budget_that_nothing_fits_says_so(view: Open) -> None:
    assert "Nothing shown fits within 0.001 GMAC" in view("max.macs=1000000").text("#answer")


def test_the_answer_says_what_it_leaves_out(view: Open) -> None:
    opened = view('q=res&off=["inception"]&max.macs=2e9')
    first = opened.text("#answer p")
    shown = len(opened.rows())
    words = f"Of the {shown} networks matching “res” and without Inception, the best within 2 GMAC"
    assert first == f"{words} is"
    assert opened.text("#answer .verdict") == FACTS["resnet18"].label
    opened.click("#answer [data-clear]")
    assert opened.text("#answer p") == "Within 2 GMAC, the best is"
    assert opened.fragment() == {"max.macs": "2000000000"}


@pytest.mark.parametrize(
    ("fragment", "kind", "told"),
    [
        ("q=overfeat", "accuracies of another protocol are shown", "OverFeat"),
        ("q=script&max.macs=9e9", "protocol fit within 9 GMAC", "50.0 %, not stated"),
        ("q=enet (2016)", "networks that cannot be run are shown", "%, cannot be run"),
    ],
)
def test_where_nothing_can_be_compared_what_there_is_keeps_its_terms(
    view: Open, fragment: str, kind: str, told: str
) -> None:
    answer = view(fragment).text("#answer")
    assert kind in answer
    assert told in answer
    assert "the best is" not in answer
    assert "says" in answer


def test_what_more_is_claimed_on_other_terms_comes_with_them(view: Open) -> None:
    limit = 2.1e9  # just above BN-Inception, whose paper does not say which crop was tested
    told = view(f"max.macs={limit:.0f}").text("#answer")
    best = primaries()[best_within(limit)]
    more = [
        f"{FACTS[name].label} ({accuracy.top1:.1f} %, {accuracy.protocol})"
        for name, accuracy in primaries().items()
        if name in IMAGENET and FACTS[name].macs <= limit
        if (accuracy.top1 or 0) > (best.top1 or 0) and accuracy.protocol != best.protocol
    ]
    assert more
    assert all(claim in told for claim in more)
    assert "but not on a single central crop" in told


@pytest.mark.parametrize(("x", "column"), [("macs", "macs"), ("throughput_images_per_s",) * 2])
def test_the_frontier_is_what_no_other_beats(
    view: Open, results: Path, x: str, column: str
) -> None:
    loaded = load(results, results / "mine.csv")
    frame = loaded.networks
    if x not in frame:
        frame = loaded.cells.query("batch_size == 1 and runtime == 'eager'")
    frame = frame[frame["single_crop"] & frame["dataset"].eq("imagenet")]
    best = frontier(frame, column, "top1").sort_values("top1")
    scale = 1e-9 if x == "macs" else 1
    expected = pd.DataFrame({"x": best[column] * scale, "y": best["top1"]}).to_numpy().tolist()
    assert view(f"x={x}").frontier() == [pytest.approx(pair) for pair in expected]


def test_search_narrows_chart_and_table_alike(view: Open) -> None:
    opened = view()
    opened.after(lambda: opened.one("#q").send_keys("vgg 19"))
    opened.wait(lambda: opened.fragment().get("q") == "vgg 19" and len(opened.rows()) == 2)
    assert set(opened.rows()) == set(opened.drawn()) == {"vgg19", "vgg19_bn"}


def test_search_finds_names_by_their_beginnings_and_tells_what_is_elsewhere(view: Open) -> None:
    opened = view("q=enet")
    assert set(opened.rows()) == {"enet_classifier", "enet_chart2016"}  # no SqueezeNet, no ImageNet
    assert opened.text("#elsewhere") == "“enet” also matches: 1 more in Cityscapes"
    opened.click("[data-elsewhere=cityscapes]")
    assert opened.rows() == ["enet"]
    assert opened.text("#answer .verdict") == "No answer."
    assert opened.logs() == []


def test_sources_are_searched_when_the_reader_asks(view: Open) -> None:
    opened = view("q=keras")
    by_keras = {a.architecture for a in primaries().values() if "Keras" in a.source} & IMAGENET
    assert opened.rows() == []
    assert f"{len(by_keras)} more by their sources" in opened.text("#elsewhere")
    opened.click("[data-elsewhere=sources]")
    assert set(opened.rows()) == by_keras
    assert opened.one("#src").is_selected()


def test_a_part_of_a_name_is_found_where_nothing_begins_with_it(view: Open) -> None:
    assert set(view("q=ueezene").rows()) == {"squeezenet1_0", "squeezenet1_1"}


def test_the_table_sorts_by_any_column_both_ways(view: Open) -> None:
    opened = view("x=params&cols=1")
    opened.click("[data-sort=macs]")
    macs = [float(text) for text in opened.column("MACs")]
    assert macs == sorted(macs)
    opened.click("[data-sort=macs]")
    assert [float(text) for text in opened.column("MACs")] == sorted(macs, reverse=True)
    assert "7.80" in opened.column("MACs")  # ResNet-101 v1.5: zeros are digits too
    head = opened.one("th:has([data-sort=macs])")
    assert head.get_attribute("aria-sort") == "descending"
    opened.click("[data-sort=label]")
    labels = opened.column("Network")
    assert labels.index("AlexNet") < labels.index("ResNet-18") < labels.index("ResNet-101")


def test_the_csv_holds_the_selection_unrounded(view: Open, downloads: Path) -> None:
    opened = view("q=resnet&sort=macs")
    opened.js("document.getElementById('csv').click()")
    path = downloads / "opbench.csv"
    opened.wait(path.exists)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == opened.rows()
    for row in rows:
        assert int(row["macs"]) == FACTS[row["name"]].macs
        assert float(row["latency_s"]) == pytest.approx(seconds(int(row["macs"]), 1), rel=1e-12)
        assert (row["source"], row["run"]) == (primaries()[row["name"]].source, RUN)


def test_text_in_the_csv_is_no_formula(view: Open, downloads: Path) -> None:
    opened = view("q=cmd")
    path = downloads / "opbench.csv"
    path.unlink(missing_ok=True)
    opened.js("document.getElementById('csv').click()")
    opened.wait(path.exists)
    with path.open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["name"] == f"'{FORMULA}"
    assert int(row["macs"]) == FACTS["googlenet"].macs


_WIDTHS = """const table = document.getElementById("table");
return [table.offsetWidth, table.parentElement.clientWidth]"""
_HEADS = "return [...document.querySelectorAll('#table thead th')].map(h => h.textContent)"


@pytest.mark.parametrize(("width", "more"), [(1400, {"Timing is"}), (1024, set())])
def test_the_table_fits_its_box_with_what_matters_first(
    view: Open, width: int, more: set[str]
) -> None:
    opened = view()
    opened.after(lambda: opened.size(width, 900))
    table_width, box = opened.js(_WIDTHS)
    assert table_width <= box
    heads = opened.js(_HEADS)
    assert [head.split()[0] for head in heads[:4]] == ["Network", "Top-1", "MACs", "Who"]
    assert {"Top-1, 95 %", *more} <= set(heads)
    hidden = opened.text("#cols")
    opened.click("#cols")
    assert hidden == f"{len(opened.js(_HEADS)) - len(heads)} more columns"
    assert "3 \N{MULTIPLICATION SIGN} 224 \N{MULTIPLICATION SIGN} 224" in opened.column("Input")


def test_a_picked_network_tells_what_beats_it(view: Open) -> None:
    opened = view("pick=vgg16")
    better = {
        name
        for name, accuracy in primaries().items()
        if name in IMAGENET and accuracy.protocol == "single central crop"
        if FACTS[name].macs <= FACTS["vgg16"].macs and (accuracy.top1 or 0) >= 71.268
    } - {"vgg16"}
    cells = dict(zip(opened.rows(), opened.column("Beats VGG-16"), strict=True))
    assert {name for name, cell in cells.items() if cell == "yes"} == better
    assert f"and {len(better) - 4} more" in opened.text("#detail")
    assert "no other network" in view("pick=resnet18").text("#detail")


@pytest.mark.slow
def test_back_leaves_a_picked_network(view: Open) -> None:
    opened = view("x=params")
    opened.click("#table [data-pick=alexnet]")
    opened.choose("x", "macs")
    assert opened.fragment() == {"pick": "alexnet"}
    opened.after(opened.driver.back)
    assert opened.fragment() == {"x": "params"}
    assert not opened.one("#detail").is_displayed()
    opened.after(opened.driver.forward)
    assert opened.one("#detail").is_displayed()


def test_what_cannot_be_run_offers_no_command_but_the_reason(view: Open) -> None:
    told = view("pick=enet_chart2016").text("#detail")
    assert "opbench run" not in told
    assert "never published" in told


def test_on_paper_everything_is_open(view: Open) -> None:
    opened = view()
    shown = len(opened.js(_HEADS))
    opened.js("dispatchEvent(new Event('beforeprint'))")
    assert opened.js("return document.querySelectorAll('main details:not([open])').length") == 0
    assert len(opened.js(_HEADS)) > shown
    opened.js("dispatchEvent(new Event('afterprint'))")
    assert len(opened.js(_HEADS)) == shown
    assert opened.js("return document.querySelectorAll('#provenance details[open]').length") == 0


def test_columns_are_measured_in_the_embedded_typeface(view: Open) -> None:
    opened = view()
    assert opened.js("return [...document.fonts].every(face => face.status === 'loaded')")
    first = opened.js(_HEADS)
    opened.js("dispatchEvent(new Event('afterprint'))")
    assert opened.js(_HEADS) == first


def test_batches_of_a_network_are_in_their_order(view: Open) -> None:
    opened = view("pick=alexnet")
    terms = "return [...document.querySelectorAll('#detail dt')].map(each => each.textContent)"
    batches = [term for term in opened.js(terms) if "batch" in term]
    assert [term.split()[-1] for term in batches] == ["1", "16"]


@pytest.mark.slow
def test_a_view_is_restored_from_its_address(view: Open) -> None:
    fragment = 'x=params&y=top5&log=0&off=["vgg"]&max.macs=3000000000&sort=macs&pick=resnet18'
    opened = view(fragment)
    opened.reload()
    assert opened.one("#x").get_attribute("value") == "params"
    assert opened.one("#y").get_attribute("value") == "top5"
    assert opened.one("#limit-macs").get_attribute("value") == "3"
    assert not any(name.startswith("vgg") for name in opened.rows())
    assert "1,814,073,344" in opened.text("#detail")
    assert not opened.one("#log").is_selected()
    opened.choose("batch", "16")  # what is written back is what was read
    read = dict(each.split("=") for each in fragment.split("&"))
    assert opened.fragment() == read | {"batch": "16"}


@pytest.mark.parametrize(
    "nonsense", ["x=__proto__&y=1", "off=%7B&max.macs=-1", "data=nowhere&log=9", "%%%&pick=none"]
)
def test_an_address_that_cannot_be_is_the_usual_view(view: Open, nonsense: str) -> None:
    opened = view(nonsense)
    assert opened.text("#chart-title") == "Top-1 accuracy against multiply-accumulates"
    assert opened.logs() == []


def test_data_sets_never_share_an_axis(view: Open) -> None:
    opened = view()
    opened.choose("data", "mnist")
    expected = {name for name, fact in FACTS.items() if fact.dataset == "mnist"}
    assert set(opened.rows()) == expected
    assert not set(opened.drawn()) & IMAGENET


def test_limits_are_those_of_the_data_set(view: Open) -> None:
    opened = view()
    opened.choose("data", "mnist")
    assert not opened.one("#slide-latency_s").is_enabled()  # nothing of MNIST was timed
    opened.after(lambda: opened.one("#slide-macs").send_keys(Keys.HOME))
    cheapest = min(fact.macs for fact in FACTS.values() if fact.dataset == "mnist")
    assert cheapest <= float(opened.fragment()["max.macs"]) < 1.6 * cheapest
    assert "LeNet-5" in opened.text("#answer .verdict")


def test_names_follow_when_the_reader_zooms_in(view: Open) -> None:
    opened = view()
    names = """const {annotations} = document.getElementById("chart").layout;
        return annotations.map(each => each.text)"""
    assert "GoogLeNet" in opened.js(names)
    opened.js("Plotly.relayout('chart', {'yaxis.range': [70, 82]})")
    opened.wait(lambda: "GoogLeNet" not in opened.js(names))
    assert "Inception-v3" in opened.js(names)
    opened.js("Plotly.relayout('chart', {'yaxis.autorange': true})")


@pytest.mark.parametrize("x", ["macs", "params", "activations", "latency_s"])
def test_a_name_is_nearest_to_its_own_point(view: Open, x: str) -> None:
    code = """const chart = document.getElementById("chart");
    const box = (element) => element.getBoundingClientRect();
    const {networks} = JSON.parse(document.getElementById("island").textContent);
    const labels = Object.fromEntries(networks.map(({name, label}) => [name, label]));
    const names = chart.data.flatMap(({customdata}) => customdata ?? []).map(name => labels[name]);
    const points = [...chart.querySelectorAll(".scatterlayer path.point")].map(box);
    const beyond = (at, low, high) => Math.max(0, low - at, at - high);
    const gap = (point, text) => Math.hypot(
      beyond(point.left + point.width / 2, text.left, text.right),
      beyond(point.top + point.height / 2, text.top, text.bottom)) - point.width / 2;
    return [...chart.querySelectorAll(".annotation-text")].map(text => {
      const gaps = points.map((point, at) => [gap(point, box(text)), names[at]]);
      return [text.textContent, gaps.sort((a, b) => a[0] - b[0])[0][1]];
    })"""
    named = view(f"x={x}").js(code)
    assert len(named) > 15
    assert [(name, nearest) for name, nearest in named if name != nearest] == []


@pytest.mark.slow
def test_a_figure_is_drawn_once_it_is_opened(driver: Any, tmp_path: Path) -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><text>a &lt; b</text></svg>'
    path = tmp_path / "figures.html"
    there = pages.Picture(name="there", description="What is there", svg=svg)
    absent = pages.Picture(name="absent", description="What is not", missing="`opbench run` it")
    path.write_text(pages.render(load(tmp_path), [], [there, absent]), encoding="utf-8")
    opened = View(driver, path, "")
    assert "Not drawn: absent. opbench run it." in opened.text("#figures")
    opened.one("#figure-there summary").click()
    opened.wait(lambda: opened.js("return document.querySelector('#figures svg text')"))
    assert opened.text("#figures svg text") == "a < b"
    assert opened.one("#figures svg").get_attribute("aria-label") == "What is there"
    assert "opbench run" in opened.text("#provenance")
    assert opened.logs() == []


@pytest.mark.slow
def test_markup_in_a_name_is_text_everywhere(view: Open) -> None:
    opened = view(f"sort=label&pick={HOSTILE[0].replace('=', '%3D')}")
    for name in HOSTILE:
        assert name in opened.column("Network")
    assert opened.text("#detail-title").startswith(HOSTILE[0])
    assert HOSTILE[0] in opened.hover(HOSTILE[0]) or HOSTILE[1] in opened.hover(HOSTILE[0])
    assert opened.driver.title.startswith("opbench")
    assert opened.js("return document.querySelectorAll('img, [href^=javascript]').length") == 0
    assert opened.logs() == []


def test_a_click_shows_every_fact_and_why_a_cell_failed(view: Open) -> None:
    opened = view(f"q={SLOW}")
    opened.click(f"#table [data-pick={SLOW}]")
    shown = opened.text("#detail")
    assert "19,632,062,464" in shown
    assert "no room" in shown
    assert opened.js("return document.activeElement.id") == "detail-title"
    opened.click("#detail [data-pick='']")
    assert not opened.one("#detail").is_displayed()


@pytest.mark.slow
def test_what_the_keyboard_was_on_keeps_the_focus_when_things_are_drawn_anew(view: Open) -> None:
    opened = view()
    for held in ("[data-sort=macs]", "[data-families=none]", "[data-families=all]"):
        opened.after(partial(opened.one(held).send_keys, Keys.ENTER))
        assert opened.focused(held)
    row = "#table [data-pick=alexnet]"
    opened.js("document.querySelector(arguments[0]).focus()", row)
    opened.after(lambda: opened.size(900, 900))
    assert opened.focused(row)


@pytest.mark.slow
def test_closing_the_facts_leads_back_to_where_they_were_opened(view: Open) -> None:
    opened = view()
    row, close = "#table [data-pick=alexnet]", "#detail [data-pick='']"
    opened.after(lambda: opened.one(row).send_keys(Keys.ENTER))
    assert opened.focused("#detail-title")
    opened.after(lambda: opened.one(close).send_keys(Keys.ENTER))
    assert opened.focused(row)
    opened = view("pick=alexnet")  # opened by its address
    opened.reload()
    opened.after(lambda: opened.one(close).send_keys(Keys.ENTER))
    assert opened.focused("#chart-title")


def test_claims_are_filtered_by_verdict(view: Open) -> None:
    opened = view()
    opened.js("""const list = document.getElementById('verdict'); list.value = 'does not hold';
        list.dispatchEvent(new Event('change'))""")
    badges = "return [...document.querySelectorAll('.badge')].map(each => each.textContent)"
    assert set(opened.js(badges)) == {"does not hold"}


@pytest.mark.slow
def test_dark_follows_the_system_and_the_button(view: Open) -> None:
    opened = view()
    back = "return getComputedStyle(document.body).backgroundColor"
    light = opened.js(back)
    opened.after(lambda: opened.prefer("dark"))
    dark = opened.js(back)
    assert dark != light
    opened.click("#theme")
    assert opened.js(back) == light
    opened.reload()
    assert opened.js(back) == light
    opened.js("localStorage.clear(); delete document.documentElement.dataset.theme")


def test_a_phone_shows_everything_without_scrolling_sideways(view: Open) -> None:
    opened = view()
    opened.after(lambda: opened.size(390, 844))
    time.sleep(0.2)
    assert opened.js("return document.documentElement.scrollWidth") <= 390


@pytest.mark.slow
def test_whatever_can_be_operated_has_a_name_and_shows_its_focus(view: Open) -> None:
    opened = view()
    opened.reload()  # so that nothing has the focus
    tree = opened.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    operable = {"button", "combobox", "slider", "textbox", "checkbox", "searchbox", "link"}
    found = [node for node in tree if node.get("role", {}).get("value") in operable]
    assert {node["role"]["value"] for node in found} == operable
    assert [node for node in found if not node["name"]["value"].strip()] == []
    opened.one("body").send_keys(Keys.TAB)
    assert "skip" in opened.js("return document.activeElement.className")
    opened.one("#theme").send_keys(Keys.TAB)
    style = opened.js("return getComputedStyle(document.activeElement).outlineStyle")
    assert style == "solid"


def test_a_run_comes_with_its_machine_and_environment(view: Open) -> None:
    opened = view()
    assert f"Run {RUN} A processor of tomorrow" in opened.text("#provenance summary")
    assert "2.13.0" in opened.text("#provenance details dl")
