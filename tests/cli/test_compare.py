"""``opbench compare``: exit codes, formats, refusals, and being tried on itself."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from opbench.cli import self_test as module
from opbench.files import Appender
from opbench.runs.lines import RUN, End
from opbench.runs.store import RunFile, read_run
from opbench.spec import Shape
from tests.builders import header, write_run
from tests.builders import record_of_rounds as record
from tests.fixtures import Opbench

STEADY = (1.0, 1.001, 0.999)


@pytest.fixture(autouse=True)
def _outside_of_any_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Path]:
    """A run file of records name=seconds."""

    def write(file: str, environment: dict[str, Any] | None = None, **cells: float) -> Path:
        first = header(file, environment=environment or {"cpu": "Paper 1"})
        lines = [
            record(name, *(seconds * each for each in STEADY)) for name, seconds in cells.items()
        ]
        return write_run(tmp_path / "results", *lines, first=first)

    return write


@pytest.mark.parametrize(
    ("seconds", "verdict", "code"),
    [(0.010, "SAME", 0), (0.012, "SLOWER", 1), (0.008, "FASTER", 0), (0.0102, "AMBIGUOUS", 0)],
)
def test_only_slower_is_a_no(
    opbench: Opbench, run: Callable[..., Path], seconds: float, verdict: str, code: int
) -> None:
    result = opbench("compare", run("base", a=0.010), run("new", a=seconds), "--format", "json")
    assert result.exit_code == code, result.stderr
    (row,) = json.loads(result.stdout)
    assert (row["name"], row["verdict"]) == ("a", verdict)
    assert row["ratio_low"] < row["ratio"] < row["ratio_high"]
    assert f"1 cell: 1 {verdict}" in result.stderr


def test_strict_makes_ambiguous_a_no(opbench: Opbench, run: Callable[..., Path]) -> None:
    base, new = run("base", a=0.010), run("new", a=0.0102)
    assert opbench("compare", base, new, "--strict").exit_code == 1


def test_runs_are_found_by_name_below_results(opbench: Opbench, run: Callable[..., Path]) -> None:
    run("one", a=0.010), run("two", a=0.010)
    assert opbench("compare", "one", "two").exit_code == 0
    missing = opbench("compare", "one", "three")
    assert missing.exit_code == 2
    assert "it has one, two" in missing.stderr.replace("\n", " ")


def test_unequal_environments_are_refused_and_named_unless_across(
    opbench: Opbench, run: Callable[..., Path]
) -> None:
    base, new = run("base", a=0.010), run("new", {"cpu": "Paper 2"}, a=0.010)
    refused = opbench("compare", base, new)
    assert refused.exit_code == 2
    assert "cpu: 'Paper 1' and 'Paper 2'" in refused.stderr.replace("\n", " ")
    across = opbench("compare", base, new, "--across")
    assert across.exit_code == 0
    assert "cpu differ" in " ".join(across.stdout.split())


@pytest.mark.parametrize("threshold", ["30%", "5ms", "1%, 5ms"])
def test_what_is_below_the_threshold_is_the_same(
    opbench: Opbench, run: Callable[..., Path], threshold: str
) -> None:
    base, new = run("base", a=0.010), run("new", a=0.012)
    assert opbench("compare", base, new, "--threshold", threshold).exit_code == 0


def test_thresholds_stand_in_pyproject_by_target(
    opbench: Opbench, run: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.opbench.compare.threshold]\n"*" = "2%"\n"noisy*" = "30%"\n'
    )
    base, new = run("base", noisy=0.010, a=0.010), run("new", noisy=0.012, a=0.012)
    result = opbench("compare", base, new, "--format", "json")
    assert {row["name"]: row["verdict"] for row in json.loads(result.stdout)} == {
        "noisy": "SAME",
        "a": "SLOWER",
    }


@pytest.mark.parametrize("threshold", ["much", "3", "3 parsec"])
def test_a_threshold_that_is_none_is_refused(
    opbench: Opbench, run: Callable[..., Path], threshold: str
) -> None:
    result = opbench("compare", run("a", a=0.01), run("b", a=0.01), "--threshold", threshold)
    assert result.exit_code == 2
    assert "must look like" in result.stderr.replace("\n", " ")


@pytest.mark.parametrize(
    ("names", "offered"),
    [
        ((), "`opbench compare two three`"),
        (("one",), "`opbench compare one three`"),
        (("latest",), "`opbench compare two three`"),
        (("three",), "`opbench runs --results results` lists"),
        (("one", "two", "three"), "`opbench runs --results results` lists"),
    ],
)
def test_it_takes_two_runs_and_offers_the_newest(
    opbench: Opbench, run: Callable[..., Path], names: tuple[str, ...], offered: str
) -> None:
    for index, name in enumerate(("one", "two", "three")):
        # Runs are named by their time: here by the alphabet.
        run(name, a=0.010).rename(Path("results/runs") / f"{index}{name}.jsonl")
    named = {"one": "0one", "two": "1two", "three": "2three"}
    result = opbench("compare", *(named.get(name, name) for name in names))
    assert result.exit_code == 2
    for name, stem in named.items():
        offered = offered.replace(name, stem)
    assert f"name two runs, BASE and NEW; {'with the newest: ' * ('compare' in offered)}" in (
        result.stderr
    )
    assert offered in result.stderr


def test_without_a_run_it_says_how_to_make_one(opbench: Opbench) -> None:
    for names in ((), ("a",)):
        refused = opbench("compare", *names)
        assert refused.exit_code == 2
        assert "there is none in results: make them with `opbench run`" in refused.stderr


def test_the_newest_runs_have_names_by_age(opbench: Opbench, run: Callable[..., Path]) -> None:
    run("a", x=0.010), run("b", x=0.010), run("c", x=0.012)
    assert opbench("compare", "latest~2", "latest~1").exit_code == 0
    assert opbench("compare", "latest~1", "latest").exit_code == 1
    missing = opbench("compare", "latest~3", "latest")
    assert missing.exit_code == 2
    assert "there is no run 'latest~3' in results: it has a, b, c" in missing.stderr


def test_the_summary_is_printed_once(opbench: Opbench, run: Callable[..., Path]) -> None:
    base, new = run("base", a=0.010, b=0.010), run("new", a=0.010, b=0.010)
    for format in ("table", "markdown", "json", "csv"):
        result = opbench("compare", base, new, "--format", format)
        assert (result.stdout + result.stderr).count("2 cells: 2 SAME") == 1


@pytest.mark.parametrize("format", ["table", "markdown"])
def test_cells_of_one_run_alone_are_one_line_of_numbers(
    opbench: Opbench, run: Callable[..., Path], format: str
) -> None:
    base = run("base", a=0.010, gone=0.010)
    new = run("new", a=0.010, **{f"only{index}": 0.010 for index in range(159)})
    out = " ".join(opbench("compare", base, new, "--format", format).stdout.split())
    assert "159 cells only in the new run (NEW)." in out
    assert "1 cell only in the base run (GONE)." in out
    assert "only1" not in out
    rows = json.loads(opbench("compare", base, new, "--format", "json").stdout)
    assert [row["verdict"] for row in rows].count("NEW") == 159


def test_facts_that_an_older_run_lacks_are_said_as_such(
    opbench: Opbench, run: Callable[..., Path]
) -> None:
    base = run("older", {"cpu": "Paper 1"}, a=0.010)
    new = run("new", {"cpu": "Paper 1", "cpu_family": "6", "cpu_cache": "32 MB"}, a=0.010)
    refused = opbench("compare", base, new)
    assert refused.exit_code == 2
    assert "(older does not record cpu_cache, cpu_family)" in refused.stderr
    assert "None" not in refused.stderr
    across = " ".join(opbench("compare", base, new, "--across").stdout.split())
    assert "Only one of the runs records cpu_cache, cpu_family." in across
    assert "differ." not in across


def test_a_damaged_line_is_named_and_the_rest_compared(
    opbench: Opbench, run: Callable[..., Path]
) -> None:
    base, new = run("base", a=0.010, b=0.010), run("new", a=0.010, b=0.010)
    lines = new.read_text().splitlines()
    new.write_text("\n".join([lines[0], lines[1][:40], lines[2]]) + "\n")
    result = opbench("compare", base, new, "--format", "json")
    assert f"{new}, line 2" in result.stderr.replace("\n", "")
    assert [row["verdict"] for row in json.loads(result.stdout)] == ["GONE", "SAME"]


def test_a_run_that_is_not_finished_is_named(opbench: Opbench, run: Callable[..., Path]) -> None:
    base, new = run("base", a=0.010), run("new", a=0.010)
    with Appender(base) as appender:
        appender.append(RUN.encode(End(reason="finished")))
    said = opbench("compare", base, new).stderr.replace("\n", "")
    assert f"{new} is not finished" in said
    assert f"{base} is not finished" not in said


def test_a_line_without_what_it_must_have_is_damaged_like_any_other(
    opbench: Opbench, run: Callable[..., Path]
) -> None:
    base, new = run("base", a=0.010, b=0.010), run("new", a=0.010, b=0.010)
    first, one, other = new.read_text().splitlines()
    lacking = {key: value for key, value in json.loads(one).items() if key != "samples_per_round"}
    new.write_text("\n".join([first, json.dumps(lacking), other]) + "\n")
    result = opbench("compare", base, new, "--format", "json")
    said = result.stderr.replace("\n", "")
    assert f"{new}, line 2: damaged record: samples_per_round is missing" in said
    assert [row["verdict"] for row in json.loads(result.stdout)] == ["GONE", "SAME"]


def test_github_and_junit_say_what_is_slower(opbench: Opbench, run: Callable[..., Path]) -> None:
    base, new = run("base", a=0.010, b=0.010), run("new", a=0.012, b=0.010)
    annotated = opbench("compare", base, new, "--format", "github").stdout
    assert annotated.startswith(
        "::error title=opbench compare%3A a (3x224x224%2C batch 1) SLOWER::"
    )
    assert annotated.count("::error") == 1
    tree = ElementTree.fromstring(opbench("compare", base, new, "--format", "junit").stdout)
    assert (tree.get("tests"), tree.get("failures")) == ("2", "1")


def test_markdown_has_a_row_per_cell_the_slower_first(
    opbench: Opbench, run: Callable[..., Path]
) -> None:
    base, new = run("base", a=0.010, b=0.010), run("new", a=0.010, b=0.012)
    lines = opbench("compare", base, new, "--format", "markdown").stdout.splitlines()
    assert lines[2].startswith("| b | SLOWER | +20.0% (+")
    assert lines[2].endswith(" | 10.00 | 12.00 | 3x224x224 | 1 | cpu |")
    assert lines[3].startswith("| a | SAME |")


def test_the_settings_that_tell_cells_apart_stand_behind_the_name(
    opbench: Opbench, tmp_path: Path
) -> None:
    lines = [record("a", *STEADY, batch_size=size) for size in (1, 16)]
    base, new = (write_run(tmp_path, *lines, first=header(name)) for name in ("base", "new"))
    table = opbench("compare", base, new).stdout.splitlines()
    assert table[0].split()[:3] == ["name", "batch", "verdict"]
    assert [line.split()[:3] for line in table[1:3]] == [["a", "1", "SAME"], ["a", "16", "SAME"]]


def test_all_inputs_are_shown(opbench: Opbench, tmp_path: Path) -> None:
    line = record("a", *STEADY, other_input_sizes=(Shape((7,)),))
    base, new = (write_run(tmp_path, line, first=header(name)) for name in ("base", "new"))
    assert " | 3x224x224, 7 | " in opbench("compare", base, new, "--format", "markdown").stdout


def test_wild_rounds_have_readable_changes_and_exact_numbers(
    opbench: Opbench, tmp_path: Path
) -> None:
    # Three rounds that differ a thousandfold: t of 2 or more degrees of freedom times the error
    # of their logarithms is beyond ln(100).
    wild = record("a", 0.001, 0.03, 1.0)
    base, new = (write_run(tmp_path, wild, first=header(name)) for name in ("base", "new"))
    for format in ("table", "markdown", "github"):
        told = opbench("compare", base, new, "--format", format).stdout.replace("\\", "")
        assert "+0.0% (<-99% to >+9900%)" in told.replace("%25", "%")
    (row,) = json.loads(opbench("compare", base, new, "--format", "json").stdout)
    assert row["ratio_low"] < 1 / 100 and row["ratio_high"] > 100


@pytest.mark.parametrize("copied", [True, False])
def test_the_same_run_twice_is_remarked(
    opbench: Opbench, run: Callable[..., Path], tmp_path: Path, copied: bool
) -> None:
    base = run("base", a=0.010)
    new = tmp_path / "copy.jsonl" if copied else base
    new.write_bytes(base.read_bytes())
    result = opbench("compare", base, new)
    assert f"warning: BASE and NEW are the same run, {base};" in result.stderr.replace("\n", "")
    assert result.exit_code == 0
    assert "the same run" not in opbench("compare", base, run("other", a=0.010)).stderr


SelfTest = Callable[..., Any]


@pytest.fixture
def self_test(
    opbench: Opbench, run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> SelfTest:
    """The command over four runs of three cells, whose times the test says."""

    def tried(*runs: tuple[float, float, float], options: tuple[str, ...] = ()) -> Any:
        def timed(targets: list[str]) -> Iterator[RunFile]:
            assert targets == ["a", "b", "c"]
            for number, seconds in enumerate(runs):
                yield read_run(run(f"run{number}", **dict(zip("abc", seconds, strict=True))))

        monkeypatch.setattr(module, "timed", timed)
        return opbench("compare", "--self-test", "a", "b", "c", *options)

    return tried


STILL = (0.010, 0.010, 0.010)


def test_the_self_test_compares_all_pairs_of_runs(self_test: SelfTest) -> None:
    result = self_test(STILL, STILL, STILL, STILL, options=("--format", "json"))
    assert result.exit_code == 0, result.stderr
    # 4 x 3 / 2 pairs of 3 cells; two pairs share no run, and 1 - 0.05^(1/6) = 39 %.
    assert (
        "0 false alarms in 18 comparisons of a network with itself (0.0%); 0 in the 6 that share "
        "no run: a rate of at most 39%, with 95 % confidence; 0 ambiguous"
    ) in result.stderr.replace("\n", " ")
    rows = json.loads(result.stdout)
    assert [(row["name"], row["comparisons"], row["alarms"]) for row in rows] == [
        ("a", 6, 0), ("b", 6, 0), ("c", 6, 0),
    ]  # fmt: skip


@pytest.mark.parametrize(("times", "alarms"), [(1.25, 3), (0.8, 3)])
def test_slower_and_faster_are_false_alarms_alike(
    self_test: SelfTest, times: float, alarms: int
) -> None:
    odd = (0.010, times * 0.010, 0.010)
    result = self_test(STILL, STILL, STILL, odd, options=("--format", "json"))
    # Three pairs have the odd run in them: 3 of 18 are more than one in twenty.
    assert result.exit_code == 1
    # One of 6: (1 - p)^6 + 6 p (1 - p)^5 = 0.05 at p = 0.582.  The interval ends below 25 %.
    said = result.stderr.replace("\n", " ")
    assert "3 false alarms in 18" in said
    assert "(16.7%); 1 in the 6 that share no run: a rate of at most 58%" in said
    assert "none with --threshold 25%" in said
    row = json.loads(result.stdout)[1]
    assert (row["alarms"], row["largest"]) == (alarms, pytest.approx(0.25))


def test_runs_that_drift_apart_are_alarms_only_beyond_the_threshold(
    self_test: SelfTest,
) -> None:
    # 1.3 % lies within the threshold of 2 %, 2.6 % does not: only the first and the last differ.
    rising = [(0.010, 0.010, 0.010 * (1 + 0.013 * step)) for step in (0, 1, 1, 2)]
    result = self_test(*rising, options=("--format", "json"))
    assert "1 false alarm in 18" in result.stderr.replace("\n", " ")
    assert result.exit_code == 1  # 1 of 18 is more than 5 %
    allowed = self_test(*rising, options=("--threshold", "3%"))
    assert "0 false alarms" in allowed.stderr
    assert allowed.exit_code == 0


def test_the_self_test_is_no_list_of_tests(self_test: SelfTest) -> None:
    refused = self_test(STILL, STILL, options=("--format", "junit"))
    assert refused.exit_code == 2
    assert "table, json, csv or markdown" in refused.stderr.replace("\n", " ")


def test_comparing_imports_neither_torch_nor_pandas(run: Callable[..., Path]) -> None:
    code = (
        "import sys; from opbench.cli import app\n"
        "try: app(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'pandas', 'numpy'} & sys.modules.keys()"
    )
    runs = [str(run(name, a=0.01)) for name in "ab"]
    command = [sys.executable, "-c", code, "compare", *runs]
    subprocess.run(command, check=True, capture_output=True)


def test_a_network_that_changed_is_named_with_its_counts(opbench: Opbench, tmp_path: Path) -> None:
    one, two = record("a", *STEADY), record("a", *STEADY)
    changed = replace(two, load=replace(two.load, macs=4 * one.load.macs + 1000))
    base = write_run(tmp_path / "results", one, record("b", *STEADY), first=header("base"))
    new = write_run(tmp_path / "results", changed, record("b", *STEADY), first=header("new"))
    said = " ".join(opbench("compare", base, new).stdout.split())
    assert f"a was changed: MACs {one.load.macs:,} -> {changed.load.macs:,}." in said
    assert "b was changed" not in said
    first, second = json.loads(opbench("compare", base, new, "--format", "json").stdout)
    assert (first["base_macs"], first["new_macs"]) == (one.load.macs, changed.load.macs)
    assert second["base_params"] == second["new_params"] == one.load.params


def test_a_run_that_is_misspelt_is_offered(opbench: Opbench, run: Callable[..., Path]) -> None:
    for name in ("a", "b", "c", "d", "e"):
        run(name, x=0.010)
    assert "did you mean latest?" in opbench("compare", "latst", "latest").stderr
    said = " ".join(opbench("compare", "other", "latest").stderr.split())
    assert "it has c, d, e and 2 more: `opbench runs --results results`" in said
