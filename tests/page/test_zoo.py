"""torchvision's and timm's networks on the page: what a reader asks of them, in a real browser."""

from __future__ import annotations

import csv
import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from opbench.accuracy import primaries
from opbench.page.zoo import zoo
from opbench.registry import counts_csv
from opbench.table.frontier import pareto
from opbench.zoo.families import family_of
from opbench.zoo.groups import GROUP_LABELS, GROUPS
from opbench.zoo.libraries import LIBRARIES
from opbench.zoo.rows import ZooRow, load
from tests.page.view import Open, View

STATED = [row for library in LIBRARIES for row in load(library) if row.top1 is not None]
ON_IMAGENET = [row for row in STATED if row.dataset == "imagenet"]
MARK = "timm:tinynet_c.in1k"  # with no other mark near it


def pairs(rows: list[ZooRow]) -> list[tuple[int, float]]:
    return [(row.macs, row.top1 or 0) for row in rows]


def built_in() -> list[tuple[int, float]]:
    """MACs and top-1 of the built-in networks whose accuracies compare."""
    facts = {fact.name: fact for fact in counts_csv.load() if fact.dataset == "imagenet"}
    known = [(facts[name], each) for name, each in primaries().items() if name in facts]
    return [
        (fact.macs, each.top1 or 0)
        for fact, each in known
        if each.protocol == "single central crop"
    ]


def everything() -> list[tuple[int, float]]:
    """MACs and top-1 of all networks whose accuracies compare."""
    return built_in() + pairs([row for row in ON_IMAGENET if row.protocol != "multi-view"])


def unfolded(data: dict[str, Any], column: str) -> list[Any]:
    values = data["columns"][column]
    return values if isinstance(values, list) else [values["values"][at] for at in values["at"]]


def shown(opened: View) -> int:
    return int(opened.text("#shown").split()[0])


def test_every_stated_accuracy_is_on_the_page_once_with_its_library_and_size() -> None:
    data = zoo(STATED)
    columns = ("target", "input_size", "top1", "macs", "library", "release", "trained_on")
    told = list(zip(*(unfolded(data, column) for column in columns), strict=True))
    assert told == [
        (row.name, str(row.input_size), row.top1, row.macs, row.library.name, row.release,
         row.trained_on)
        for row in STATED
    ]  # fmt: skip
    names = unfolded(data, "name")
    assert len({*names}) == len(names)
    licences = {each["name"]: each["licence"] for each in data["libraries"]}
    assert licences == {"torchvision": "BSD-3-Clause", "timm": "Apache-2.0"}


def test_every_group_of_training_data_has_words_of_its_own() -> None:
    assert GROUP_LABELS.keys() == {*GROUPS}
    assert len({*GROUP_LABELS.values()}) == len(GROUPS)


def test_the_best_network_under_1_gmac_on_imagenet_alone_and_who_says_so(zoo_view: Open) -> None:
    opened = zoo_view("max.macs=1000000000&on=imagenet1k")
    able = [row for row in ON_IMAGENET if row.macs <= 1e9 and row.trained_on == "imagenet1k"]
    best = max(able, key=lambda row: row.top1 or 0)
    answer = opened.text("#answer")
    assert opened.text("#answer .verdict").startswith(best.weights)
    assert f"as stated by {best.source}" in answer
    assert "trained on ImageNet-1k alone" in answer
    assert best.top1 is not None and f"{best.top1:.1f} %" in answer


def test_the_frontier_is_over_all_that_compares(zoo_view: Open) -> None:
    found = zoo_view().frontier()
    points = everything()
    expected = [points[at] for at in pareto(points)]
    assert found == [[pytest.approx(macs / 1e9), pytest.approx(top1)] for macs, top1 in expected]


@pytest.mark.parametrize(
    ("key", "value", "of"),
    [
        ("on", "imagenet21k", lambda row: row.trained_on),
        ("lib", "torchvision", lambda row: row.library.name),
        ("size", "3x288x288", lambda row: str(row.input_size)),
        ("fam", "ConvNeXt", lambda row: getattr(family_of(row.architecture), "family", None)),
    ],
)
def test_a_filter_leaves_what_it_names(zoo_view: Open, key: str, value: str, of: Any) -> None:
    opened = zoo_view(f"{key}={value}")
    assert shown(opened) == sum(of(row) == value for row in ON_IMAGENET)
    assert shown(zoo_view()) > len(ON_IMAGENET)


def test_years_are_those_of_the_papers_and_both_ends_count(zoo_view: Open) -> None:
    opened = zoo_view("since=2022&until=2023&on=imagenet1k")
    years = [family_of(row.architecture) for row in ON_IMAGENET if row.trained_on == "imagenet1k"]
    assert shown(opened) == sum(bool(each and each.year in (2022, 2023)) for each in years)
    assert "since 2022 and until 2023" in opened.text("#answer")


def test_only_the_rows_in_view_are_in_the_document(zoo_view: Open) -> None:
    opened = zoo_view()
    total = shown(opened)
    top = opened.rows()
    assert len(top) < 100 < total
    assert int(opened.one("#table").get_attribute("aria-rowcount")) == total + 1
    opened.js("const box = document.querySelector('.scroll:has(#table)'); box.scrollTop = 1e6")
    opened.wait(lambda: opened.rows()[0] != top[0])
    last = (
        "return Number([...document.querySelectorAll('#table tr[data-name]')].at(-1).ariaRowIndex)"
    )
    opened.wait(lambda: opened.js(last) == total + 1)
    assert len(opened.rows()) < 100


def test_the_table_begins_with_the_frontier_best_first(zoo_view: Open) -> None:
    opened = zoo_view()
    points = everything()
    best = sorted((points[at][1] for at in pareto(points)), reverse=True)
    tops = [float(each) for each in opened.column("Top-1")[: len(best)]]
    assert tops[:10] == [pytest.approx(each, abs=0.051) for each in best[:10]]
    assert {*opened.column("Frontier")[: min(len(best), len(tops))]} == {"yes"}


def test_the_csv_holds_what_a_library_states_with_its_licence(
    zoo_view: Open, downloads: Path
) -> None:
    opened = zoo_view("q=tinynet_c")
    written = downloads / "opbench.csv"
    written.unlink(missing_ok=True)
    opened.one("#csv").click()
    opened.wait(written.is_file)
    time.sleep(0.1)
    (row,) = csv.DictReader(written.read_text(encoding="utf-8").splitlines())
    written.unlink()
    (fact,) = (each for each in STATED if each.name == MARK)
    assert (row["name"], row["licence"], row["release"]) == (MARK, fact.licence, fact.release)
    assert (int(row["macs"]), float(row["top1"])) == (fact.macs, fact.top1)


def test_a_mark_behind_the_chart_has_a_hint_and_opens_its_facts(zoo_view: Open) -> None:
    opened = zoo_view()
    (fact,) = (each for each in STATED if each.name == MARK)
    opened.js("document.getElementById('chart').scrollIntoView({block: 'center'})")
    x, y = opened.js(
        """const chart = document.getElementById("chart"), {xaxis, yaxis} = chart._fullLayout;
        const frame = chart.getBoundingClientRect();
        return [frame.left + xaxis._offset + xaxis.d2p(arguments[0]),
                frame.top + yaxis._offset + yaxis.d2p(arguments[1])]""",
        fact.macs / 1e9,
        fact.top1,
    )
    mouse = {"x": x, "y": y}
    opened.driver.execute_cdp_cmd("Input.dispatchMouseEvent", mouse | {"type": "mouseMoved"})
    opened.wait(lambda: not opened.js("return document.getElementById('hint').hidden"))
    assert opened.text("#hint").startswith("tinynet_c.in1k · TinyNet · 2020")
    assert "timm 1.0.31 states it; single central crop" in opened.text("#hint")
    press = mouse | {"button": "left", "clickCount": 1}
    for kind in ("mousePressed", "mouseReleased"):
        opened.driver.execute_cdp_cmd("Input.dispatchMouseEvent", press | {"type": kind})
    opened.wait(lambda: opened.fragment().get("pick") == MARK)
    opened.wait(lambda: "tinynet_c.in1k" in opened.text("#detail"))
    told = opened.text("#detail")
    assert fact.licence in told and "Library" in told and f"opbench run {MARK}" in told


@pytest.mark.parametrize("q", [r"/^resnet\d+$/", r"/^resnet\d+$"])
def test_an_expression_searches_each_field_alone(zoo_view: Open, q: str) -> None:
    opened = zoo_view(f"{urlencode({'q': q})}&lib=torchvision")
    names = [
        row.weights.partition(".")[0] for row in ON_IMAGENET if row.library.name == "torchvision"
    ]
    assert shown(opened) == sum(bool(re.fullmatch(r"resnet\d+", name)) for name in names)


def test_an_expression_that_is_none_is_told_and_leaves_all(zoo_view: Open) -> None:
    everything_shown = shown(zoo_view())
    opened = zoo_view(urlencode({"q": "/res(/"}))
    assert "is no regular expression" in opened.text("#elsewhere")
    assert opened.one("#q").get_attribute("aria-invalid") == "true"
    assert shown(opened) == everything_shown


def test_what_is_near_to_a_network_of_the_address(zoo_view: Open) -> None:
    opened = zoo_view("mine=my%20net,4.1G,25.6M,76.1&on=imagenet1k")
    alike = [
        row for row in ON_IMAGENET
        if abs(row.macs - 4.1e9) <= 0.41e9 and row.trained_on == "imagenet1k"
    ]  # fmt: skip
    best = max(alike, key=lambda row: row.top1 or 0)
    told = opened.text("#mine-list")
    assert "my net: 4.10 GMAC" in told or "my net: 4.1 GMAC" in told
    assert f"More accurate within a tenth of its MACs: {best.weights}" in told
    star = """const star = document.getElementById("chart").data.find(t => t.name === "yours");
    return [star.x[0], star.y[0]]"""
    assert opened.js(star) == [pytest.approx(4.1), 76.1]
    opened.click("#mine-list [data-forget]")
    assert "mine" not in opened.fragment()


_DROP = """const data = new DataTransfer();
data.items.add(new File([arguments[0]], "mine.csv", {type: "text/csv"}));
dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}))"""


def test_a_csv_that_is_dropped_is_compared_and_its_text_stays_text(zoo_view: Open) -> None:
    opened = zoo_view()
    file = 'name,input_size,params,macs\n"<img src=x>, mine",3x224x224,1000000,2000000000\n'
    opened.after(lambda: opened.js(_DROP, file))
    assert "<img src=x>, mine: 2 GMAC, 1 million parameters" in opened.text("#mine-list")
    assert opened.fragment()["mine"] == "<img src=x>, mine,2000000000,1000000,"
    opened.after(lambda: opened.js(_DROP, "a,b\n1,2\n"))
    assert "no column macs" in opened.text("#mine-list")


@pytest.mark.slow
@pytest.mark.parametrize("fragment", ["", "mine=a,4.1G,25.6M,76.1&max.macs=2000000000&cols=1"])
def test_a_phone_shows_every_network_without_scrolling_sideways(
    zoo_view: Open, fragment: str
) -> None:
    opened = zoo_view(fragment)
    opened.after(lambda: opened.size(390, 844))
    width = "return [document.documentElement.scrollWidth, innerWidth]"
    assert opened.js(width) == [390, 390]
    assert len(opened.rows()) < 100
    folded = "return !document.getElementById('filters').open"
    opened.reload()
    assert opened.js(folded)
    opened.after(lambda: opened.js("location.hash = 'on=imagenet1k'"))
    assert not opened.js(folded)
