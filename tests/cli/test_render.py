"""Rows rendered in each format, and messages that are not markup."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from opbench.cli.columns import Column, integer, scaled
from opbench.cli.render import Format, heading, indented, plural, render, say
from tests.fixtures import Opbench, Write

ROWS = [
    {"name": "[red]", "params": 1234567, "top1": None},
    {"name": "a|b", "params": 2, "top1": 69.5, "note": "x"},
]
COLUMNS = (
    Column(key="name", title="network"),
    Column(key="params", title="params", show=integer, right=True),
    Column(key="top1", title="top-1 %", show=scaled(1, 2), right=True),
)


def test_json_holds_the_rows_unrounded() -> None:
    assert json.loads(render(ROWS, Format.json, COLUMNS)) == ROWS


def test_csv_holds_every_key_of_any_row() -> None:
    (first, second) = csv.DictReader(io.StringIO(render(ROWS, Format.csv, COLUMNS)))
    assert first == {"name": "[red]", "params": "1234567", "top1": "", "note": ""}
    assert second["note"] == "x"


def test_markdown_holds_the_columns_and_escapes_bars() -> None:
    assert render(ROWS, Format.markdown, COLUMNS) == (
        "| network | params | top-1 % |\n"
        "| --- | --: | --: |\n"
        "| \\[red\\] | 1,234,567 |  |\n"
        "| a\\|b | 2 | 69.50 |\n"
    )


@pytest.mark.parametrize("plain", [False, True])
def test_a_table_is_aligned_and_ends_with_its_caption(plain: bool) -> None:
    assert render(ROWS, Format.table, COLUMNS, caption="For one image.", plain=plain) == (
        "network     params  top-1 %\n"
        "[red]    1,234,567\n"
        "a|b              2    69.50\n"
        "For one image.\n"
    )


def test_a_caption_is_wrapped_at_80_and_not_at_the_width_of_the_table() -> None:
    words = "seven " * 14  # 13 are 13 * 6 - 1 = 77 letters and spaces, 14 are 83
    lines = render([{"a": 1}], Format.table, caption=words).splitlines()
    assert lines == ["a", "1", " ".join(["seven"] * 13), "seven"]


def test_without_columns_every_key_is_one() -> None:
    assert render([{"a": 1, "b": None}], Format.markdown).splitlines()[::2] == [
        "| a | b |",
        "| 1 |  |",
    ]


def test_a_table_without_a_terminal_is_as_wide_as_its_rows() -> None:
    rows = [{"long": "x" * 500}]
    assert render(rows, Format.table) == f"long\n{'x' * 500}\n"


def test_headings_and_paragraphs() -> None:
    assert heading("[bold]Modules") == "[bold]Modules\n"
    words = ["seven"] * 14
    assert indented(" ".join(words)) == f"  {' '.join(words[:13])}\n  seven\n"


@pytest.mark.parametrize(("number", "words"), [(0, "0 cells"), (1, "1 cell"), (2, "2 cells")])
def test_one_is_singular(number: int, words: str) -> None:
    assert plural(number, "cell") == words


def test_a_message_is_neither_markup_nor_emoji(capsys: pytest.CaptureFixture[str]) -> None:
    say("nets.py:fire: [red]")
    assert capsys.readouterr().err == "nets.py:fire: [red]\n"


def test_an_error_names_a_class_that_is_called_like_an_emoji(
    opbench: Opbench, write: Write
) -> None:
    path: Path = write("nets.py", "Fire = 3\n")
    assert f"{path}:Fire" in opbench("count", f"{path}:Fire").stderr
