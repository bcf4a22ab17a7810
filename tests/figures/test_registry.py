"""Figures are found by scanning, without matplotlib."""

from __future__ import annotations

import subprocess
import sys

import pytest

from opbench import figures
from opbench.errors import UnknownNameError
from opbench.figures import Options, find
from opbench.figures.parts.frame import caption
from opbench.figures.parts.style import theme
from opbench.table.frames import Table


def test_every_figure_says_in_one_line_what_it_shows() -> None:
    for name in figures.names():
        line = figures.describe(name)
        assert 10 < len(line) < 100, name
        assert line.endswith("."), name


@pytest.mark.parametrize("name", sorted({*figures.names()} - {"machines"}))  # which takes two
def test_every_figure_draws_a_results_folder(name: str, runtimes_table: Table) -> None:
    figure = figures.find(name)(runtimes_table, Options())
    assert any(axes.has_data() for axes in figure.axes)


def test_an_unknown_figure_offers_near_matches() -> None:
    with pytest.raises(UnknownNameError, match="did you mean accuracy-vs-ops"):
        figures.find("acuracy-vs-ops")


def test_names_are_found_without_matplotlib_pandas_or_torch() -> None:
    code = (
        "import sys; from opbench import figures; figures.describe(figures.names()[0]);"
        "print([m for m in ('matplotlib', 'pandas', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["top1", "ops-vs-time", "time-vs-batch", "modules", "pareto"])
def test_notes_can_stay_out_of_a_figure_and_are_not_lost(name: str, timed_table: Table) -> None:
    with theme("light"):
        whole = find(name)(timed_table, Options())
        bare = find(name)(timed_table, Options(notes="file"))
    words = caption(bare)
    assert words not in [text.get_text() for text in bare.texts if text.get_visible()]
    assert words.split() == caption(whole).replace("\N{NO-BREAK SPACE}", " ").split()
    assert bare.get_figheight() < whole.get_figheight()
    heights = [
        [axes.get_position().height * figure.get_figheight() for axes in figure.axes if axes.axison]
        for figure in (whole, bare)
    ]
    assert heights[1] == pytest.approx(heights[0])
