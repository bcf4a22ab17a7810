"""Text made safe for a terminal, CSV and Markdown, read back by the rules of each."""

from __future__ import annotations

import csv
import io
import json
import re
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from opbench.cli.columns import Column
from opbench.cli.render import Format, render
from opbench.escapes import csv_cell, printable
from opbench.reports import Level, Outcome, Place
from opbench.reports.github import github
from opbench.reports.junit import junit
from opbench.reports.sarif import sarif
from tests import hostile

COLUMNS = (
    Column(key="name", title="name", keep=True),
    Column(key="macs", title="MACs", right=True),
    Column(key="why", title="why", prose=True),
)

NAMED = hostile.TEXTS.filter(bool)


def outcome(name: str) -> Outcome:
    return Outcome(
        name=name,
        status="heavier",
        level=Level.FAIL,
        summary=f"{name} is heavier",
        details=(name,),
        places=(Place(name),),
    )


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("mymodels.py:Net", "mymodels.py:Net"),
        ("\u4e2d\u6587 \u00e9", "\u4e2d\u6587 \u00e9"),
        ("a\nb\x1b[31m", r"a\nb\x1b[31m"),
        ("\u202e\ud800\x9b", r"\u202e\ud800\x9b"),
        ("::error::x", r"\x3a:error::x"),
        ("a ::error::x", r"a \x3a:error::x"),
        ("torchvision::nms", "torchvision::nms"),
        ("##[error]x", r"\x23#[error]x"),
    ],
)
def test_printable_is_repr_without_quotes_for_what_cannot_be_seen(text: str, seen: str) -> None:
    assert printable(text) == seen


@given(hostile.TEXTS)
def test_printable_text_is_one_line_without_commands_and_stays_as_it_is(text: str) -> None:
    seen = printable(text)
    hostile.check(seen)
    assert printable(seen) == seen


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1", "'=1"),
        ("'=1", "''=1"),
        ("-2", "'-2"),
        ("a=1", "a=1"),
        ("'a", "'a"),
        ("\t=1", r"\t=1"),
    ],
)
def test_a_spreadsheet_computes_no_text(text: str, cell: str) -> None:
    assert csv_cell(text) == cell


@given(hostile.TEXTS)
def test_a_csv_gives_text_and_numbers_back(name: str) -> None:
    printed = render([{"name": name, "macs": -3, "top1": -0.5}], Format.csv)
    hostile.check(printed)
    assert len(printed.splitlines()) == 2
    (row,) = csv.DictReader(io.StringIO(printed))
    assert row["name"][:1] not in {*"=+-@\t\r"}
    assert re.sub(r"^'('*[=+\-@\uff1d\uff0b\uff0d\uff20])", r"\1", row["name"]) == printable(name)
    assert (int(row["macs"]), float(row["top1"])) == (-3, -0.5)


@given(hostile.TEXTS)
def test_json_gives_every_text_back(name: str) -> None:
    printed = render([{"name": name}], Format.json)
    hostile.check(printed)
    assert printed.isascii()
    assert json.loads(printed) == [{"name": name}]


def _shown(cell: Token) -> str:
    """What a reader sees of a cell; markup in it would be another kind of token."""
    assert {each.type for each in cell.children or ()} <= {"text", "text_special"}
    return "".join(each.content for each in cell.children or ())


@given(hostile.TEXTS)
def test_markdown_shows_the_text_and_no_markup(name: str) -> None:
    printed = render([{"name": name, "macs": 7}], Format.markdown, COLUMNS[:2])
    hostile.check(printed)
    parse = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse
    cells = [each for each in parse(printed) if each.type == "inline"]
    assert [_shown(each) for each in cells] == ["name", "MACs", printable(name).strip(), "7"]


@given(hostile.TEXTS, st.integers(40, 200))
def test_a_table_has_the_name_whole_and_no_controls(name: str, width: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("opbench.cli.render.terminal_width", lambda: width)
        printed = render([{"name": name, "macs": 7, "why": name}], Format.table, COLUMNS)
    hostile.check(printed)
    assert printable(name).strip() in printed


@given(NAMED)
def test_an_annotation_is_one_line_whose_data_github_reads_back(name: str) -> None:
    (line, end) = github([outcome(name)], title="t").split("\n")
    hostile.check(line, commands=True)
    assert end == ""
    command = re.fullmatch(r"::error file=([^,:]*),line=1,title=([^,:]*)::(.*)", line)
    assert command
    file, title, data = (unquote(each, errors="strict") for each in _decodable(command.groups()))
    seen = printable(name)
    assert (file, title) == (seen, printable(f"t: {name} heavier"))
    assert data == f"{printable(f'{name} is heavier')}\n{seen}"


def _decodable(parts: tuple[str, ...]) -> list[str]:
    """Leave the codes that GitHub decodes and no others."""
    return [re.sub("%(?!25|0D|0A|3A|2C)", "%25", part) for part in parts]


@given(NAMED)
def test_junit_is_xml_with_the_name(name: str) -> None:
    printed = junit([outcome(name)], title="t")
    hostile.check(printed)
    case = ElementTree.fromstring(printed).find("testsuite/testcase")
    assert case is not None
    assert (case.get("name"), case.get("file")) == (printable(name), printable(name))


@given(NAMED)
def test_sarif_is_json_whose_address_is_one(name: str) -> None:
    log = json.loads(sarif([outcome(name)], title="t", statuses={"heavier": "H."}))
    (result,) = log["runs"][0]["results"]
    assert result["message"]["text"].endswith(printable(name))
    (place,) = result["locations"]
    address = place["physicalLocation"]["artifactLocation"]["uri"]
    assert re.fullmatch(r"[\w.~%/:!$&'()*+,;=@-]*", address, re.ASCII)
