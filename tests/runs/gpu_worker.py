"""A worker of a GPU that is not there: it does what the name of a cell says, and notes its process.

Each request is a line "process job name" in the file that the environment names.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LOG = "OPBENCH_TEST_GPU_LOG"
CEILINGS = {"peak_flops_per_s": 1e9, "bandwidth_bytes_per_s": 1e9, "launch_s": 1e-6}
LOAD = {
    "params": 10,
    "macs": 10**6,
    "activations": 30,
    "weight_bytes": 40,
    "peak_activation_bytes": 24,
    "kernels": 1,
    "traffic_bytes": 100,
}
ROUND = {
    "samples_s": [0.01] * 10,
    "warmup": 3,
    "calls_per_sample": 1,
    "stopped": "precision",
    "first_call_s": 0.02,
    "forward_s": 0.1,
}

_served: list[str] = []
_broken: list[str] = []


def handle(request: Mapping[str, Any]) -> dict[str, Any]:
    """Carry out a request as ``opbench.runs.worker`` does."""
    name = request.get("cell", {}).get("name", "")
    with Path(os.environ[LOG]).open("a") as log:
        log.write(f"{os.getpid()} {request['job']} {name}\n")
    alone = not _served
    _served.append(name)
    if _broken:
        return failed("an illegal memory access was encountered")
    if request["job"] != "time":
        return {"done": {**CEILINGS, "idle_power_w": 50.0, "start_up_s": 1.5}}
    if reply := _MISHAPS.get(name, lambda alone: None)(alone):
        return reply
    return {"done": {"round": {**ROUND, "number": request["number"]}, "load": LOAD}}


def failed(reason: str, *, out_of_memory: bool = False) -> dict[str, Any]:
    """Return the reply of a cell that failed."""
    return {"failed": reason, "out_of_memory": out_of_memory, "named_wrongly": False}


def _crash(alone: bool) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def _crash_beside_others(alone: bool) -> None:
    if not alone:
        _crash(alone)


def _spoil(alone: bool) -> dict[str, Any]:
    _broken.append("for all that come later")
    return failed("an illegal memory access was encountered")


def _need_all_memory(alone: bool) -> dict[str, Any] | None:
    return None if alone else failed("out of memory", out_of_memory=True)


_MISHAPS: Mapping[str, Any] = {
    "crashes": _crash,
    "crashes-beside-others": _crash_beside_others,
    "spoils": _spoil,
    "fails": lambda alone: failed("ValueError: no such layer"),
    "needs-all-memory": _need_all_memory,
    "hangs": lambda alone: time.sleep(60),
}
