"""The parts of a plan: each cell in one shard, and one id whatever the order."""

from __future__ import annotations

from opbench.runs.parts import cells_of, plan_id
from opbench.shards import Shard
from opbench.timing.protocol import Protocol
from tests.builders import cell

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
    known = plan_id(PLAN, Protocol(rounds=3))
    assert plan_id(PLAN[::-1], Protocol(rounds=3)) == known
    assert len({known, plan_id(PLAN[1:], Protocol(rounds=3)), plan_id(PLAN, Protocol())}) == 3
