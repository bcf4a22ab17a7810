"""The page: every number of a results folder in one HTML file that opens from disk.

The rule it embodies: one file, no network.  Program, style, typeface, figures and data lie inside;
a content security policy forbids the browser to fetch anything.  Data is one JSON island and is
turned into text nodes by the program, so that nothing a file contains can become markup.  There is
no date in it: the same results give the same bytes.

    island.py      the data, from the table, the claims and the catalog
    zoo.py         torchvision's and timm's networks, as columns
    static.py      chart, table and claims as plain HTML, for a reader without JavaScript
    gallery.py     the figures as SVG that takes the page's colours
    packing.py     gzip and base64, for figures and plotly
    typeface.py    the letters of Source Sans that the page and its figures need
    page.html      the frame; page.css the looks; *.js the program, joined in the order below

plotly draws the main chart; its program comes from the installed package.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs

from opbench import __version__
from opbench.page.gallery import Picture, pictures
from opbench.page.island import as_json, island
from opbench.page.packing import packed
from opbench.page.static import static
from opbench.page.typeface import font_faces
from opbench.page.zoo import stated_by_libraries
from opbench.table.frames import Table
from opbench.zoo.rows import ZooRow

__all__ = ["Picture", "pictures", "render", "stated_by_libraries"]

_FOLDER = Path(__file__).parent

# From facts to what the reader sees; each may use what stands before it.
_PROGRAM = (
    "words.js",
    "zoo.js",
    "state.js",
    "filters.js",
    "select.js",
    "budget.js",
    "labels.js",
    "hover.js",
    "chart.js",
    "mine.js",
    "haze.js",
    "detail.js",
    "table.js",
    "rows.js",
    "controls.js",
    "sections.js",
    "main.js",
)


def render(
    table: Table,
    findings: Sequence[Any],
    drawn: Sequence[Picture] = (),
    weights: Sequence[ZooRow] = (),
) -> str:
    """The whole page as text.

    ``findings`` are those of ``opbench.claims.evaluate``, ``drawn`` those of ``pictures``,
    ``weights`` those of ``stated_by_libraries``.
    """
    parts = {
        "css": font_faces() + _read("page.css"),
        "version": escape(__version__),
        "static": static(table, findings, drawn),
        "data": as_json(island(table, findings, drawn, weights)),
        "plotly": packed(get_plotlyjs()),
        "program": "\n".join(_read(name) for name in _PROGRAM),
    }
    return _filled(_read("page.html"), parts)


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _filled(template: str, parts: Mapping[str, str]) -> str:
    """``template`` with ``{{name}}`` replaced, once: what is put in is not searched again."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)
