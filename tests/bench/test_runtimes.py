"""The verdicts of the report on runtimes, and its table of a run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opbench.intervals import Interval
from opbench.record import Artefact, Failure, Record
from tests.bench.runtimes import leftovers, registry, tools
from tests.bench.runtimes.turns import ratio_of_turns
from tests.builders import cell, record


@pytest.mark.parametrize(
    ("ratio", "tool", "leftover"),
    [
        (Interval(1.0, 0.95, 1.04), True, True),
        (Interval(1.0, 0.85, 1.2), None, None),
        (Interval(1.3, 1.2, 1.4), False, False),
        # Faster than another tool is as suspicious, and faster than alone is no harm.
        (Interval(0.8, 0.7, 0.9), False, True),
    ],
)
def test_verdicts(ratio: Interval, tool: bool | None, leftover: bool | None) -> None:
    assert (tools.verdict(ratio), leftovers.verdict(ratio)) == (tool, leftover)


def measured(name: str, runtime: str, seconds: float) -> Record:
    found = record(name, seconds, latency_s=seconds)
    artefact = Artefact(artefact="a", precision="float32", output_error=2e-6, output_limit=1e-4)
    return replace(found, cell=replace(found.cell, runtime=runtime), artefact=artefact)


def test_a_run_is_told_as_ratios_and_what_failed_is_named() -> None:
    records = [measured("one", "eager", 0.03), measured("one", "openvino", 0.01)]
    records.append(measured("two", "eager", 0.02))
    failure = Failure(cell=replace(cell("two"), runtime="openvino"), reason="no")
    rows = registry.rows_of(records)
    (claim,) = registry.claims(rows, [failure], ["openvino"])
    assert claim.seen == "1 of 2; largest error 2.0e-06; failed: two"
    assert not claim.holds
    lines = registry.table(rows, ["openvino"]).splitlines()
    assert any(line.startswith("| one | 30.0 ") and "| 3.00 (" in line for line in lines)
    assert any(line.startswith("| two ") and "| failed |" in line for line in lines)


def test_what_slows_down_a_whole_turn_cancels_and_struck_processes_do_not_count() -> None:
    slowed = [1.0 + number / 10 for number in range(12)]
    base = [[0.1 * each, 0.1 * each, 9.0] for each in slowed]
    new = [[0.102 * each] for each in slowed]
    new[3], new[8] = [0.2], [0.3]
    ratio = ratio_of_turns(base, new)
    assert ratio.estimate == pytest.approx(1.02)
    assert ratio.high == pytest.approx(1.02)
