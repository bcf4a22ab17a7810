"""``opbench plot``: from files alone, the same bytes every time, nothing written on an error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from opbench.cli.plot import plot
from opbench.errors import BadFileError, UnknownNameError

_app = typer.Typer()
_app.command()(plot)


def _plot(*arguments: str) -> list[Path]:
    result = CliRunner().invoke(_app, [*arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return [Path(line) for line in result.stdout.splitlines()]


def _error(*arguments: str) -> BaseException | None:
    return CliRunner().invoke(_app, [*arguments]).exception


def test_an_svg_and_a_png_are_written_and_their_paths_printed(tmp_path: Path) -> None:
    paths = _plot("accuracy-vs-ops", "--out", str(tmp_path))
    assert paths == [tmp_path / "accuracy-vs-ops.svg", tmp_path / "accuracy-vs-ops.png"]
    svg, png = (path.read_bytes() for path in paths)
    assert svg.startswith(b"<?xml")
    assert png.startswith(b"\x89PNG")


def test_the_same_input_gives_the_same_bytes_also_in_another_process(tmp_path: Path) -> None:
    first = _plot("accuracy-vs-ops", "--with", "chart2016", "--out", str(tmp_path / "one"))
    code = (
        "import typer; from opbench.cli.plot import plot; app = typer.Typer();"
        "app.command()(plot); app()"
    )
    command = [sys.executable, "-c", code, "accuracy-vs-ops", "--with", "chart2016", "--out"]
    subprocess.run([*command, str(tmp_path / "two")], check=True, capture_output=True)
    for path in first:
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_plotting_imports_no_torch() -> None:
    code = (
        "import sys, tempfile; from pathlib import Path; from opbench.cli.plot import plot;"
        "plot(['top1'], out=Path(tempfile.mkdtemp())); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_dark_paper_does_not_overwrite_light(tmp_path: Path) -> None:
    light = _plot("density", "--out", str(tmp_path))
    dark = _plot("density", "--theme", "dark", "--out", str(tmp_path))
    assert not set(light) & set(dark)
    assert all(path.is_file() for path in (*light, *dark))


def test_a_misspelt_figure_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    out = tmp_path / "figures"
    error = _error("top1", "densty", "--out", str(out))
    assert isinstance(error, UnknownNameError)
    assert "did you mean density" in str(error)
    assert not out.exists()


def test_a_missing_results_folder_is_named(tmp_path: Path) -> None:
    error = _error("top1", "--results", str(tmp_path / "nowhere"))
    assert isinstance(error, BadFileError)
    assert "nowhere" in str(error)


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    error = _error("density", "--out", str(tmp_path / "file" / "figures"))
    assert isinstance(error, BadFileError)
    assert "--out" in str(error)


@pytest.mark.parametrize("option", [("--unit", "flops"), ("--with", "chart2017"), ("--theme", "x")])
def test_a_choice_that_does_not_exist_exits_with_2(option: tuple[str, str]) -> None:
    assert CliRunner().invoke(_app, ["top1", *option]).exit_code == 2
