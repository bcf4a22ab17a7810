"""Names are data: a figure draws their letters, and neither obeys nor chokes on them."""

from __future__ import annotations

import warnings
from dataclasses import replace
from io import BytesIO
from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from opbench.figures import Options, find
from opbench.figures.parts.style import theme
from opbench.page.gallery import inline
from opbench.table.frames import Table

# As typed, and as drawn.
HOSTILE = {
    "$x^{2$": "$x^{2$",
    "$\\frac{$": "$\\frac{$",
    "\x1b[31mred": "\\x1b[31mred",
    "\u202egnp.exe": "\\u202egnp.exe",
    "a\r\nb\u2028c": "a\\r\\nb\\u2028c",
    "<!--</script>": "<!--</script>",
    "nul\x00": "nul\\x00",
    "\U0001f525 fire": "\U0001f525 fire",
    "_hidden": "_hidden",
    "long" * 40: "long" * 14 + "lon…",
}


def _hostile(table: Table) -> Table:
    cells = table.cells.copy()
    names = list(dict.fromkeys(cells["name"][cells["dataset"] == "imagenet"]))
    renamed = dict(zip(names, HOSTILE, strict=False))
    cells["label"] = cells["name"].map(renamed).fillna(cells["label"])
    return replace(table, cells=cells)


def _texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(Text))


@pytest.mark.parametrize("name", ["ops-vs-time", "time-vs-batch"])
def test_hostile_names_are_drawn_letter_by_letter(name: str, timed_table: Table) -> None:
    options = Options(batch_sizes=(4,) if name == "ops-vs-time" else ())
    with warnings.catch_warnings(action="error"), theme("light"):
        figure = find(name)(_hostile(timed_table), options)
        figure.savefig(buffer := BytesIO(), format="svg")
        shown = _texts(figure)
    ElementTree.fromstring(buffer.getvalue())
    ElementTree.fromstring(inline(figure, "a-figure"))
    assert "$x^{2$" in shown
    assert sum(each in shown for each in HOSTILE.values()) >= 6
    assert "\x1b" not in shown and "\u202e" not in shown
