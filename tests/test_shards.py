"""Shards: every key in exactly one, as many in each, and the number read from schedulers."""

from __future__ import annotations

import hashlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opbench.errors import BadValueError
from opbench.shards import Shard, shard_of_environment

KEYS = st.sets(st.text(), max_size=40)
PARTS = st.integers(1, 9)


def _all(parts: int) -> list[Shard]:
    return [Shard(part, parts) for part in range(1, parts + 1)]


@given(keys=KEYS, parts=PARTS)
def test_each_key_is_of_one_shard_by_its_hash(keys: set[str], parts: int) -> None:
    for key in keys:
        (only,) = [shard for shard in _all(parts) if shard.has(key)]
        digest = hashlib.sha256(key.encode()).hexdigest()[:16]
        assert only.part - 1 == int(digest, 16) % parts


@given(keys=KEYS, parts=PARTS)
def test_keys_are_dealt_out_once_and_evenly(keys: set[str], parts: int) -> None:
    hands = [shard.dealt(keys, lambda key: key[:1]) for shard in _all(parts)]
    assert Counter(key for hand in hands for key in hand) == dict.fromkeys(keys, 1)
    assert max(map(len, hands)) - min(map(len, hands)) <= 1
    for kind in {key[:1] for key in keys}:
        numbers = [sum(key[:1] == kind for key in hand) for hand in hands]
        assert max(numbers) - min(numbers) <= 1


@given(keys=st.lists(st.text(), max_size=20), parts=PARTS)
def test_the_order_of_keys_says_nothing(keys: list[str], parts: int) -> None:
    assert all(shard.dealt(keys) == shard.dealt(keys[::-1]) for shard in _all(parts))


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/0", "-1/2", "1/2/3", "٢/٣", ""])
def test_a_shard_is_one_of_so_many(text: str) -> None:
    with pytest.raises(BadValueError, match="--shard must be I/N"):
        Shard.parse(text)


def test_a_shard_is_read_as_it_is_written() -> None:
    assert Shard.parse(" 2/8 ") == Shard(2, 8)
    assert str(Shard(2, 8)) == "2/8"


def _array(task: int, first: int, last: int, count: int, step: int = 1) -> dict[str, str]:
    values = {"ID": task, "MIN": first, "MAX": last, "COUNT": count, "STEP": step}
    return {f"SLURM_ARRAY_TASK_{key}": str(value) for key, value in values.items()}


@pytest.mark.parametrize(
    ("environment", "shard"),
    [
        (_array(1, 1, 8, 8), Shard(1, 8)),
        (_array(0, 0, 3, 4), Shard(1, 4)),
        (_array(12, 10, 14, 5), Shard(3, 5)),
        (_array(7, 5, 9, 3, step=2), Shard(2, 3)),
        ({"JOB_COMPLETION_INDEX": "2", "JOB_COMPLETIONS": "3"}, Shard(3, 3)),
        ({"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2"}, Shard(1, 2)),
        ({"RANK": "1", "WORLD_SIZE": "4"}, Shard(2, 4)),
        (_array(2, 1, 2, 2) | {"RANK": "0", "WORLD_SIZE": "1"}, Shard(2, 2)),
    ],
)
def test_schedulers_number_their_tasks(environment: dict[str, str], shard: Shard) -> None:
    found, said = shard_of_environment(environment)
    assert found == shard
    variable = next(iter(environment))
    assert f"{variable}={environment[variable]}" in said


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "none of SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX, OMPI_COMM_WORLD_RANK, RANK"),
        ({"JOB_COMPLETION_INDEX": "0"}, "JOB_COMPLETIONS is not"),
        ({"RANK": "0"}, "WORLD_SIZE is not set"),
        ({"RANK": "x", "WORLD_SIZE": "2"}, "RANK is 'x'"),
        ({"RANK": "2", "WORLD_SIZE": "2"}, "RANK=2 and WORLD_SIZE=2 make no shard"),
        (_array(3, 1, 7, 3), "not evenly"),
        (_array(4, 5, 9, 5), "make no shard"),
    ],
)
def test_variables_that_make_no_shard_are_named(environment: dict[str, str], said: str) -> None:
    with pytest.raises(BadValueError, match=said):
        shard_of_environment(environment)
