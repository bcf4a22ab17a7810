"""A function for each of many names, by one process or several."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from opbench.census import Failed, outcomes
from opbench.errors import TargetError


def letters(name: str) -> int:
    """Stands for counting: each name goes wrong in a way of its own."""
    if name == "mendable":
        raise TargetError("the target 'mendable'\ncannot be built")
    if name == "broken":
        raise ZeroDivisionError("half-way")
    if name == "exits":
        sys.exit(3)
    if name == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "process":
        return os.getpid()
    return len(name)


NAMES = ["a", "mendable", "bb", "broken", "exits", "ccc"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_fails_is_an_outcome_and_the_others_go_on(jobs: int) -> None:
    done = dict(outcomes(letters, NAMES, jobs=jobs))
    assert done == {
        "a": 1,
        "bb": 2,
        "ccc": 3,
        "mendable": Failed(reason="the target 'mendable' cannot be built"),
        "broken": Failed(reason="ZeroDivisionError: half-way"),
        "exits": Failed(reason="SystemExit: 3"),
    }


def test_one_job_is_this_process_in_the_order_of_the_names() -> None:
    names = ["ccc", "process", "a"]
    assert list(outcomes(letters, names)) == [("ccc", 3), ("process", os.getpid()), ("a", 1)]


def test_a_process_that_dies_costs_its_own_name_only() -> None:
    names = ["a", "killed", "bb", "killed again", "ccc"]
    done = dict(outcomes(letters, names, jobs=2))
    assert done.pop("killed") == Failed(reason="its process ended with signal 9")
    assert done == {"a": 1, "bb": 2, "killed again": 12, "ccc": 3}


def test_stopping_half_way_leaves_no_process_behind() -> None:
    working = outcomes(letters, ["process", *NAMES, *(f"name {n}" for n in range(50))], jobs=2)
    process = next(value for name, value in working if name == "process")
    working.close()
    assert isinstance(process, int)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
