"""The page as bytes: one file, small enough, the same every time, with nothing that breaks out."""

from __future__ import annotations

import gzip
import json
import re
from base64 import b64decode
from dataclasses import replace
from html import escape
from pathlib import Path
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from opbench import claims
from opbench import page as pages
from opbench.escapes import visible
from opbench.metrics import METRICS
from opbench.page import Picture, gallery
from opbench.page.island import as_json, island
from opbench.page.static import static
from opbench.page.typeface import font_faces
from opbench.table.frames import Table, load
from tests import hostile
from tests.page.made_up import HOSTILE

FOLDER = Path(pages.__file__).parent
LIMIT = 6_000_000


@pytest.fixture(scope="module")
def loaded(results: Path) -> Table:
    return load(results, results / "mine.csv")


@pytest.fixture(scope="module")
def drawing() -> str:
    figure, axes = plt.subplots(figsize=(3, 2))
    axes.plot([0, 1], [0, 1], "o", color="#1c2024", clip_on=True)
    axes.set_xlabel("<b>operations</b>")
    svg = gallery.inline(figure, "a-figure")
    plt.close(figure)
    return svg


def test_hostile_text_leaves_the_island_as_it_went_in_and_ends_no_element() -> None:
    texts = ["</script>", "<!--", "&lt;", "\u2028\u2029", '"\\']
    text = as_json(texts)
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == texts


@pytest.mark.parametrize("name", hostile.NAMES)
def test_what_cannot_be_seen_is_not_in_the_file(loaded: Table, name: str) -> None:
    text = as_json(name)
    assert text.isprintable() and json.loads(text) == name
    networks = loaded.networks.assign(label=name)
    page = static(replace(loaded, networks=networks), [])
    assert page.replace("\n", "").isprintable()
    assert f"<th scope=row>{escape(visible(name))}</th>" in page


def test_numbers_that_are_none_become_null_and_others_stay_exact() -> None:
    row = {"a": float("nan"), "b": np.int64(2**53 + 1), "c": pd.NA, "d": True, "e": np.float64(0.1)}
    assert json.loads(as_json(row)) == {"a": None, "b": 2**53 + 1, "c": None, "d": True, "e": 0.1}


def test_every_metric_on_the_page_is_one_of_the_list(loaded: Table) -> None:
    data = island(loaded, [])
    offered = {*data["costs"], *data["gains"], *data["budgets"], *data["measured"]}
    assert offered <= METRICS.keys()
    assert {"macs", "flops", "params", "activations", "latency_s", "energy_j"} <= offered


def test_a_network_that_only_a_chart_knows_is_marked_as_published(loaded: Table) -> None:
    (only,) = (each for each in island(loaded, [])["networks"] if each["published_only"])
    assert (only["name"], only["label"]) == ("enet_chart2016", "ENet (2016)")
    assert only["macs"] == only["flops"] / 2
    assert only["source_url"].startswith("https://")


def test_every_number_comes_with_where_it_is_from(loaded: Table) -> None:
    data = island(loaded, [])
    for network in data["networks"]:
        assert network["source"] or network["top1"] is None or network["top1"] != network["top1"]
    assert {cell["run"] for cell in data["cells"]} == {run["run"] for run in data["runs"]}


def test_the_page_has_the_scripts_of_its_frame_and_no_other(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    frame = (FOLDER / "page.html").read_text(encoding="utf-8")
    assert text.lower().count("</script") == frame.count("</script>")
    assert not any(name in text for name in HOSTILE)


def test_the_page_may_fetch_nothing(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert "default-src 'none'" in policy[1]
    assert "http" not in policy[1]
    assert "connect-src" not in policy[1]


def test_without_a_program_the_page_holds_networks_and_claims(loaded: Table) -> None:
    findings = claims.evaluate(loaded.folder)
    text = static(loaded, findings)
    assert text.count("<tr>") == text.count("<thead>") + len(loaded.networks) + 1  # ENet of 2016
    assert text.count("<article") == len(findings)
    assert "<th scope=row>VGG-16</th><td class=number>71.3</td><td class=number>15.5</td>" in text
    assert "<script" not in text
    assert "javascript:" not in text
    assert escape(HOSTILE[0]) in text
    assert f"<noscript>{text}</noscript>" in pages.render(loaded, findings)


def test_without_a_program_the_page_holds_the_chart(loaded: Table, drawing: str) -> None:
    chart = Picture(name="accuracy-vs-ops", description="A <b> chart.", svg=drawing)
    other = Picture(name="pareto", description="Another.", svg=drawing)
    text = static(loaded, [], [chart, other])
    assert text.count("<svg") == 1
    assert "<h2>A &lt;b&gt; chart.</h2>" in text
    image = ElementTree.fromstring(text[text.index("<svg") : text.index("</svg>") + len("</svg>")])
    assert image.get("role") == "img"
    assert "<b>operations</b>" in {each.text for each in image.iter()}  # a name stays letters
    assert "<svg" not in static(loaded, [], [replace(chart, svg="", missing="no accuracy")])


def test_half_of_the_page_is_left_for_runs_and_figures(page: Path) -> None:
    assert page.stat().st_size < LIMIT / 2


@pytest.mark.slow
def test_the_same_results_give_the_same_bytes(loaded: Table, drawing: str) -> None:
    picture = gallery.Picture(name="a", description="b", svg=drawing)
    first = pages.render(loaded, [], [picture])
    font_faces.cache_clear()
    assert pages.render(loaded, [], [picture]) == first


def test_what_is_put_in_is_not_searched_for_places_to_fill(loaded: Table) -> None:
    folder = replace(loaded.folder, notes=("{{plotly}} {{css}}",))
    text = pages.render(replace(loaded, folder=folder), [])
    assert "{{plotly}} {{css}}" in text


def test_every_part_of_the_program_is_joined_and_short() -> None:
    files = {path.name for path in FOLDER.glob("*.js")}
    assert files == set(pages._PROGRAM)
    for path in FOLDER.iterdir():
        if path.suffix in {".js", ".css", ".html", ".py"}:
            assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_a_figure_takes_the_inks_of_the_page_and_keeps_its_letters(drawing: str) -> None:
    assert drawing.startswith("<svg")
    assert "var(--ink)" in drawing
    assert "#1c2024" not in drawing
    assert "&lt;b&gt;operations&lt;/b&gt;" in drawing


def test_identifiers_of_a_figure_are_its_own(drawing: str) -> None:
    identifiers = re.findall(r'\bid="([^"]*)"', drawing)
    references = re.findall(r'(?:url\(#|href="#)([^")]*)', drawing)
    assert identifiers and references
    assert all(each.startswith("a-figure-") for each in (*identifiers, *references))
    assert set(references) <= set(identifiers)


def test_a_figure_is_packed_and_unpacks_to_itself(drawing: str) -> None:
    picture = gallery.Picture(name="a", description="b", svg=drawing)
    assert gzip.decompress(b64decode(picture.packed)).decode() == drawing
    assert gallery.Picture(name="a", description="b", missing="run it").packed == ""


def test_a_figure_without_its_data_says_what_to_run(tmp_path: Path) -> None:
    picture = gallery._picture("time-vs-batch", load(tmp_path))
    assert picture.svg == ""
    assert "opbench run" in picture.missing


def test_the_typeface_comes_along_in_three_weights() -> None:
    faces = font_faces()
    assert faces.count("@font-face") == 3
    assert len(faces) < 200_000
