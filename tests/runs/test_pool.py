"""The real server and real processes: each request in a new one, and any end of one survived."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from opbench.runs.pool import ForkServer, Reply
from opbench.spec import Shape
from opbench.timing.protocol import Protocol
from opbench.timing.settings import CudaOptions
from tests.builders import cell

NETWORKS = Path(__file__).parent / "networks.py"

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    with ForkServer() as server:
        yield server


def request(network: str, batch_size: int = 1) -> dict[str, Any]:
    asked = cell(f"{NETWORKS}:{network}", input_size=Shape((3, 8, 8)), batch_size=batch_size)
    return {
        "job": "time",
        "cell": asked.to_json(),
        "number": 1,
        "protocol": Protocol(max_seconds=0.1).to_json(),
        "own_inputs": False,
        "with_load": True,
        "idle_power_w": None,
        "cuda": CudaOptions().to_json(),
        "gpu_uuid": None,
    }


def eventually(condition: Callable[[], Any]) -> Any:
    """The first true value of ``condition`` within ten seconds."""
    for _ in range(1000):
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError("it never happened")


def _process(server: ForkServer) -> psutil.Process:
    return psutil.Process(server._servers._all[0].pid)


def worker_of(server: ForkServer) -> psutil.Process:
    found: psutil.Process = eventually(_process(server).children)[0]
    return found


def in_background(server: ForkServer, network: str) -> Callable[[], Reply]:
    """Ask, and return at once; the function returned waits for the reply."""
    replies: list[Reply] = []
    thread = threading.Thread(target=lambda: replies.append(server.ask(request(network))))
    thread.start()

    def wait() -> Reply:
        thread.join(30)
        return replies[0]

    return wait


def test_a_cell_is_timed_in_a_process_of_its_own(server: ForkServer) -> None:
    reply = server.ask(request("conv", batch_size=2))
    assert reply.done is not None
    assert reply.done["load"]["macs"] == 2 * 6 * 6 * 4 * 27
    assert len(reply.done["round"]["samples_s"]) >= 1


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        ("Crashing", r"killed by signal 11 \(SIGSEGV\): .*about to crash"),
        ("Leaving", "ended with exit code 3"),
        ("Broken", "ValueError: no such layer"),
    ],
)
def test_a_crash_is_a_reply_and_the_next_request_is_served(
    server: ForkServer, network: str, reason: str
) -> None:
    failed = server.ask(request(network))
    assert failed.done is None
    assert re.search(reason, failed.failed), failed.failed
    assert not failed.out_of_memory
    assert server.ask(request("conv")).done is not None


def test_what_a_network_prints_is_no_reply(server: ForkServer) -> None:
    reply = server.ask(request("Talking"))
    assert reply.done is not None
    assert "round" in reply.done


def test_an_allocation_beyond_the_free_memory_fails_in_the_worker(server: ForkServer) -> None:
    reply = server.ask(request("Endless"))
    assert reply.out_of_memory
    assert reply.failed.startswith("out of memory: ")


def test_a_worker_that_is_killed_says_so(server: ForkServer) -> None:
    wait = in_background(server, "Hanging")
    worker_of(server).kill()
    assert "signal 9 (SIGKILL), perhaps out of memory" in wait().failed


def test_a_server_that_is_killed_is_started_again() -> None:
    with ForkServer() as server:
        wait = in_background(server, "Hanging")
        worker = worker_of(server)
        _process(server).kill()
        worker.kill()
        assert "killed by signal 9" in wait().failed
        assert server.ask(request("conv")).done is not None


@pytest.mark.slow
def test_workers_do_not_outlive_whoever_asked() -> None:
    asking = (
        "import json, sys\n"
        "from opbench.runs.pool import ForkServer\n"
        "with ForkServer() as server:\n"
        "    server.ask(json.loads(sys.argv[1]))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", asking, json.dumps(request("Hanging"))])
    children = eventually(
        lambda: (
            (found := psutil.Process(parent.pid).children(recursive=True))
            and len(found) == 2
            and found
        )
    )
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
