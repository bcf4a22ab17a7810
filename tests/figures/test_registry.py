"""Figures are found by scanning, without matplotlib."""

from __future__ import annotations

import subprocess
import sys

import pytest

from opbench import figures
from opbench.errors import UnknownNameError
from opbench.figures import Options
from opbench.table import Table


def test_every_figure_says_in_one_line_what_it_shows() -> None:
    for name in figures.names():
        line = figures.describe(name)
        assert 10 < len(line) < 100, name
        assert line.endswith("."), name


@pytest.mark.parametrize("name", figures.names())
def test_every_figure_draws_a_results_folder(name: str, timed_table: Table) -> None:
    figure = figures.find(name)(timed_table, Options())
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
