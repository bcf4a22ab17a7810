"""Rows of stages, where a file holds none or no time."""

from __future__ import annotations

import json
from typing import Any

from opbench.cli.render import Format
from opbench.cli.run_report import render_rows, render_stages
from opbench.record import Stage
from opbench.runs.state import RunState
from opbench.timing.protocol import Protocol
from tests.builders import failure, record


def rows_of(*stages: Stage) -> list[dict[str, Any]]:
    """The rows of one cell of such stages, as JSON."""
    measured = record(stages=stages)
    state = RunState([measured.cell], Protocol(), 1)
    state.add(measured)
    rows: list[dict[str, Any]] = json.loads(render_stages(state, Format.json))
    assert all(row["name"] == measured.cell.name for row in rows)
    return rows


def stage(name: str, seconds: float) -> Stage:
    """A stage of which every round took as long."""
    return Stage(stage=name, stage_s=seconds, low_s=seconds, high_s=seconds)


def test_a_cell_without_times_of_stages_is_a_row_with_the_reason() -> None:
    (row,) = rows_of()
    assert row["reason"] == "its rounds on file have no times of stages"


def test_a_stage_is_a_share_of_the_whole() -> None:
    rows = rows_of(stage("decode", 0.25), stage("forward", 0.5), stage("whole", 1.0))
    shares = {row["stage"]: row["share"] for row in rows}
    assert shares == {"decode": 0.25, "forward": 0.5, "sum": 0.75, "whole": 1.0}


def test_a_whole_of_no_time_has_no_shares() -> None:
    rows = rows_of(stage("decode", 0.0), stage("whole", 0.0))
    assert [row["stage"] for row in rows] == ["decode", "sum", "whole"]
    assert not any(row.get("share") for row in rows)


def test_rows_stand_in_the_order_of_the_plan_whatever_was_done_first() -> None:
    first, second, third = record("a"), record("b"), record("c")
    broken = failure("b")
    state = RunState([first.cell, second.cell, third.cell], Protocol(), 1)
    for line in (third, broken, first):
        state.add(line)
    for rendered in (render_rows, render_stages):
        assert [row["name"] for row in json.loads(rendered(state, Format.json))] == [*"abc"]
