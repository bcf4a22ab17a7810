"""Two runs compared: verdicts by arithmetic, and refusals."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opbench.errors import BadValueError
from opbench.intervals import Interval
from opbench.runs.compare import Comparison, compare_runs, unequal
from opbench.runs.state import RunState
from opbench.runs.store import RunFile, read_run
from opbench.runs.verdict import Verdict, change, judge
from opbench.settings import Threshold, parse_thresholds, threshold_for
from opbench.timing.protocol import Protocol
from opbench.value import Value
from tests.builders import cell, failure, header, round_, round_line, write_run
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


def test_a_time_of_something_else_than_the_network_is_none(run: Write) -> None:
    exact, broken = ({"output_error": each, "output_limit": 1e-4} for each in (1e-6, 0.5))
    before = run(record("a", 0.01, 0.01, **exact))
    after = run(record("a", 0.001, 0.001, **broken))
    (found,) = compare_runs(before, after)
    assert found.verdict is Verdict.FAILED
    assert "it does not count" in found.note


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


@pytest.mark.parametrize("setting", [{"batch_size": 2}, {"pass_": "training"}])
def test_cells_that_differ_in_a_setting_are_different_cells(
    run: Write, setting: dict[str, Any]
) -> None:
    base = run(record("a", 0.01, 0.01, 0.01), record("a", 0.02, 0.02, 0.02, **setting))
    new = run(record("a", 0.02, 0.02, 0.02, **setting), record("a", 0.01, 0.01, 0.01))
    assert [str(each.verdict) for each in compare_runs(base, new)] == ["SAME", "SAME"]


def test_runs_without_a_cell_in_common_are_refused(run: Write) -> None:
    one, others = record("a", 0.01), [record("b", 0.01, batch_size=n) for n in range(1, 6)]
    with pytest.raises(BadValueError, match="no cell in common") as refused:
        compare_runs(run(one), run(*others))
    assert "run0.jsonl has a (3x224x224, batch 1);" in str(refused.value)
    assert "batch 3) and 2 more" in str(refused.value)


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


def verdict(base: RunFile, new: RunFile) -> tuple[str, str]:
    """The verdict on the only cell, and its note."""
    (compared,) = compare_runs(base, new)
    return str(compared.verdict), compared.note


def test_one_network_on_a_busy_machine_is_not_slower_than_itself(run: Write) -> None:
    """Rounds of one unchanged network, in milliseconds, ten seconds apart."""
    one, other = (111.9, 108.0, 3.43), (3.72, 5.70, 3.93)
    busy, later = (run(record("a", *(each / 1e3 for each in ms))) for ms in (one, other))
    for base, new in ((busy, later), (later, busy)):
        told, note = verdict(base, new)
        assert told == "AMBIGUOUS"
        assert note.count("use a quieter machine, or more --rounds") == 2


def test_what_its_own_run_calls_unstable_is_not_slower(run: Write) -> None:
    advice = "other programs kept 1.3 of 2 cores busy: close them"
    base = run(record("a", *STEADY))
    shaky = record("a", *(2 * each for each in STEADY), quality="unstable", advice=advice)
    told, note = verdict(base, run(shaky))
    assert told == "AMBIGUOUS"
    assert "the new run are unstable (2000, 2002, 1998 ms)" in note
    assert note.endswith(advice)


def test_rounds_that_scatter_by_more_than_a_tenth_are_unstable_whoever_wrote_them(
    run: Write,
) -> None:
    scattered = record("a", *(1e-3 * each for each in (0.9, 1.0, 1.1, 1.0, 0.95)))
    steady = record("a", *(2e-3 * each for each in (*STEADY, 1, 1)))
    assert verdict(run(scattered), run(steady))[0] == "AMBIGUOUS"


def eight_rounds(run: Write, seconds: float, *work: float) -> RunFile:
    """A run of one cell, whose samples have ``work`` beside them."""
    state = RunState([cell("a")], Protocol(), cores=2)
    samples = [seconds] * len(work)
    taken = [round_(n, *samples, reference_samples_s=work) for n in range(1, 9)]
    lines = [round_line(cell("a"), each) for each in taken]
    for line in lines:
        state.add(line)
    return run(*lines, state.record(cell("a")))


def test_a_run_that_never_saw_the_machine_left_alone_is_not_slower(run: Write) -> None:
    """Its fixed work took 12 % longer at best, and its latencies are as much too long."""
    others = [0.0012] * 5
    base, new = (
        eight_rounds(run, 0.015 * math.sqrt(least), 0.001 * least, *others) for least in (1, 1.12)
    )
    (found,) = compare_runs(base, new, [Threshold(relative=0.05)])
    assert found.ratio is not None
    assert found.ratio.estimate == pytest.approx(math.sqrt(1.12))
    assert found.ratio.low == pytest.approx(1.0)
    assert found.verdict is Verdict.AMBIGUOUS
    assert "never left alone in the new run" in found.note


def test_a_network_that_does_not_move_with_the_machine_needs_no_machine_left_alone(
    run: Write,
) -> None:
    """One that sleeps: the least time of the work is in neither of its latencies."""
    base = eight_rounds(run, 0.010, 0.001, 0.002, 0.003, 0.002, 0.003, 0.001)
    new = eight_rounds(run, 0.012, 0.0013, 0.002, 0.003, 0.002, 0.003, 0.0013)
    (found,) = compare_runs(base, new, [Threshold(relative=0.05)])
    assert found.verdict is Verdict.SLOWER
    assert found.ratio is not None
    assert found.ratio.low == pytest.approx(1.2)


def test_rounds_in_two_states_are_not_slower(run: Write) -> None:
    base = run(record("a", 1e-3, 1.001e-3, 0.999e-3, 1e-3, 1.001e-3))
    jumping = run(record("a", 1.16e-3, 1.2e-3, 1.2e-3, 1.201e-3, 1.2e-3))
    told, note = verdict(base, jumping)
    assert (told, note.partition(":")[0]) == (
        "AMBIGUOUS",
        "rounds of the new run are in two states (1.16, 1.2, 1.2, 1.2, 1.2 ms)",
    )


def test_few_rounds_do_not_tell_a_large_change_from_another_state(run: Write) -> None:
    def three(factor: float, **changes: Any) -> RunFile:
        return run(record("a", *(factor * each for each in STEADY), **changes))

    told, note = verdict(three(4e-3), three(0.108))
    assert told == "AMBIGUOUS"
    assert "--rounds 4" in note
    four = [run(record("a", *(factor * each for each in (*STEADY, 1)))) for factor in (4e-3, 0.1)]
    assert verdict(*four)[0] == "SLOWER"
    work = {"yardsticks_s": (2.0, 2.1, 2.0)}
    assert verdict(three(4e-3, **work), three(0.108, **work))[0] == "SLOWER"
    assert verdict(three(1e-3), three(1.2e-3))[0] == "SLOWER"


LOGNORMAL = (0.05, 0.1, 0.2, 0.5, 1.0)
STATES_S = (0.004, 0.108)


def false_alarms(spread: float | None, rounds: int, pairs: int) -> float:
    """The rate of FASTER and SLOWER between runs whose rounds are drawn alike.

    ``spread`` is that of the rounds' logarithms, None for two states of equal probability.
    """
    draw = random.Random(f"{spread} {rounds}")

    def seconds() -> float:
        state = 0.01 if spread else draw.choice(STATES_S)
        return state * math.exp(draw.gauss(0, spread or 0.01))

    def taken() -> RunFile:
        lines = (record(f"n{k}", *(seconds() for _ in range(rounds))) for k in range(pairs))
        return RunFile(path=Path(), size=0, header=header(), lines=tuple(lines), damages=())

    compared = compare_runs(taken(), taken(), [Threshold(relative=0.02, seconds=0)])
    return sum(each.verdict in (Verdict.FASTER, Verdict.SLOWER) for each in compared) / pairs


@pytest.mark.parametrize("rounds", [3, 5, 8])
@pytest.mark.parametrize("spread", [0.1, None])
def test_false_alarms_are_rare(spread: float | None, rounds: int) -> None:
    """At 1 %, more than 8 in 300 have a probability of 0.4 %."""
    assert false_alarms(spread, rounds, 300) <= 8 / 300


@pytest.mark.slow  # ten thousand pairs of each kind
@pytest.mark.parametrize("rounds", [3, 5, 8])
@pytest.mark.parametrize("spread", [*LOGNORMAL, 0.07, 0.15, 0.3, None])
def test_false_alarms_are_at_most_one_percent(spread: float | None, rounds: int) -> None:
    assert false_alarms(spread, rounds, 10_000) <= 0.01


def test_changes_are_found_where_rounds_agree(run: Write) -> None:
    """A change of 10 % at rounds that scatter by 1 %: never missed would be too much to ask."""
    draw = random.Random(7)

    def taken(factor: float) -> RunFile:
        def seconds() -> float:
            return 0.01 * factor * math.exp(draw.gauss(0, 0.01))

        return run(*(record(f"n{k}", *(seconds() for _ in range(5))) for k in range(200)))

    compared = compare_runs(taken(1.0), taken(1.1))
    assert sum(each.verdict is Verdict.SLOWER for each in compared) > 0.9 * 200


@pytest.mark.parametrize(
    ("ratio", "told"),
    [
        (1.0, "+0.0%"), (0.9, "-10.0%"), (1.025, "+2.5%"), (2.25, "+125%"), (11.5, "+1050%"),
        (100, "+9900%"),
        (100.1, ">+9900%"), (1e300, ">+9900%"), (0.01, "-99.0%"), (0.0099, "<-99%"),
    ],
)  # fmt: skip
def test_a_change_is_written_in_a_few_digits(ratio: float, told: str) -> None:
    assert change(ratio) == told
