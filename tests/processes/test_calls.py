"""Calls in processes of their own: whatever one does is an outcome, and the others go on."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import psutil
import pytest

from opbench.errors import OpbenchError, TargetError
from opbench.processes import calls
from opbench.processes.calls import (
    CallLimits,
    Done,
    Failed,
    InThisProcess,
    Servers,
    Staying,
    describe_exit,
    module_of,
)

pytestmark = pytest.mark.skipif(not calls.FORKS, reason="there is no fork here")


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise ZeroDivisionError


def _fork(*, stay: bool) -> None:
    if os.fork() == 0:
        time.sleep(30 * stay)
        os._exit(0)


def _come_back() -> None:
    os.fork()


def _use_memory() -> None:
    bytearray(1 << 46)


def _leave_traces() -> None:
    os.chdir("/")
    sys.stdout = None
    os.environ["OPBENCH_TRACE"] = "1"
    atexit.register(lambda: 1 / 0)


def _raise(error: BaseException) -> None:
    raise error


def _close_all() -> None:
    os.closerange(1, 50)


_DOES: dict[str, Any] = {
    "mendable": lambda: _raise(TargetError("the target 'mendable'\ncannot be built")),
    "broken": lambda: _raise(ZeroDivisionError("half-way")),
    "unspeakable": lambda: _raise(UnspeakableError()),
    "exits": lambda: sys.exit(3),
    "interrupts": lambda: _raise(KeyboardInterrupt()),
    "stops": lambda: _raise(GeneratorExit()),
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "crashes": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "leaves": lambda: os._exit(0),
    "hangs": lambda: time.sleep(60),
    "spins": lambda: sum(1 for _ in iter(int, 1)),
    "hungry": _use_memory,
    "forks": lambda: _fork(stay=False),
    "forks and stays": lambda: _fork(stay=True),
    "forks and comes back": _come_back,
    "starts a thread": lambda: threading.Thread(target=time.sleep, args=(60,)).start(),
    "asks": input,
    "leaves traces": _leave_traces,
    "closes standard output": lambda: os.close(1),
    "closes everything": _close_all,
    "prints": lambda: print("mine"),  # noqa: T201
    "writes": lambda: os.write(1, b"raw\n"),
}


def letters(name: str) -> int:
    """Count the letters of a name, unless it is one that goes wrong in a way of its own."""
    _DOES.get(name.rpartition(":")[2], lambda: None)()
    return len(name)


def process(name: str) -> int:
    """Return the process that the call is in."""
    return os.getpid()


def threads(name: str) -> str | None:
    """Return the number of threads that torch may use."""
    return os.environ.get("OMP_NUM_THREADS")


def variable(name: str) -> str | None:
    """Return an environment variable."""
    return os.environ.get(name)


def state(name: str) -> tuple[str, bool]:
    """Return the current folder, and whether there is a standard output."""
    return os.getcwd(), sys.stdout is not None  # noqa: PTH109


def unwritable(name: str) -> object:
    """Return what has no JSON form."""
    return object()


def large(name: str) -> str:
    """Return more than a pipe holds at once."""
    return name * (1 << 20)


def _here(name: str) -> str:
    return f"{__name__}:{name}"


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with Servers([__name__]) as servers:
        yield servers


@pytest.fixture(scope="module")
def two() -> Iterator[Servers]:
    with Servers([__name__], jobs=2) as servers:
        yield servers


def outcomes(servers: Servers, *names: str, **options: Any) -> dict[str, Any]:
    arguments = {name: name for name in names}
    return dict(servers.outcomes(_here("letters"), arguments, **options))


def reason(servers: Servers, name: str, limits: CallLimits | None = None) -> str:
    """The reason why ``name`` failed; another call, in the same worker if it lives, succeeds."""
    found = outcomes(servers, f"x:{name}", "x:fine", limits=limits, group=module_of)
    assert found["x:fine"] == Done(result=6)
    assert isinstance(found[f"x:{name}"], Failed)
    return str(found[f"x:{name}"].reason)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("mendable", "the target 'mendable' cannot be built"),
        ("broken", "ZeroDivisionError: half-way ("),
        ("unspeakable", "UnspeakableError ("),
        ("exits", "SystemExit: 3 ("),
        ("interrupts", "KeyboardInterrupt ("),
        ("stops", "GeneratorExit ("),
        ("killed", "its process was killed by signal 9 (SIGKILL), perhaps out of memory"),
        ("crashes", "its process was killed by signal 11 (SIGSEGV)"),
        ("leaves", "its process ended with exit code 0"),
        ("hungry", "MemoryError ("),
        ("asks", "EOFError: EOF when reading a line"),
        ("closes everything", "its process ended with exit code 1"),
    ],
)
def test_what_goes_wrong_is_a_reason_and_the_next_call_is_served(
    servers: Servers, name: str, told: str
) -> None:
    assert reason(servers, name).startswith(told)


@pytest.mark.parametrize("seconds", [2e6, 2.2e6, 1e300, float("inf")])
def test_a_call_may_take_longer_than_a_poll(servers: Servers, seconds: float) -> None:
    done = servers.call(_here("large"), "x", CallLimits(seconds=seconds))
    assert isinstance(done, Done)


@pytest.mark.parametrize("name", ["hangs", "spins"])
def test_a_call_that_does_not_end_is_ended(servers: Servers, name: str) -> None:
    assert (
        reason(servers, name, CallLimits(seconds=0.3)) == "it did not end within 0.3 s (--timeout)"
    )


@pytest.mark.parametrize(
    "name",
    [
        *("forks", "forks and stays", "forks and comes back", "starts a thread", "leaves traces"),
        *("closes standard output", "prints", "writes"),
    ],
)
def test_what_does_no_harm_to_others_is_done(servers: Servers, name: str) -> None:
    found = outcomes(servers, f"x:{name}", "x:fine", group=module_of)
    assert found == {f"x:{name}": Done(result=len(name) + 2), "x:fine": Done(result=6)}


def test_what_a_call_prints_goes_to_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    with Servers([__name__]) as servers:
        outcomes(servers, "prints", "writes")
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "mine\nraw\n")


def test_the_folder_and_the_streams_are_as_they_were_for_the_next_call(servers: Servers) -> None:
    def both(name: str) -> dict[str, Any]:
        return dict(servers.outcomes(_here(name), {"x:leaves traces": "leaves traces", "x": "x"}))

    both("letters")
    here = os.getcwd()  # noqa: PTH109
    assert {outcome.result[0] for outcome in both("state").values()} == {here}


def test_a_result_without_a_json_form_and_a_function_without_a_place_are_reasons(
    servers: Servers,
) -> None:
    failed = servers.call(_here("unwritable"), "x")
    assert isinstance(failed, Failed) and failed.reason.startswith("TypeError")
    assert isinstance(servers.call(_here("nowhere"), "x"), Failed)


def test_a_result_may_be_larger_than_a_pipe(servers: Servers) -> None:
    assert servers.call(_here("large"), "x") == Done(result="x" * (1 << 20))


def test_only_what_an_opbench_error_says_is_mendable(servers: Servers) -> None:
    found = outcomes(servers, "mendable", "broken", "leaves")
    assert {name: each.mendable for name, each in found.items()} == {
        "mendable": True,
        "broken": False,
        "leaves": False,
    }


def test_calls_of_one_group_share_a_worker(servers: Servers) -> None:
    names = ["a:x", "b:x", "a:y", "c", "d"]
    found = servers.outcomes(_here("process"), {name: name for name in names}, group=module_of)
    done = {name: outcome.result for name, outcome in found if isinstance(outcome, Done)}
    assert done["a:x"] == done["a:y"] != done["b:x"]
    assert done["c"] == done["d"]
    assert len(set(done.values())) == 3 and os.getpid() not in done.values()


def test_several_servers_share_the_calls_and_the_cores(
    two: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    with Servers([__name__], jobs=2) as servers:
        assert servers.call(_here("threads"), "") == Done(result="3")
    names = [f"name {number}" for number in range(20)]
    assert outcomes(two, "leaves", *names, "killed", group=module_of).keys() == {
        *names,
        "leaves",
        "killed",
    }


def test_a_server_that_is_killed_costs_one_call(servers: Servers) -> None:
    arguments = {"hangs": "hangs", "a": "a", "b": "b"}
    working = servers.outcomes(_here("letters"), {"first": "first"} | arguments)
    assert next(working) == ("first", Done(result=5))
    pid = servers._all[0].pid
    assert pid
    killer = threading.Timer(0.3, os.kill, (pid, signal.SIGKILL))
    killer.start()
    found = dict(working)
    assert found["a"] == Done(result=1) and found["b"] == Done(result=1)
    assert "killed by signal 9" in found["hangs"].reason  # type: ignore[union-attr]


def test_a_server_that_cannot_start_is_a_sentence() -> None:
    said = "did not start: its process ended with exit code 1"
    with Servers(["opbench.no_such_module"]) as broken, pytest.raises(OpbenchError, match=said):
        broken.call(_here("letters"), "x")


def _processes() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


def test_stopping_half_way_leaves_no_process_behind() -> None:
    before, names = _processes(), [f"x:name {number}" for number in range(50)]
    with Servers([__name__], jobs=2) as servers:
        working: Any = servers.outcomes(_here("letters"), {name: name for name in names})
        next(working)
        started = _processes() - before
        working.close()
    assert started
    assert not psutil.wait_procs(started, timeout=10)[1]


NO_LIMITS = CallLimits()
Stay = Callable[[str], Staying]


@pytest.fixture
def stay(servers: Servers) -> Iterator[Stay]:
    """Have one function of this module called in a worker that stays until the test ends."""
    with ExitStack() as ending:

        def start(function: str) -> Staying:
            staying = Staying(servers, _here(function))
            ending.callback(staying.end)
            return staying

        yield start


def test_calls_may_share_a_worker_that_stays(stay: Stay) -> None:
    staying = stay("process")
    first = staying.call("a", NO_LIMITS)
    assert staying.alive and isinstance(first, Done)
    assert staying.call("b", NO_LIMITS) == first
    staying.end()
    assert not psutil.pid_exists(first.result)
    assert staying.call("c", NO_LIMITS) != first


@pytest.mark.parametrize("name", ["killed", "leaves"])
def test_a_worker_that_stays_and_dies_is_followed_by_another(
    servers: Servers, stay: Stay, name: str
) -> None:
    staying = stay("letters")
    assert staying.call("a", NO_LIMITS) == Done(result=1)
    failed = staying.call(name, NO_LIMITS)
    assert isinstance(failed, Failed) and (failed.died, failed.late) == (True, False)
    assert not staying.alive
    assert staying.call("ab", NO_LIMITS) == Done(result=2)
    staying.end()
    # What does not need one goes on in the same server.
    assert servers.call(_here("letters"), "abc") == Done(result=3)


def test_a_worker_that_died_between_two_calls_is_a_reason_of_the_second(stay: Stay) -> None:
    staying = stay("process")
    first = staying.call("a", NO_LIMITS)
    assert isinstance(first, Done)
    worker = psutil.Process(first.result)
    worker.kill()
    assert not psutil.wait_procs([worker], timeout=10)[1]
    lost = staying.call("b", NO_LIMITS)
    assert isinstance(lost, Failed) and lost.died
    assert isinstance(staying.call("c", NO_LIMITS), Done)


def test_each_call_of_a_worker_that_stays_has_a_limit_of_its_own(stay: Stay) -> None:
    staying = stay("letters")
    assert staying.call("a", CallLimits(seconds=60)) == Done(result=1)
    failed = staying.call("hangs", CallLimits(seconds=0.2))
    assert failed == Failed(reason="it did not end within 0.2 s (--timeout)", died=True, late=True)
    assert staying.call("a", NO_LIMITS) == Done(result=1)


def test_an_interrupt_ends_a_worker_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(busy: object) -> None:
        raise KeyboardInterrupt

    before = _processes()
    with Servers([__name__]) as servers:
        staying = Staying(servers, _here("letters"))
        assert staying.call("a", NO_LIMITS) == Done(result=1)
        started = _processes() - before
        monkeypatch.setattr(calls, "_spoken", interrupt)
        with pytest.raises(KeyboardInterrupt):
            staying.call("hangs", NO_LIMITS)
        assert len(started) == 2 and not psutil.wait_procs(started, timeout=10)[1]


def test_a_worker_that_cannot_be_killed_costs_the_server_and_not_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(calls, "_GRACE_S", 0.2)
    kill = os.kill
    with Servers([__name__]) as servers:
        staying = Staying(servers, _here("letters"))
        # As one that waits for a driver.
        hung = lambda pid, how: pid == servers.first.pid and kill(pid, how)  # noqa: E731
        monkeypatch.setattr(os, "kill", hung)
        failed = staying.call("hangs", CallLimits(seconds=0.2))
        assert isinstance(failed, Failed) and failed.late
        assert staying.call("a", NO_LIMITS) == Done(result=1)
        staying.end()
        assert not staying.alive


def test_a_package_that_asks_for_gpus_in_a_server_leaves_cuda_to_its_forks(
    servers: Servers,
) -> None:
    # torch asks the driver's library instead of CUDA itself where this is set.
    assert servers.call(_here("variable"), "PYTORCH_NVML_BASED_CUDA_CHECK") == Done(result="1")


def test_what_a_call_has_started_ends_with_the_servers() -> None:
    before = _processes()
    with Servers([__name__]) as servers:
        outcomes(servers, "forks and stays")
        started = _processes() - before
    assert started
    assert not psutil.wait_procs(started, timeout=10)[1]


def test_where_there_are_no_forks_calls_are_made_here(capsys: pytest.CaptureFixture[str]) -> None:
    with InThisProcess() as here:
        assert here.call(_here("process"), "") == Done(result=os.getpid())
        failed = here.call(_here("letters"), "exits")
        assert isinstance(failed, Failed) and failed.reason.startswith("SystemExit: 3")
        with pytest.raises(KeyboardInterrupt):
            here.call(_here("letters"), "interrupts")
        assert here.call(_here("letters"), "prints") == Done(result=6)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("status", "told"), [(3, "exit code 3"), (-11, "SIGSEGV"), (-99, "unkn")])
def test_how_a_process_ended_is_told(status: int, told: str) -> None:
    assert told in describe_exit(status)
