"""The simulation of a sweep deals cells out as ``--shard`` does, and counts each once."""

from __future__ import annotations

import pytest

from opbench.shards import Shard
from tests.bench.sharing import (
    RULES,
    SHARDS,
    SweepCell,
    cells_of_sweep,
    dealt,
    key_of,
    kind_of,
    seconds_of,
)

PLAN = cells_of_sweep(10)


def test_cells_are_dealt_as_the_command_does() -> None:
    kinds = {key_of(cell): kind_of(cell) for cell in PLAN}
    for part, cells in enumerate(dealt(PLAN, 7), start=1):
        assert {*map(key_of, cells)} == Shard(part, 7).dealt(kinds, kinds.__getitem__)


@pytest.mark.parametrize("rule", RULES)
def test_no_second_is_lost(rule: str) -> None:
    seconds = seconds_of(PLAN, [4.0, 5.0, 90.0], slow=10)
    ends = RULES[rule](PLAN, seconds)
    assert len(ends) == SHARDS
    assert sum(ends) == pytest.approx(sum(seconds.values()))


def test_a_queue_ends_when_its_last_cell_does() -> None:
    plan = [SweepCell(f"n{number}", "eager", 1) for number in range(2 * SHARDS)]
    seconds = {cell: 1.0 + number for number, cell in enumerate(plan)}
    # Cell k and cell 64 + k follow each other: the last shard has 64 s and 128 s.
    assert max(RULES["queue"](plan, seconds)) == 64 + 128
    # The longest with the shortest: each shard has 129 s.
    assert set(RULES["longest first"](plan, seconds)) == {129.0}
