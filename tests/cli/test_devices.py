"""``--device`` chooses one machine, some, or all in every command that reads timings."""

from __future__ import annotations

from pathlib import Path

import pytest

from opbench.registry.counts_csv import load as load_counts
from opbench.table.cells import is_of
from tests.builders import header, record_of, write_run
from tests.fixtures import Opbench, Rows

SECONDS = {"Slow": 0.2, "Fast": 0.01}


@pytest.fixture
def board(tmp_path: Path) -> Path:
    """ResNet-18 and VGG-11, which takes twice as long, on a processor and a GPU."""
    rows = {row.name: row for row in load_counts(None)}
    for machine, seconds in SECONDS.items():
        gpu = machine == "Fast"
        lines = [
            record_of(rows[name], 1, times * seconds, device="cuda:0" if gpu else "cpu")
            for name, times in (("resnet18", 1), ("vgg11", 2))
        ]
        environment = {"gpu" if gpu else "cpu": machine, "torch_threads": 2, "cores": 2}
        write_run(tmp_path, *lines, first=header(machine, environment=environment))
    return tmp_path


def _timed(rows: Rows, board: Path, *more: str) -> dict[tuple[str, str], float]:
    listed = rows("list", "resnet18", "vgg11", "--results", str(board), *more)
    return {(row["name"], row["machine"]): row["latency_s"] for row in listed}


def test_list_shows_a_processor_one_machine_or_all(rows: Rows, board: Path) -> None:
    slow = {("resnet18", "Slow"): 0.2, ("vgg11", "Slow"): 0.4}
    fast = {("resnet18", "Fast"): 0.01, ("vgg11", "Fast"): 0.02}
    assert _timed(rows, board) == slow
    assert _timed(rows, board, "--device", "fast") == fast
    assert _timed(rows, board, "--device", "cuda") == fast
    assert _timed(rows, board, "--device", "all") == slow | fast


def test_list_refuses_a_machine_that_is_none_and_a_limit_on_all(
    opbench: Opbench, board: Path
) -> None:
    where = ["--results", str(board)]
    unknown = opbench("list", *where, "--device", "fats")
    assert (unknown.exit_code, "did you mean Fast" in unknown.stderr) == (2, True)
    several = opbench("list", *where, "--device", "all", "--max-latency", "1s")
    assert (several.exit_code, "--device" in several.stderr) == (2, True)
    assert "--device" in opbench("list", *where, "--device", "all", "--max-latency", "1s").stderr


def test_a_limit_is_of_the_machine(rows: Rows, board: Path) -> None:
    limit = ["--device", "fast", "--max-latency", "15ms"]
    assert _timed(rows, board, *limit) == {("resnet18", "Fast"): 0.01}


@pytest.mark.slow
def test_plot_draws_a_figure_for_each_machine(opbench: Opbench, board: Path) -> None:
    asked = ["plot", "time-vs-batch", "ops-vs-time", "--file-format", "svg", "--device", "all"]
    done = opbench(*asked, "--results", str(board))
    assert done.exit_code == 2  # one batch size is no sweep
    done = opbench("plot", *asked[2:], "--results", str(board))
    assert done.exit_code == 0, done.stderr
    written = [Path(line).name for line in done.stdout.split()]
    assert written == ["ops-vs-time-fast.svg", "ops-vs-time-slow.svg"]


def test_a_device_without_timings_names_those_with(opbench: Opbench, board: Path) -> None:
    done = opbench("plot", "ops-vs-time", "--device", "medium", "--results", str(board))
    assert (done.exit_code, "timed are Fast, Slow" in done.stderr) == (2, True)


def test_report_keeps_to_a_machine(opbench: Opbench, board: Path) -> None:
    quick = ["report", "--results", str(board), "--no-figures", "--no-zoo"]
    assert opbench(*quick, "--device", "fast").exit_code == 0
    text = (board / "index.html").read_text(encoding="utf-8")
    assert ('"machine":"Fast"' in text, '"machine":"Slow"' in text) == (True, False)


def test_compare_keeps_to_a_machine(opbench: Opbench, rows: Rows, tmp_path: Path) -> None:
    row = next(row for row in load_counts(None) if row.name == "resnet18")
    environment = {"cpu": "Slow", "gpu": "Fast", "torch_threads": 2, "cores": 2}
    for name in ("base", "new"):
        lines = [record_of(row, 1, 0.2), record_of(row, 1, 0.01, device="cuda:0")]
        write_run(tmp_path, *lines, first=header(name, environment=environment))
    both = ["compare", "base", "new", "--results", str(tmp_path)]
    assert {each["device"] for each in rows(*both)} == {"cpu", "cuda:0"}
    assert {each["device"] for each in rows(*both, "--device", "fast")} == {"cuda:0"}
    assert {each["device"] for each in rows(*both, "--device", "cpu")} == {"cpu"}
    none = opbench(*both, "--device", "medium")
    assert (none.exit_code, "it has Fast, Slow" in none.stderr) == (2, True)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("cuda", True),
        ("cuda:0", True),
        ("cuda:1", False),
        ("cpu", False),
        ("h100", True),
        ("a100, h100", True),
        ("all", True),
        ("", False),
        (",", False),
    ],
)
def test_words_of_the_option(wanted: str, found: bool) -> None:
    assert is_of("NVIDIA H100 80GB HBM3", "cuda:0", wanted) is found
