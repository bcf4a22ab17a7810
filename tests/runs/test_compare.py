"""Two runs compared: verdicts by arithmetic, and refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opbench.errors import BadValueError
from opbench.intervals import Interval
from opbench.runs.compare import Comparison, Verdict, compare_runs, judge, unequal
from opbench.runs.store import RunFile, read_run
from opbench.settings import Threshold, parse_thresholds, threshold_for
from opbench.value import Value
from tests.builders import failure, header, write_run
from tests.builders import record_of_rounds as record

ENVIRONMENT = {"cpu": "Paper 1", "torch": "2.13.0", "load_before": 0.1}

Write = Callable[..., RunFile]


@pytest.fixture
def run(tmp_path: Path) -> Write:
    """A run file of the given lines."""
    numbers = iter(range(100))

    def write(*lines: Value, **facts: Any) -> RunFile:
        first = header(f"run{next(numbers)}", environment=ENVIRONMENT | facts)
        return read_run(write_run(tmp_path, *lines, first=first))

    return write


def verdicts(comparisons: list[Comparison]) -> dict[str, str]:
    return {each.cell.name: str(each.verdict) for each in comparisons}


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.99, 1.01, Verdict.SAME),
        (1.021, 1.05, Verdict.SLOWER),
        (0.90, 0.97, Verdict.FASTER),
        (1.01, 1.03, Verdict.AMBIGUOUS),
        (0.97, 1.00, Verdict.AMBIGUOUS),
        (0.90, 1.10, Verdict.AMBIGUOUS),
        (1.000, 1.0199, Verdict.SAME),
    ],
)
def test_the_verdict_is_where_the_interval_lies(low: float, high: float, verdict: Verdict) -> None:
    assert judge(Interval((low + high) / 2, low, high), 0.02) is verdict


def test_each_cell_has_its_verdict(run: Write) -> None:
    base = run(
        record("same", 0.010, 0.01001, 0.00999),
        record("slower", 0.010, 0.01001, 0.00999),
        record("faster", 0.010, 0.01001, 0.00999),
        record("noise", 0.010, 0.011, 0.012),
        record("gone", 0.010, 0.010, 0.010),
        record("failing", 0.010, 0.010, 0.010),
    )
    new = run(
        record("same", 0.010, 0.01001, 0.00999),
        record("slower", 0.012, 0.01201, 0.01199),
        record("faster", 0.009, 0.00901, 0.00899),
        record("noise", 0.012, 0.010, 0.013),
        failure("failing"),
        record("new", 0.010, 0.010, 0.010),
    )
    assert verdicts(compare_runs(base, new)) == {
        "same": "SAME",
        "slower": "SLOWER",
        "faster": "FASTER",
        "noise": "AMBIGUOUS",
        "gone": "GONE",
        "failing": "FAILED",
        "new": "NEW",
    }


def test_a_cell_that_failed_in_either_run_has_a_row_with_the_reason(run: Write) -> None:
    times = (0.01, 0.01, 0.01)
    base = run(record("a", *times), failure("both"), failure("mended"), failure("left out"))
    new = run(record("a", *times), failure("both"), failure("added"), record("mended", *times))
    compared = compare_runs(base, new)
    assert verdicts(compared) == {
        "a": "SAME",
        "both": "UNMEASURED",
        "mended": "NEW",
        "left out": "GONE",
        "added": "UNMEASURED",
    }
    assert {each.cell.name: each.note for each in compared} == {
        "a": "",
        "both": "out of memory",
        "mended": "before: out of memory",
        "left out": "before: out of memory",
        "added": "out of memory",
    }


def test_a_failure_that_the_same_run_mended_later_is_none(run: Write) -> None:
    times = (0.01, 0.01, 0.01)
    base, new = run(record("a", *times)), run(failure("a"), record("a", *times))
    assert verdicts(compare_runs(base, new)) == {"a": "SAME"}


def test_the_ratio_is_of_the_medians_and_names_its_interval(run: Write) -> None:
    base, new = (run(record("a", *(x * s for x in (1.0, 1.001, 0.999)))) for s in (0.01, 0.0125))
    (compared,) = compare_runs(base, new)
    assert compared.ratio is not None
    assert compared.ratio.estimate == pytest.approx(1.25)
    assert compared.ratio.low < 1.25 < compared.ratio.high
    assert compared.to_json()["ratio_low"] == compared.ratio.low
    assert "SLOWER, +25.0%" in compared.sentence


STEADY = (1.0, 1.001, 0.999)


@pytest.mark.parametrize(
    ("times", "machine", "verdict"),
    [
        (1.2, 1.0, "SLOWER"),
        (1.2, 1.2, "AMBIGUOUS"),  # as much as the machine: it may be no more than that
        (1.5, 1.2, "SLOWER"),  # more than the machine
        (0.8, 0.8, "AMBIGUOUS"),
        (0.6, 0.8, "FASTER"),
        (1.0, 1.2, "AMBIGUOUS"),  # it ought to have become slower too
        (1.0, 1.0, "SAME"),
    ],
)
def test_what_the_machine_did_meanwhile_explains_as_much(
    run: Write, times: float, machine: float, verdict: str
) -> None:
    base = run(record("a", *STEADY, yardsticks_s=(2.0, 2.001, 2.002)))
    sticks = (2.0 * machine, 2.001 * machine, 2.002 * machine)
    new = run(record("a", *(times * each for each in STEADY), yardsticks_s=sticks))
    (compared,) = compare_runs(base, new)
    assert str(compared.verdict) == verdict
    assert compared.machine == pytest.approx(machine)


@pytest.mark.parametrize(("times", "verdict"), [(1.0, "SAME"), (2.0, "SLOWER"), (0.5, "FASTER")])
@pytest.mark.parametrize("machine", [0.5, 2.0])
def test_between_environments_the_ratio_stands_as_it_is_with_the_machines_beside_it(
    run: Write, times: float, machine: float, verdict: str
) -> None:
    base = run(record("a", *STEADY, yardsticks_s=(2.0, 2.001, 2.002)))
    sticks = (2.0 * machine, 2.001 * machine, 2.002 * machine)
    moved = record("a", *(times * each for each in STEADY), yardsticks_s=sticks)
    (compared,) = compare_runs(base, run(moved, cpu="Paper 2"))
    assert str(compared.verdict) == verdict
    assert compared.machine == pytest.approx(machine)


def test_without_a_yardstick_in_both_runs_the_ratio_stands_alone(run: Write) -> None:
    base = run(record("a", *STEADY, yardsticks_s=(2.0, 2.0, None)))
    (compared,) = compare_runs(base, run(record("a", *STEADY, yardsticks_s=(3.0, 3.0, 3.0))))
    assert (str(compared.verdict), compared.machine) == ("SAME", None)


def test_cells_that_differ_in_a_setting_are_different_cells(run: Write) -> None:
    base = run(record("a", 0.01, 0.01, 0.01), record("a", 0.02, 0.02, 0.02, batch_size=2))
    new = run(record("a", 0.02, 0.02, 0.02, batch_size=2), record("a", 0.01, 0.01, 0.01))
    assert [str(each.verdict) for each in compare_runs(base, new)] == ["SAME", "SAME"]


def test_runs_without_a_cell_in_common_are_refused(run: Write) -> None:
    with pytest.raises(BadValueError, match="no cell in common"):
        compare_runs(run(record("a", 0.01, 0.01)), run(record("b", 0.01, 0.01)))


def test_a_record_of_a_single_round_cannot_be_told_from_anything(run: Write) -> None:
    (compared,) = compare_runs(run(record("a", 0.01)), run(record("a", 0.02, 0.02)))
    assert (str(compared.verdict), compared.ratio) == ("AMBIGUOUS", None)
    assert "a single round" in compared.sentence


def test_only_facts_about_the_machine_make_environments_unequal(run: Write) -> None:
    base = run(record("a", 0.01, 0.01))
    assert unequal(base, run(record("a", 0.01, 0.01), load_before=3.0)) == {}
    other = run(record("a", 0.01, 0.01), cpu="Paper 2", gpu="Paper 100")
    assert unequal(base, other) == {"cpu": ("Paper 1", "Paper 2"), "gpu": (None, "Paper 100")}


def test_thresholds_are_relative_absolute_and_by_target() -> None:
    thresholds = parse_thresholds({"*": "3%, 50us", "resnet*": "1ms"})
    assert threshold_for("vgg16", thresholds) == Threshold(relative=3 * 1e-2, seconds=50 * 1e-6)
    assert threshold_for("resnet18", thresholds).of(0.010) == pytest.approx(0.1)
    assert threshold_for("vgg16", thresholds).of(1e-3) == pytest.approx(0.05)
    assert threshold_for("vgg16", thresholds).of(1.0) == pytest.approx(0.03)
    assert threshold_for("vgg16", ()) == Threshold()


@pytest.mark.parametrize("value", ["", "3", "3 percent", 3, "3%, soon", {"a": ""}])
def test_what_is_no_threshold_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="must look like"):
        parse_thresholds(value)
