"""``opbench compare`` of evaluations: verdicts, exit codes, formats, refusals."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from opbench.accuracy.measured.lines import EVALUATION
from tests import hostile
from tests.builders import header, record_of_rounds, write_run
from tests.evaluations import image_id, write_evaluation
from tests.fixtures import Opbench

RESULTS = Path("results")


@pytest.fixture(autouse=True)
def _outside_of_any_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


Pair = Callable[[int, int], tuple[Path, Path]]


@pytest.fixture
def pair() -> Pair:
    """Files of two networks on 1,000 images, of which each alone is right on some."""

    def write(lost: int, won: int) -> tuple[Path, Path]:
        both, neither = "1" * 600, "x" * (400 - lost - won)
        base = f"{both}{'1' * lost}{'0' * won}{neither}"
        new = f"{both}{'0' * lost}{'1' * won}{neither}"
        return tuple(  # type: ignore[return-value]
            write_evaluation(RESULTS, name, right, batch_size=100)
            for name, right in (("base", base), ("new", new))
        )

    return write


@pytest.mark.parametrize(
    ("lost", "won", "verdict", "code"),
    [(10, 40, "BETTER", 0), (40, 10, "WORSE", 1), (20, 25, "AMBIGUOUS", 0), (0, 0, "SAME", 0)],
)
def test_only_worse_is_a_no(
    opbench: Opbench, pair: Pair, lost: int, won: int, verdict: str, code: int
) -> None:
    base, new = pair(lost, won)
    result = opbench("compare", base, new, "--threshold", "0.5", "--format", "json")
    assert result.exit_code == code, result.stderr
    (row,) = json.loads(result.stdout)
    assert (row["base"], row["new"], row["verdict"]) == ("base", "new", verdict)
    assert row["ratio_low"] < row["ratio"] < row["ratio_high"]
    assert (row["only_base_right"], row["only_new_right"]) == (lost, won)
    assert (row["images"], row["threshold"], row["comparisons"]) == (1000, 0.5, 1)
    assert row["difference"] == pytest.approx((won - lost) / 10)
    assert f"1 comparison: 1 {verdict}" in result.stderr
    strict = opbench("compare", base, new, "--threshold", "0.5", "--strict")
    assert strict.exit_code == (code or verdict == "AMBIGUOUS")


@pytest.mark.parametrize(
    ("most", "code", "strict"),
    # 30 of 1,000 images are lost: the interval is about 2.1 to 4.3 points.
    [("1", 1, 1), ("3", 0, 1), ("5", 0, 0), ("0", 1, 1)],
)
def test_so_much_may_be_lost(
    opbench: Opbench, pair: Pair, most: str, code: int, strict: int
) -> None:
    base, new = pair(30, 0)
    asked = opbench("compare", base, new, "--at-most", most)
    assert asked.exit_code == code
    assert f"more than {most} points lost in {code}, perhaps in {strict - code}" in asked.stderr
    assert opbench("compare", base, new, "--at-most", most, "--strict").exit_code == strict
    assert opbench("compare", new, base, "--at-most", most, "--strict").exit_code == 0


def test_what_may_be_lost_does_not_matter_unless_a_threshold_says_so(
    opbench: Opbench, pair: Pair
) -> None:
    base, new = pair(30, 0)
    for options, threshold, verdict in (
        (("--at-most", "5"), 5, "SAME"),
        (("--at-most", "5", "--threshold", "0.5"), 0.5, "WORSE"),
        ((), 0.3, "WORSE"),
    ):
        (row,) = json.loads(opbench("compare", base, new, *options, "--format", "json").stdout)
        assert (row["threshold"], row["verdict"]) == (threshold, verdict)


def test_evaluations_are_found_by_name_and_by_path(opbench: Opbench, pair: Pair) -> None:
    _, new = pair(0, 0)
    elsewhere = Path("elsewhere.jsonl")
    new.rename(elsewhere)
    assert opbench("compare", "base", elsewhere).exit_code == 0
    assert opbench("compare", "base.jsonl", "elsewhere.jsonl").exit_code == 0


def test_shards_are_joined_and_a_missing_one_refused(opbench: Opbench) -> None:
    for name in ("a", "b"):
        write_evaluation(RESULTS, name, "11..", stem=f"{name}1", group="shards", shard="1/2")
    refused = opbench("compare", "a1", "b1")
    assert refused.exit_code == 2
    assert "a1.jsonl: 2 of 4 images have no answer yet" in refused.stderr
    for name in ("a", "b"):
        write_evaluation(RESULTS, name, "..01", stem=f"{name}2", group="shards", shard="2/2")
    (row,) = json.loads(opbench("compare", "a1", "b2", "--format", "json").stdout)
    assert (row["images"], row["base_top1"], row["new_top1"]) == (4, 75, 75)


def test_several_are_compared_with_the_first(opbench: Opbench, pair: Pair) -> None:
    base, new = pair(10, 40)
    third = write_evaluation(RESULTS, "third", "1" * 600 + "0" * 400)
    result = opbench("compare", base, new, third, "--format", "json")
    rows = json.loads(result.stdout)
    assert [(row["base"], row["new"]) for row in rows] == [("base", "new"), ("base", "third")]
    assert [row["comparisons"] for row in rows] == [2, 2]
    assert rows[0]["p_adjusted"] > rows[0]["p_value"]
    told = " ".join(opbench("compare", base, new, third).stdout.split())
    assert "The intervals hold for all 2 together (Bonferroni)" in told


@pytest.mark.parametrize("format", ["table", "markdown"])
def test_people_get_points_and_percent(opbench: Opbench, pair: Pair, format: str) -> None:
    told = opbench("compare", *pair(10, 40), "--format", format).stdout.replace("\\", "")
    told = " ".join(told.split())
    assert "BETTER" in told
    assert "+3.00 (+1." in told
    assert "61.00" in told and "64.00" in told
    assert "<0.0001" in told or "e-05" in told
    assert "points of top-1 on the same 1,000 images" in told
    assert "a real difference that may exceed 0.3 points" in told


def test_csv_github_and_junit_have_the_verdict(opbench: Opbench, pair: Pair) -> None:
    base, new = pair(40, 10)
    lines = opbench("compare", base, new, "--format", "csv").stdout.splitlines()
    assert lines[0].startswith("verdict,base,new,base_top1,new_top1,difference,low,high,p_value,")
    assert lines[1].startswith("WORSE,base,new,64.0,61.0,-3.0,-4.")
    annotated = opbench("compare", base, new, "--format", "github").stdout
    assert annotated.startswith("::error title=opbench compare%3A new against base WORSE::")
    tree = ElementTree.fromstring(opbench("compare", base, new, "--format", "junit").stdout)
    assert (tree.get("tests"), tree.get("failures")) == ("1", "1")


def test_runs_and_evaluations_are_not_mixed(opbench: Opbench, pair: Pair) -> None:
    base, _ = pair(0, 0)
    run = write_run(RESULTS, record_of_rounds("a", 1.0, 1.0), first=header("run"))
    for other in ("run", run, "latest", "lenet5", "missing"):
        for names in ((base, other), (other, base)):
            refused = opbench("compare", *names)
            assert refused.exit_code == 2
            assert f"{base} is an evaluation, and '{other}' is none: `opbench runs" in (
                refused.stderr.replace("\n", "")
            )
    alone = opbench("compare", base)
    assert alone.exit_code == 2
    assert "name two evaluations or more, BASE first" in alone.stderr


def test_a_run_of_the_same_name_is_meant(opbench: Opbench, pair: Pair) -> None:
    pair(0, 0)
    for name in ("base", "new"):
        write_run(RESULTS, record_of_rounds("a", 1.0, 1.0, 1.0), first=header(name))
    (row,) = json.loads(opbench("compare", "base", "new", "--format", "json").stdout)
    assert row["name"] == "a"


@pytest.mark.parametrize("option", [("--device", "cpu"), ("--across",), ("--seed", "1")])
def test_options_of_targets_and_runs_are_refused(
    opbench: Opbench, pair: Pair, option: tuple[str, ...]
) -> None:
    refused = opbench("compare", *pair(0, 0), *option)
    assert refused.exit_code == 2
    assert f"{option[0]}: evaluations have none of these" in refused.stderr


def test_what_may_be_lost_is_for_evaluations(opbench: Opbench) -> None:
    for name in ("a", "b"):
        write_run(RESULTS, record_of_rounds("a", 1.0, 1.0, 1.0), first=header(name))
    refused = opbench("compare", "a", "b", "--at-most", "0.3")
    assert refused.exit_code == 2
    assert "--at-most: only evaluations have it" in refused.stderr


@pytest.mark.parametrize("option", ["--at-most", "--threshold"])
@pytest.mark.parametrize("text", ["much", "nan", "-1", "101", "3%", "1_0", ""])
def test_what_are_no_points_is_refused(
    opbench: Opbench, pair: Pair, option: str, text: str
) -> None:
    refused = opbench("compare", *pair(0, 0), f"{option}={text}")
    assert refused.exit_code == 2
    assert f"{option} is in points of accuracy, such as 0.3, not {text!r}" in refused.stderr


def test_other_images_are_refused(opbench: Opbench) -> None:
    base = write_evaluation(RESULTS, "a", "11010")
    new = write_evaluation(RESULTS, "b", "1101")
    refused = opbench("compare", base, new)
    assert refused.exit_code == 2
    assert f"{base} alone has {image_id(4)}" in refused.stderr


def test_a_damaged_line_is_named(opbench: Opbench, pair: Pair) -> None:
    base, new = pair(0, 0)
    lines = new.read_text().splitlines()
    new.write_text("\n".join([lines[0], lines[1][:40], *lines[2:]]) + "\n")
    refused = opbench("compare", base, new)
    assert refused.exit_code == 2
    said = refused.stderr.replace("\n", "")
    assert f"warning: skipped a damaged line: {new}, line 2" in said
    assert "100 of 1,000 images have no answer yet" in said


def test_a_damaged_header_is_a_sentence(opbench: Opbench, pair: Pair) -> None:
    base, new = pair(0, 0)
    new.write_text('{"kind":"header","format":1}\n')
    refused = opbench("compare", base, new)
    assert refused.exit_code == 2
    assert f"error: {new}, line 1: damaged header: name is missing" in refused.stderr


def test_the_same_evaluation_twice_is_remarked(opbench: Opbench, pair: Pair) -> None:
    base, _ = pair(0, 0)
    result = opbench("compare", base, base)
    assert result.exit_code == 0
    assert f"warning: {base} is the same evaluation as {base};" in result.stderr.replace("\n", "")


@pytest.mark.parametrize("format", ["table", "json", "csv", "markdown", "github", "junit"])
def test_hostile_names_are_shown_and_do_nothing(opbench: Opbench, format: str) -> None:
    names = [name for name in hostile.NAMES if "\ud800" not in name]
    paths = [
        write_evaluation(RESULTS, name, "1101" if number % 2 else "0111", stem=f"e{number}")
        for number, name in enumerate(names)
    ]
    result = opbench("compare", *paths, "--format", format)
    assert result.exit_code == 0, result.stderr
    hostile.check(result.stdout, commands=format == "github")
    hostile.check(result.stderr)
    if format == "json":
        assert [row["new"] for row in json.loads(result.stdout)] == names[1:]


def test_comparing_imports_neither_torch_nor_pandas(pair: Pair) -> None:
    code = (
        "import sys; from opbench.cli import app\n"
        "try: app(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'pandas', 'numpy'} & sys.modules.keys()"
    )
    command = [sys.executable, "-c", code, "compare", *map(str, pair(0, 0))]
    subprocess.run(command, check=True, capture_output=True)


def test_a_newer_format_is_refused_with_a_sentence(opbench: Opbench, pair: Pair) -> None:
    base, new = pair(0, 0)
    version = f'"format":{EVALUATION.version}'
    new.write_text(new.read_text().replace(version, '"format":99', 1))
    refused = opbench("compare", base, new)
    assert refused.exit_code == 2
    assert "format 99 is not" in refused.stderr
