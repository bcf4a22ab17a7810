"""Run one side of a comparison in a process of its own: build it, warm it up, time it when asked.

The asking process and this one speak in lines of JSON over a socket: first this one says that it
is ready, then each request for a block is answered with its samples, until the socket is closed.
"""

from __future__ import annotations

import gc
import json
import math
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

import torch

from opbench.live.paths import redirect, require_moved
from opbench.processes import asked
from opbench.record import Artefact, Cell
from opbench.runs.artefact import Inspection
from opbench.runs.network import build
from opbench.runtimes import find
from opbench.runtimes.parts.calibrated_on import calibration_in
from opbench.timing.device import Call, Device, open_device
from opbench.timing.protocol import BLOCK_S
from opbench.timing.settings import CudaOptions
from opbench.timing.tf32 import set_tf32

Json = dict[str, Any]

# Calls after the first one and before the first block take at least so long, one or more.
_WARMUP_S = 0.05
# Threads that spin are waited for so long at most, and looked at so often.
_REST_S, _LOOK_S = 0.05, 0.0005
# A block that is shorter than so many samples spares none of them for warming up caches.
_SPARED = 6


class Side:
    """One network on its device, ready to be timed."""

    def __init__(self, device: Device, forward: Call, *, device_time: bool) -> None:
        self._device, self._device_time = device, device_time
        self.start_up_s = asked.seconds_ago()
        self.first_call_s = device.run(forward, 1)
        self.memory_bytes: int | None = None
        self.artefact: Artefact | None = None
        self._call = device.prepare(forward)
        self._call_s = 0.0

    def block(self, seconds: float) -> Json:
        """Return the samples of a block that takes about ``seconds``, and the calls of each.

        A sample is the mean of as many calls as take two milliseconds.  The first warms up the
        caches that the other side has used, and is left out where there are others.  Beside them
        are the processor seconds of the calling thread, per call, and the seconds that all threads
        ran and waited for a core.
        """
        # Only now: while it was built, the other side was.
        self._call_s = self._call_s or self._warmed_up()
        calls = math.ceil(BLOCK_S / self._call_s)
        samples = max(1, round(seconds / (calls * self._call_s)))
        spared = int(samples >= _SPARED)
        before, began_s = scheduled(), time.thread_time()
        taken = [self._sample(calls) for _ in range(spared + samples)]
        own_s = time.thread_time() - began_s
        ran_s, waited_s = (now - then for now, then in zip(scheduled(), before, strict=True))
        _come_to_rest()
        return {
            "samples_s": taken[spared:],
            "calls": calls,
            "processor_s": own_s / (len(taken) * calls),
            "ran_s": ran_s,
            "waited_s": waited_s,
        }

    def _warmed_up(self) -> float:
        """Call until the caches are warm, and return the seconds of the shortest call."""
        taken = [self._device.run(self._call, 1)]
        while math.fsum(taken) < _WARMUP_S:
            taken.append(self._device.run(self._call, 1))
        return min(taken)

    def _sample(self, calls: int) -> float:
        if self._device_time:
            return self._device.time(self._call, calls) / calls
        if not self._device.asynchronous:
            return self._device.run(self._call, calls) / calls
        # A caller waits for the end of each.
        return sum(self._device.run(self._call, 1) for _ in range(calls)) / calls


def scheduled() -> tuple[float, float]:
    """Return the seconds that this process's threads have run, and have waited for a core.

    Linux counts both; elsewhere it is not known how long they waited: NaN.
    """
    told = [text.split() for _, text in _threads("schedstat")]
    if not told:
        return time.process_time(), math.nan
    return sum(int(each[0]) for each in told) / 1e9, sum(int(each[1]) for each in told) / 1e9


def _come_to_rest() -> None:
    """Wait until no other thread of this process runs: those of OpenMP spin for a while after each
    call, and would take a core from the other side's turn.

    Elsewhere than on Linux it is not known which threads run, and nothing is waited for.
    """
    end = time.monotonic() + _REST_S
    while time.monotonic() < end and any(map(_runs, _threads("stat"))):
        time.sleep(_LOOK_S)


def _runs(told: tuple[int, str]) -> bool:
    thread, stat = told
    return thread != threading.get_native_id() and stat.rpartition(")")[2].split()[0] == "R"


def _threads(file: str) -> Iterator[tuple[int, str]]:
    """Yield each thread of this process, and what Linux tells of it in ``file``."""
    for each in Path("/proc/self/task").glob(f"*/{file}"):
        with suppress(OSError):  # it has ended
            yield int(each.parent.name), each.read_text()


def serve(request: Mapping[str, Any]) -> Json:
    """Serve one side until the asking process closes the socket."""
    redirect(request["moved"])
    with socket.socket(socket.AF_UNIX) as channel:
        channel.connect(request["socket"])
        with channel.makefile("rwb") as stream:
            _serve_side(request, cast("IO[bytes]", stream))
    return {}


def _serve_side(request: Mapping[str, Any], stream: IO[bytes]) -> None:
    with torch.inference_mode(not Cell.from_json(request["cell"]).training):
        _serve(open_side(request), stream)


def open_side(request: Mapping[str, Any]) -> Side:
    """Build the network of a request, and warm it up."""
    cell = Cell.from_json(request["cell"])
    device = open_device(cell.device, CudaOptions.from_json(request["cuda"]))
    torch.set_num_threads(cell.threads or torch.get_num_threads())
    runtime, first = find(cell.runtime), request.get("number", 1) == 1
    memory = device.watch_memory()
    network = build(cell, own_inputs=request["own_inputs"], seed=request["seed"])
    # Only now: a file that a network comes from may set it otherwise.
    set_tf32(request["cuda"]["tf32"])
    tf32 = request["cuda"]["tf32"]
    folder, calibration = request.get("folder"), calibration_in(request)
    if runtime.converts:
        # What is loaded is not PyTorch's network.
        memory = device.watch_memory()
    executable = network.executable(
        cell, tf32=tf32, folder=Path(folder) if folder else None, calibration=calibration
    )
    side = Side(device, network.passes(executable.call), device_time=request["device_time"])
    # A converter's own memory would be taken for the network's; on CUDA PyTorch sees no other's.
    if not (runtime.compiles or (runtime.converts and (first or device.asynchronous))):
        side.memory_bytes = memory()
    # Only now: the first call may compile, and its time is told.
    if first:
        inspection = Inspection(
            cell=cell,
            network=network,
            executable=executable,
            own_inputs=request["own_inputs"],
            seed=request["seed"],
            tf32=tf32,
            calibration=calibration,
        )
        side.artefact = inspection.artefact(side.first_call_s if runtime.compiles else 0.0)
    # Only now: a network may import what it needs when it is first called.
    require_moved(cell.name, request["moved"])
    return side


def _serve(side: Side, stream: IO[bytes]) -> None:
    # Python's garbage collector would strike some blocks and not others.
    gc.collect()
    gc.disable()
    # The asking process has gone on without this side.
    with suppress(BrokenPipeError, ConnectionResetError):
        _tell(
            stream,
            {
                "first_call_s": side.first_call_s,
                "start_up_s": side.start_up_s,
                "memory_bytes": side.memory_bytes,
                "artefact": side.artefact.to_json() if side.artefact else None,
            },
        )
        for line in stream:
            _tell(stream, side.block(json.loads(line)["seconds"]))


def _tell(stream: IO[bytes], message: Json) -> None:
    stream.write(json.dumps(message).encode() + b"\n")
    stream.flush()
