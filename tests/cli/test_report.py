"""``opbench report``: one file from files, without torch; an older page outlives an error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from opbench import page
from tests.builders import header, record, write_run
from tests.fixtures import Opbench


def test_the_page_lies_in_the_results_and_its_path_is_printed(
    opbench: Opbench, tmp_path: Path
) -> None:
    done = opbench("report", "--results", tmp_path, "--no-figures")
    assert done.exit_code == 0, done.output
    path = tmp_path / "index.html"
    assert done.stdout.strip() == str(path)
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [each.name for each in tmp_path.iterdir()] == ["index.html"]


def test_the_page_can_be_written_elsewhere(opbench: Opbench, tmp_path: Path) -> None:
    out = tmp_path / "new" / "page.html"
    assert opbench("report", "--results", tmp_path, "--no-figures", "--output", out).exit_code == 0
    assert out.is_file()


@pytest.mark.slow
def test_another_process_writes_the_same_bytes_and_needs_no_torch(
    opbench: Opbench, tmp_path: Path
) -> None:
    opbench("report", "--results", tmp_path, "--no-figures")
    out = tmp_path / "again.html"
    code = (
        "import sys; from pathlib import Path; from opbench.cli.report import report;"
        f"report(Path({str(tmp_path)!r}), Path({str(out)!r}), figures=False);"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "False"
    assert out.read_bytes() == (tmp_path / "index.html").read_bytes()


def test_a_folder_that_is_not_there_is_answered_with_what_makes_it(
    opbench: Opbench, tmp_path: Path
) -> None:
    done = opbench("report", "--results", tmp_path / "absent")
    assert done.exit_code == 2
    assert "opbench run" in done.stderr


def test_a_project_that_timed_nothing_has_a_page(
    opbench: Opbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = opbench("report", "--no-figures")
    assert done.stdout == "results/index.html\n", done.stderr
    assert (tmp_path / "results" / "index.html").is_file()


def test_a_page_that_cannot_be_written_is_one_sentence(opbench: Opbench, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "index.html"
    done = opbench("report", "--results", tmp_path, "--no-figures", "--output", out)
    assert done.exit_code == 2
    assert "--output" in done.stderr


def test_a_folder_in_the_place_of_a_page_is_refused_before_figures_are_drawn(
    opbench: Opbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "pictures", lambda table: pytest.fail("they were drawn"))
    done = opbench("report", "--results", tmp_path, "--output", tmp_path)
    assert done.exit_code == 2
    assert done.stderr == f"error: {tmp_path} is a folder: name a file with --output\n"


def test_a_damaged_file_of_counts_leaves_the_older_page(opbench: Opbench, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("older")
    (tmp_path / "counts.csv").write_text("no header\n")
    done = opbench("report", "--results", tmp_path, "--no-figures")
    assert done.exit_code == 2
    assert "counts.csv" in done.stderr
    assert (tmp_path / "index.html").read_text() == "older"


def test_a_damaged_run_is_named_here_and_on_the_page_which_shows_the_others(
    opbench: Opbench, tmp_path: Path
) -> None:
    write_run(tmp_path, record("mine.py:net"), first=header("good"))
    damaged = tmp_path / "runs" / "a.jsonl"
    damaged.write_text("no header\n")
    done = opbench("report", "--results", tmp_path, "--no-figures")
    assert done.exit_code == 0, done.output
    assert f"{damaged}, line 1: the run is skipped" in done.stderr.replace("\n", " ")
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert f"{damaged}, line 1: the run is skipped" in text
    assert "mine.py:net" in text
