"""A function applied to each of many names, in one process or several."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import pytest

from opbench.errors import TargetError
from opbench.registry.pool import Failed, describe_exit, outcomes


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
    if name == "crashes":
        os.kill(os.getpid(), signal.SIGSEGV)
    if name == "leaves":
        os._exit(0)
    if name == "interrupts":
        raise KeyboardInterrupt
    if name == "prints":
        sys.stdout.write("mine\n")
    if name == "threads":
        return int(os.environ["OMP_NUM_THREADS"])
    if name == "process":
        return os.getpid()
    return len(name)


NAMES = ["a", "mendable", "bb", "broken", "exits", "ccc"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_fails_is_an_outcome_and_the_others_go_on(jobs: int) -> None:
    done = dict(outcomes(letters, NAMES, jobs=jobs))
    failed = {name: each.reason for name, each in done.items() if isinstance(each, Failed)}
    assert {name: done[name] for name in done if name not in failed} == {"a": 1, "bb": 2, "ccc": 3}
    assert failed.pop("mendable") == "the target 'mendable' cannot be built"
    assert failed.pop("broken").startswith("ZeroDivisionError: half-way (")
    assert failed.pop("exits").startswith("SystemExit: 3 (")
    assert not failed


def test_one_job_is_this_process_in_the_order_of_the_names() -> None:
    names = ["ccc", "process", "a"]
    assert list(outcomes(letters, names)) == [("ccc", 3), ("process", os.getpid()), ("a", 1)]


def test_a_process_that_dies_costs_its_own_name_only() -> None:
    names = ["a", "killed", "bb", "crashes", "leaves", "killed again", "ccc"]
    assert dict(outcomes(letters, names, jobs=2)) == {
        "a": 1,
        "killed": Failed(
            reason="its process was killed by signal 9 (SIGKILL), perhaps out of memory"
        ),
        "bb": 2,
        "crashes": Failed(reason="its process was killed by signal 11 (SIGSEGV)"),
        "leaves": Failed(reason="its process ended with exit code 0"),
        "killed again": 12,
        "ccc": 3,
    }


def test_an_interrupt_in_another_process_is_not_the_users() -> None:
    done = dict(outcomes(letters, ["interrupts", "a"], jobs=2))
    assert done == {"interrupts": Failed(reason="KeyboardInterrupt"), "a": 1}


def test_the_last_of_the_names_may_kill_its_process() -> None:
    done = dict(outcomes(letters, ["leaves", "killed"], jobs=2))
    assert all(isinstance(outcome, Failed) for outcome in done.values())


def test_processes_are_reused_and_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    names = ["threads", "process", "a", "process", "process", "process"]
    done = list(outcomes(letters, names, jobs=2))
    assert ("threads", 3) in done
    processes = {value for name, value in done if name == "process"}
    assert len(processes) <= 2
    assert os.getpid() not in processes


def test_standard_output_is_left_to_the_parent(capfd: pytest.CaptureFixture[str]) -> None:
    assert dict(outcomes(letters, ["prints", "a"], jobs=2)) == {"prints": 6, "a": 1}
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "mine\n")


@pytest.mark.parametrize(("status", "told"), [(3, "exit code 3"), (-11, "SIGSEGV"), (-99, "unkn")])
def test_how_a_process_ended_is_told(status: int, told: str) -> None:
    assert told in describe_exit(status)


def test_stopping_half_way_leaves_no_process_behind() -> None:
    working: Any = outcomes(letters, ["process", *NAMES, *(f"name {n}" for n in range(50))], jobs=2)
    process = next(value for name, value in working if name == "process")
    working.close()
    assert isinstance(process, int)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
