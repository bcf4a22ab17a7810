"""Tables fit the terminal: names whole, columns leave from the right and are counted."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len

from opbench.cli.columns import Column
from opbench.cli.render import Format, render
from opbench.cli.run_report import render_rows
from opbench.conventions import PEERS
from opbench.registry import counts_csv
from opbench.runs.lines import End
from opbench.runs.state import RunState
from opbench.timing.protocol import Protocol
from tests import hostile
from tests.builders import cell, header, record, record_of_rounds, write_run
from tests.fixtures import Opbench

NAMES = ("squeezenet1_1", "inception_resnet_v2", "caffenet128_bn_dropout20")
WIDTHS = (40, 60, 80, 100, 120, 160, 200)
Narrow = Callable[[int], None]


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> Narrow:
    """Make stdout a terminal of so many columns."""
    return lambda width: monkeypatch.setattr("opbench.cli.render.terminal_width", lambda: width)


def write_measured(folder: Path) -> Path:
    """Write two runs of the same networks, and a lock of one of them that is not as it was."""
    for run in ("a", "b"):
        records = [record(name, 0.0013, low_s=0.0006, high_s=0.0026) for name in NAMES]
        plan = tuple(each.cell for each in records)
        write_run(folder, *records, End(reason="finished"), first=header(run, plan=plan))
    return folder


def fits(printed: str, width: int) -> None:
    """Assert that no line is broken by the terminal."""
    long = [line for line in printed.splitlines() if cell_len(line) > width]
    assert not long, "\n".join(long)


def whole(printed: str, names: tuple[str, ...]) -> None:
    """Assert that each name stands in the table as it is."""
    words = printed.split()
    assert [name for name in names if name not in words] == []


@pytest.mark.parametrize("width", WIDTHS)
def test_list_claims_runs_and_compare_fit(
    opbench: Opbench, narrow: Narrow, tmp_path: Path, width: int
) -> None:
    results = ("--results", write_measured(tmp_path))
    narrow(width)
    for names, *args in (
        (tuple(counts_csv.list_architectures()), "list"),
        (NAMES, "list", *NAMES, "--columns", "name,top1_source,paper,paper_url"),
        ((), "claims", *results),
        (("a", "b"), "runs", *results),
    ):
        printed = opbench(*args)
        assert printed.exit_code == 0, printed.stderr
        fits(printed.stdout, width)
        whole(printed.stdout, names)
    compared = opbench("compare", "a", "b", *results).stdout
    fits(compared, width)
    whole(compared, (*NAMES, "SAME"))


@pytest.mark.parametrize("width", [40, 60, 80, 200])
@pytest.mark.parametrize(
    "command",
    [("list", "resnet*"), ("list", "resnet*", "--columns", "name,family,macs"), ("list", "lenet5",
      "--columns", "name,year"), ("count", "lenet5")],
    ids=" ".join,
)  # fmt: skip
def test_a_caption_speaks_only_of_columns_that_are_shown(
    opbench: Opbench, narrow: Narrow, command: tuple[str, ...], width: int
) -> None:
    narrow(width)
    header, *lines = opbench(*command).stdout.splitlines()
    caption = " ".join(lines)
    assert ("1 MAC = 2 operations" in caption) == ("MAC" in header)
    assert ("Accuracies" in caption) == ("top-1" in header)
    assert "beside" not in caption


def test_the_data_set_of_an_accuracy_is_shown_at_80_columns(
    opbench: Opbench, narrow: Narrow
) -> None:
    narrow(80)
    header = opbench("list").stdout.splitlines()[0]
    assert "top-1 %" in header and "data set" in header


@pytest.mark.parametrize(
    ("width", "columns"),
    # 24 for the longest name, 9 for AMBIGUOUS, 26 at most for the change, 7 and 6 for the times.
    [(40, 2), (60, 2), (80, 5), (200, 8)],
)
def test_compare_keeps_name_verdict_change_and_times_in_this_order(
    opbench: Opbench, narrow: Narrow, tmp_path: Path, width: int, columns: int
) -> None:
    times = ((0.010, 0.020), (0.100, 3.0), (0.0500, 0.0501))
    for side, run in enumerate(("a", "b")):
        records = [
            record_of_rounds(name, each[side], 1.01 * each[side])
            for name, each in zip(NAMES, times, strict=True)
        ]
        write_run(tmp_path, *records, End(reason="finished"), first=header(run))
    narrow(width)
    printed = opbench("compare", "a", "b", "--results", tmp_path).stdout
    fits(printed, width)
    whole(printed, NAMES)
    titles = ["name", "verdict", "change (95 %)", "base ms", "new ms", "input", "batch", "device"]
    assert re.split(r"  +", printed.splitlines()[0]) == titles[:columns]


def test_an_interval_of_wild_rounds_is_cut_at_a_hundred_times_the_median(narrow: Narrow) -> None:
    narrow(80)
    cells = [cell("a")]
    for low, high, told in (
        (1e-9, 5e6, "2.000 (<0.020 to >200.000)"),
        (1e-9, 0.003, "2.000 (<0.020 to 3.000)"),
        (0.001, 0.003, "2.000 (1.000-3.000)"),
    ):
        state = RunState(cells, Protocol(), cores=2)
        state.add(record("a", 0.002, low_s=low, high_s=high))
        assert told in render_rows(state, Format.table)


@pytest.mark.parametrize("width", WIDTHS)
def test_run_shows_median_and_interval_in_one_column(narrow: Narrow, width: int) -> None:
    narrow(width)
    records = [record(name, 0.0013, low_s=0.0006, high_s=0.0026) for name in NAMES]
    state = RunState([each.cell for each in records], Protocol(), cores=2)
    for each in records:
        state.add(each)
    printed = render_rows(state, Format.table)
    fits(printed, width)
    whole(printed, NAMES)
    # 24 for the longest name, 2 for a gap, 19 for the median; 2 and 7 for the quality.
    assert printed.count("1.300 (0.600-2.600)") == (3 if width >= 45 else 0)
    assert printed.count("good") == (3 if width >= 54 else 0)


def test_settings_that_tell_cells_apart_stay_and_others_leave(narrow: Narrow) -> None:
    narrow(60)
    cells = [cell("a", batch_size=size, dtype="bfloat16") for size in (1, 16)]
    state = RunState(cells, Protocol(), cores=2)
    for size in (1, 16):
        state.add(record("a", batch_size=size, dtype="bfloat16"))
    head, *rows = render_rows(state, Format.table).splitlines()
    assert head.split()[:2] == ["name", "batch"]
    assert [row.split()[:2] for row in rows[:2]] == [["a", "1"], ["a", "16"]]
    assert "more columns: --format csv" in rows[2]


@pytest.mark.parametrize("width", WIDTHS)
def test_counts_show_conventions_and_check_fit(
    opbench: Opbench,
    narrow: Narrow,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    width: int,
) -> None:
    monkeypatch.chdir(tmp_path)
    for peer in PEERS.values():
        monkeypatch.setitem(sys.modules, peer.package, None)
    assert opbench("check", "lenet5", "--update").exit_code == 0
    narrow(width)
    both = ("lenet5", "conv3x3_256")
    for names, *args in (
        (both, "count", *both),
        (("lenet5", "c3.threes"), "count", "lenet5", "--by", "module"),
        (("lenet5", "linear"), "count", "lenet5", "--by", "operator"),
        (("mac", "torch-opcounter"), "show", "lenet5", "--conventions"),
    ):
        printed = opbench(*args).stdout
        fits(printed, width)
        whole(printed, names)
    page = opbench("show", "lenet5", "--no-witness").stdout
    # An address has no spaces to break it at, and none is cut.
    fits("\n".join(line for line in page.splitlines() if "://" not in line), width)
    whole(page, ("c3.threes",))
    table = opbench("check", "conv3x3_256").stdout.partition("\n\n")[0]
    fits(table, width)
    whole(table, ("conv3x3_256", "new"))


def test_the_sentences_of_check_are_wrapped_on_a_terminal_alone(
    opbench: Opbench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, narrow: Narrow
) -> None:
    monkeypatch.chdir(tmp_path)
    assert opbench("check", "--update", "lenet5").exit_code == 0
    larger = ("check", "lenet5", "--input-size", "1x36x36")
    piped = opbench(*larger)
    assert piped.exit_code == 1 and max(map(len, piped.stdout.splitlines())) > 100
    sentences = " ".join(piped.stdout.partition("\n\n")[2].split())
    for width in WIDTHS:
        narrow(width)
        shown = opbench(*larger, "--output", "report.txt").stdout
        for line in shown.splitlines():
            assert len(line) <= width or " " not in line.strip()
        assert sentences in " ".join(shown.split())
        assert (tmp_path / "report.txt").read_text() == piped.stdout


def _entries(printed: str, first: tuple[str, ...]) -> Iterator[list[str]]:
    """Yield the lines of each row: a row begins with one of the words ``first``."""
    row: list[str] = []
    for line in printed.splitlines()[1:]:
        if line.startswith(first):
            yield row
            row = []
        row.append(line)


@pytest.mark.parametrize("width", [80, 100, 120])
def test_no_row_takes_ten_lines(opbench: Opbench, narrow: Narrow, width: int) -> None:
    narrow(width)
    claims = opbench("claims", "--results", Path(counts_csv.RESULTS).parent).stdout
    rows = [*_entries(claims, ("holds", "does not hold", "cannot tell"))]
    assert len(rows) > 40 and max(map(len, rows)) <= 6
    listed = opbench("list").stdout
    rows = [*_entries(listed, tuple(counts_csv.list_architectures()))]
    assert len(rows) > 80 and max(map(len, rows)) <= 6


def test_what_left_is_counted_and_a_wider_terminal_has_it(narrow: Narrow) -> None:
    columns = [Column(key=key, title=key * 10, keep=key == "a") for key in "abcdef"]
    row = dict.fromkeys("abcdef", "1")
    for width, shown in ((200, 6), (70, 6), (69, 5), (34, 3), (33, 2), (5, 1)):
        narrow(width)
        head, _, *more = render([row], Format.table, columns).splitlines()
        assert head.split() == [key * 10 for key in "abcdef"[:shown]]
        plural = "" if shown == 5 else "s"
        left = f"{6 - shown} more column{plural}: --format csv" if shown < 6 else ""
        assert " ".join(more) == left


def test_a_note_is_one_line_below_for_all_its_rows(narrow: Narrow) -> None:
    narrow(80)
    columns = [
        Column(key="name", title="name", keep=True),
        Column(key="why", title="", note=True),
    ]
    rows = [{"name": f"n{each}", "why": "the base run lacks it"} for each in range(5)]
    printed = render([*rows, {"name": "other", "why": "out of memory"}], Format.table, columns)
    assert printed.splitlines()[-2:] == [
        "n0, n1, n2 and 2 more: the base run lacks it",
        "other: out of memory",
    ]


def test_prose_that_is_too_long_is_cut_and_that_is_said(narrow: Narrow) -> None:
    narrow(40)
    columns = [
        Column(key="name", title="name", keep=True),
        Column(key="text", title="text", keep=True, prose=True),
    ]
    printed = render([{"name": "a", "text": "word " * 100}], Format.table, columns)
    fits(printed, 40)
    *table, last = printed.splitlines()
    assert len(table) == 1 + 6 and table[-1].endswith("...")
    assert last == "texts cut at ...: --format csv"


def _in_terminal(width: int, *args: object, cwd: Path) -> str:
    """Run the command line in a pseudo-terminal and return what it shows."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    code = "from opbench.cli import main; main()"
    environment = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    command = [sys.executable, "-c", code, *map(str, args)]
    with subprocess.Popen(
        command, cwd=cwd, stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL,
        env={**environment, "TERM": "xterm-256color", "PYTHONPATH": os.pathsep.join(sys.path)},
    ):  # fmt: skip
        os.close(theirs)
        shown = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    return hostile.without_style(shown.decode()).replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # Linux, where the other end is closed
        return b""


@pytest.mark.parametrize(
    "width", [80, *(pytest.param(each, marks=pytest.mark.slow) for each in (100, 120))]
)
def test_a_real_terminal_is_fitted(tmp_path: Path, width: int) -> None:
    results = ("--results", write_measured(tmp_path))
    listed = _in_terminal(width, "list", "resnet*", cwd=tmp_path)
    fits(listed, width)
    whole(listed, ("resnet1202_cifar", "resnet50_v1_5"))
    assert re.search(r"^\d more columns?: --format csv$", listed, re.MULTILINE)
    compared = _in_terminal(width, "compare", "a", "b", *results, cwd=tmp_path)
    fits(compared, width)
    whole(compared, NAMES)


@pytest.mark.slow
def test_every_table_fits_a_real_terminal(tmp_path: Path, opbench: Opbench) -> None:
    lock = ("--lock", tmp_path / "lock.json")
    assert opbench("check", "lenet5", "--update", *lock).exit_code == 0
    quick = ("--in-process", "--max-seconds", "0.05", "--rounds", "3", "--results", tmp_path / "x")
    for names, *args in (
        ((), "claims", "--results", write_measured(tmp_path)),
        (("a", "b"), "runs", "--results", tmp_path),
        (("lenet5",), "run", "lenet5", *quick),
        (("lenet5", "c3.threes"), "count", "lenet5", "--by", "module"),
        (("lenet5", "connections"), "count", "lenet5", "--convention", "connections"),
        (("conv3x3_256", "new"), "check", "conv3x3_256", *lock),
    ):
        # Below an empty line are sentences, which a terminal may break.
        shown = _in_terminal(80, *args, cwd=tmp_path).partition("\n\n")[0]
        fits(shown, 80)
        whole(shown, names)
