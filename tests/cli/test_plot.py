"""``opbench plot``: from files alone, the same bytes every time, nothing written on an error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import Result

from opbench import figures
from tests.fixtures import Opbench
from tests.made_up import write_results

KINDS = ("svg", "png")
NAMES = ("alexnet", "resnet18", "vgg16", "lenet5", "caffenet128", "caffenet128_elu")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_results(
        tmp_path_factory.mktemp("results"), batches=(1, 4, 16), names=NAMES, runtimes=True
    )


def _paths(result: Result) -> list[Path]:
    assert result.exit_code == 0, result.output
    return [Path(line) for line in result.stdout.splitlines()]


def test_a_figure_is_written_in_two_formats_and_the_paths_printed(
    opbench: Opbench, results: Path, tmp_path: Path
) -> None:
    paths = _paths(opbench("plot", "density", "--results", results, "--output", tmp_path))
    assert paths == [tmp_path / f"density.{kind}" for kind in KINDS]
    svg, png = (path.read_bytes() for path in paths)
    assert svg.startswith(b"<?xml")
    assert png.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("option", "word", "near"),
    [("--runtime", "openvin", "openvino"), ("--runtime", "compil:default", "compile"),
     ("--dtype", "flot32", "float32")],
)  # fmt: skip
def test_a_runtime_or_type_that_there_is_not_is_no_advice_to_run_it(
    opbench: Opbench, results: Path, tmp_path: Path, option: str, word: str, near: str
) -> None:
    told = opbench("plot", "roofline", option, word, "--results", results, "--output", tmp_path)
    assert told.exit_code == 2
    assert f"did you mean {near}" in told.stderr and "opbench run" not in told.stderr


@pytest.mark.slow
def test_the_same_input_gives_the_same_bytes_also_in_another_process(
    opbench: Opbench, results: Path, tmp_path: Path
) -> None:
    arguments = ["plot", "accuracy-vs-ops", "--overlay", "chart2016", "--results", str(results)]
    first = _paths(opbench(*arguments, "--output", tmp_path / "one"))
    subprocess.run(
        [sys.executable, "-m", "opbench", *arguments, "--output", str(tmp_path / "two")],
        check=True,
        capture_output=True,
        env={"PATH": "", "PYTHONHASHSEED": "7"},
    )
    for path in first:
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


@pytest.mark.slow
def test_every_figure_is_drawn_from_one_run(
    opbench: Opbench, results: Path, tmp_path: Path
) -> None:
    result = opbench("plot", "--file-format", "png", "--results", results, "--output", tmp_path)
    assert {path.stem for path in _paths(result)} == {*figures.names()} - {"machines"}
    assert "machines" in result.stderr  # it needs two, and says so


@pytest.mark.slow
def test_without_runs_what_needs_none_is_drawn_and_the_rest_says_what_to_run(
    opbench: Opbench, tmp_path: Path
) -> None:
    write_results(tmp_path, names=("resnet18", "vgg16", "lenet5"), batches=())
    wanted = ("top1", "time-vs-batch")
    result = opbench("plot", "--results", tmp_path, "--family", "resnet", "--file-format", "png")
    drawn = {path.stem for path in _paths(result)}
    assert wanted[0] in drawn
    assert wanted[1] not in drawn
    assert "time-vs-batch is not drawn: nothing was timed yet: run `opbench run`" in (
        result.stderr.replace("\n", " ")
    )


def test_a_figure_that_was_asked_for_and_cannot_be_drawn_is_an_error(
    opbench: Opbench, tmp_path: Path
) -> None:
    write_results(tmp_path, names=("resnet18",), batches=())
    result = opbench("plot", "ops-vs-time", "--results", tmp_path)
    assert result.exit_code == 2
    assert "ops-vs-time: nothing was timed yet" in result.stderr
    assert not (tmp_path / "figures").exists()


def test_plotting_imports_no_torch(results: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from opbench.cli.plot import plot;"
        f"plot(['top1'], results=Path({str(results)!r}), output=Path({str(tmp_path)!r}));"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "False"


@pytest.mark.slow
def test_both_papers_are_drawn_beside_each_other(
    opbench: Opbench, results: Path, tmp_path: Path
) -> None:
    arguments = ("plot", "density", "--theme", "both", "--results", results, "--output", tmp_path)
    names = {path.name for path in _paths(opbench(*arguments))}
    assert names == {f"density{paper}.{kind}" for paper in ("", "-dark") for kind in KINDS}


def test_notes_stand_in_a_file_beside_the_figure_or_nowhere(
    opbench: Opbench, results: Path, tmp_path: Path
) -> None:
    arguments = ["plot", "density", "--results", results, "--file-format", "png"]
    paths = _paths(opbench(*arguments, "--notes", "file", "--output", tmp_path / "file"))
    assert [path.name for path in paths] == ["density.png", "density.txt"]
    assert paths[1].read_text(encoding="utf-8").startswith("Accuracies as published: ")
    bare = _paths(opbench(*arguments, "--notes", "none", "--output", tmp_path / "none"))
    assert [path.name for path in bare] == ["density.png"]
    assert bare[0].read_bytes() == paths[0].read_bytes()


def test_notes_say_whose_accuracies_are_drawn(
    opbench: Opbench, results: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text("name,top1\nresnet18,69.5\n")
    arguments = ["plot", "density", "--results", results, "--file-format", "png", "--notes", "file"]
    opbench(*arguments, "--accuracies", mine, "--output", tmp_path)
    note = (tmp_path / "density.txt").read_text(encoding="utf-8")
    published, _, own = note.partition("\n")[0].partition("  ")
    assert published.startswith("Accuracies as published: ") and "mine.csv" not in published
    assert own == "Accuracies of your own: mine.csv (1)."


def test_own_accuracies_are_drawn_and_what_matches_nothing_is_listed(
    opbench: Opbench, results: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text("model,top1\nresnet18,99.5\nnosuchnet,50\n")
    result = opbench(
        *("plot", "top1", "--accuracies", mine, "--results", results, "--output", tmp_path)
    )
    assert len(_paths(result)) == len(KINDS)
    assert "1 of 2 rows match a network here; these do not: nosuchnet" in (
        result.stderr.replace("\n", " ")
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("top1", "densty"), "no figure is called 'densty'; did you mean density?"),
        (("top1", "--results", "/nowhere"), "the folder /nowhere does not exist"),
        (("pareto", "--x", "macz"), "no metric is called 'macz'; did you mean macs"),
        (("top1", "--file-format", "svg,gif"), "no file format is called 'gif'"),
        (("top1", "--x", "macs"), "--x does nothing for top1: use it with accuracy-vs-ops,"),
        (("top1", "--no-log"), "--log does nothing for top1: use it with accuracy-vs-ops,"),
        (("density", "--unit", "macs"), "--unit does nothing for density: use it with accuracy-"),
        (("ops-vs-time", "--batch-size", "1,zero"), "--batch-size must be positive integers"),
        (("top1", "--family", "resnett"), "no family is called 'resnett'; did you mean resnet"),
        (("top1", "--accuracies", "/nowhere.csv"), "/nowhere.csv cannot be read"),
    ],
)
def test_what_the_user_can_mend_is_one_sentence_and_nothing_is_written(
    opbench: Opbench, results: Path, tmp_path: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    out = tmp_path / "figures"
    given = () if "--results" in arguments else ("--results", results)
    result = opbench("plot", *arguments, *given, "--output", out)
    assert result.exit_code == 2
    assert complaint in result.stderr.replace("\n", " ")
    assert "Traceback" not in result.stderr
    assert not out.exists()


def test_a_folder_that_cannot_be_written_is_one_sentence(
    opbench: Opbench, results: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "figures"
    result = opbench("plot", "density", "--results", results, "--output", out)
    assert result.exit_code == 2
    assert "choose another folder with --out" in result.stderr.replace("\n", " ")


@pytest.mark.parametrize(
    "option", [("--unit", "flops"), ("--overlay", "chart2017"), ("--theme", "x")]
)
def test_a_choice_that_does_not_exist_exits_with_2(
    opbench: Opbench, option: tuple[str, str]
) -> None:
    assert opbench("plot", "top1", *option).exit_code == 2


def test_networks_that_no_figure_of_timings_shows_are_told(
    opbench: Opbench, results: Path, tmp_path: Path
) -> None:
    asked = ("--results", results, "--output", tmp_path, "--file-format", "svg")
    done = opbench("plot", "ops-vs-time", *asked)
    assert done.exit_code == 0, done.stderr
    told = "show networks of ImageNet, and not caffenet128, caffenet128_elu, lenet5"
    assert told in " ".join(done.stderr.split())
    assert "ImageNet" not in opbench("plot", "density", *asked).stderr


def test_a_pdf_changes_nothing_for_what_is_made_after_it(opbench: Opbench, tmp_path: Path) -> None:
    from fontTools.subset import Options

    usual = Options().drop_tables
    done = opbench("plot", "top1", "--output", tmp_path, "--file-format", "pdf")
    (path,) = _paths(done)
    assert path.read_bytes().startswith(b"%PDF")
    assert Options().drop_tables == usual
