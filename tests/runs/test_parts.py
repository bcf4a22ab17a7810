"""The parts of a plan: each cell in one shard, and one id whatever the order."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from opbench.record import Cell, Failure
from opbench.runs.parts import cells_of, join_plans, of_shard, plan_id
from opbench.runs.store import RunFile
from opbench.shards import Shard
from opbench.timing.protocol import Protocol
from tests.builders import cell, header, record

PLAN = tuple(
    cell(name, batch_size=batch, runtime=runtime)
    for name in ("a", "b", "c", "d", "e")
    for runtime in ("eager", "aot")
    for batch in (1, 4, 16)
)


def test_every_cell_is_in_one_shard_and_each_has_all_kinds() -> None:
    parts = [cells_of(Shard(part, 5), PLAN) for part in range(1, 6)]
    assert sorted(map(str, sum(parts, ()))) == sorted(map(str, PLAN))
    for part in parts:
        assert list(part) == [each for each in PLAN if each in part]
        assert {(each.runtime, each.batch_size) for each in part} == {
            (each.runtime, each.batch_size) for each in PLAN
        }


def test_the_id_is_of_cells_in_any_order_and_of_how_they_are_timed() -> None:
    known = plan_id(header(plan=PLAN))
    elsewhere = header("elsewhere", plan=PLAN[::-1], started="later", environment={"cpu": "other"})
    assert plan_id(elsewhere) == known
    others = (
        header(plan=PLAN, protocol=Protocol(seed=1)),
        header(plan=PLAN, stages=True),
        header(plan=PLAN[1:]),
    )
    assert len({known, *map(plan_id, others)}) == 4


def _part(name: str, part: int, measured: int, **changes: Any) -> RunFile:
    """A shard of three whose first cells were measured."""
    first = of_shard(header(name, plan=PLAN), Shard(part, 3))
    first = replace(first, **changes)
    records = tuple(record(name=each.name, **_settings(each)) for each in first.plan[:measured])
    return RunFile(path=Path(f"{name}.jsonl"), size=0, header=first, lines=records, damages=())


def _settings(cell: Cell) -> dict[str, Any]:
    return {"runtime": cell.runtime, "batch_size": cell.batch_size}


def test_shards_are_joined_and_what_is_missing_is_named() -> None:
    """Of thirty cells each of three shards has ten."""
    first, second = _part("one", 1, 10), _part("two", 2, 4)
    (joined,) = join_plans([first, second])
    assert (joined.planned, len(joined.known)) == (30, 20)
    assert joined.missing == second.header.plan[4:]
    assert [*joined.absent()] == [Shard(3, 3)]
    (whole,) = join_plans([first, second, _part("two again", 2, 10), _part("three", 3, 10)])
    assert (len(whole.known), whole.missing, [*whole.absent()]) == (30, (), [])


def test_cells_for_which_memory_is_too_small_are_not_missing_and_others_are() -> None:
    shard = _part("one", 1, 8)
    small, broken = shard.header.plan[8:]
    lines = (*shard.lines, Failure(cell=small, reason="out", out_of_memory=True),
             Failure(cell=broken, reason="it raises"))  # fmt: skip
    (joined,) = join_plans([replace(shard, lines=lines)])
    assert joined.missing == (broken,)


def test_runs_without_shards_are_plans_of_their_own_and_what_fills_them_is_theirs() -> None:
    one, two = (
        replace(_part(name, 1, 0, shard="", plan_id="", planned=0), path=Path(f"{name}.jsonl"))
        for name in ("one", "two")
    )
    fills = _part("three", 1, 10, shard="", plan_id="one")
    assert [len(plan.runs) for plan in join_plans([one, two, fills])] == [2, 1]
    assert join_plans([one, fills])[0].missing == ()


def test_a_file_may_say_anything_of_its_shard() -> None:
    for text, first in (("1/999999999", [Shard(2, 999999999)]), ("zz", []), ("3/2", []), ("", [])):
        (joined,) = join_plans([_part("one", 1, 10, shard=text, planned=2**63 - 1)])
        assert [*islice(joined.absent(), 1)] == first
