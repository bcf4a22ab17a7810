"""Timing on a CUDA device.

A CUDA call returns when it is queued, so its time is read from events that the GPU itself
records.  What is between them must be the network and nothing else:

    launch hidden   calls are queued while the GPU spins (``prepared``); the time with launches and
                    a synchronisation is measured beside it
    graph           with ``graph``, the calls are captured once and replayed by one launch each
    cold L2         with ``l2="cold"``, a buffer twice the size of the L2 cache is written and read
                    before each call, outside the events; reading it makes the cache write back what
                    it holds

TF32, which computes float32 products with ten bits, is ``opbench.timing.tf32``.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

import torch

from opbench.errors import BadValueError
from opbench.record import Launches
from opbench.timing import cuda_graph
from opbench.timing.prepared import Call, PreparedCall, Spin, prepared
from opbench.timing.settings import CudaOptions

T = TypeVar("T")

# torch.cuda._sleep counts clock cycles; no GPU runs faster than this, so it never ends too early.
_CYCLES_PER_S = 3e9
_FALLBACK_L2 = 1 << 26

# The first calls load, compile, record and choose; of the last few, the quickest is typical.
_FEWEST, _RECENT, _MOST = 4, 3, 20
_ALIKE = 1.5
# Launching that takes this part of a call's time need not be known any better.
_CHEAP = 0.1
# A queue holds about a thousand kernels, and each launch takes a microsecond or more: a call that
# is queued in less has not filled it.
_QUICK_S = 1e-3
# Times closer than this are the same.
_SAME = 1.02
# A full queue keeps the GPU busy for this part of a call, or longer, after its last launch; where
# the GPU waits for launches, it has only the last kernel left.
_BEHIND = 0.005
# c10/cuda/CUDAFunctions.cpp
_SYNCHRONISING = "called a synchronizing CUDA operation"


class _Attempt(NamedTuple):
    """Seconds of some calls, whether the spin ended before the last was queued, and the seconds for
    which the GPU worked on after that.
    """

    seconds: float
    ended_early: bool
    behind_s: float


class CudaDevice:
    """One GPU, from now on the current one: events, graphs and what a network makes while it runs
    belong to the current device.  ``cuda`` is ``torch.cuda``, or something that behaves like it.
    """

    asynchronous = True

    def __init__(self, index: int, options: CudaOptions | None = None, cuda: Any = None) -> None:
        self.name = f"cuda:{index}"
        self.options = options or CudaOptions()
        self.cold = self.options.l2 == "cold"
        self._index = index
        self._cuda: Any = cuda or torch.cuda
        self._cuda.set_device(index)
        self._recorder = self._cuda.Stream(index) if self.options.graph else None
        self._flush: Call | None = None

    def prepare(self, call: Call) -> PreparedCall:
        """Return ``call``, or its CUDA graph where asked for, ready to be timed.

        The first call, which loads kernels and chooses algorithms, is the caller's to make.
        """
        self._ready_to_flush()
        began = time.perf_counter()
        timed = call
        if self._recorder is not None:
            timed = cuda_graph.record(call, self._cuda, self._recorder)
        queueing = self._queueing(timed)
        return PreparedCall(
            call=timed,
            warmup=len(queueing) + (timed is not call),
            warmup_s=time.perf_counter() - began,
            spin=Spin(queueing_s=min(queueing[-_RECENT:])),
            launches="hidden",
        )

    def time(self, call: Call, calls: int) -> float:
        """Measure the GPU's seconds for ``calls`` calls, launches hidden where they can be."""
        timed, seconds, partly_s = prepared(call), 0.0, math.inf
        while calls:
            together = timed.spin.calls(calls) if timed.spin else calls
            attempt = self._attempt(timed, together)
            if attempt.ended_early:
                partly_s = min(partly_s, attempt.seconds / together)
            else:
                seconds += attempt.seconds
                calls -= together
            if timed.spin and not timed.spin.learn(together, ended_early=attempt.ended_early):
                self._stop_hiding(timed, partly_s)
        return seconds

    def run(self, call: Call, calls: int) -> float:
        """Measure the seconds from the first call until the GPU has finished the last.

        With a cold cache each call is made, and waited for, on its own: flushing takes no part.
        """
        call = prepared(call).call
        if self._flush is None:
            return self._until_done(call, calls)
        seconds = 0.0
        for _ in range(calls):
            self._flush()
            seconds += self._until_done(call, 1)
        return seconds

    def look_during(self, call: Call, calls: int, look: Callable[[], T]) -> T:
        """Return ``look()``, asked in a thread after ``calls`` calls and while others follow."""
        _repeat(call, calls)
        with ThreadPoolExecutor(1) as pool:
            seen = pool.submit(look)
            while not seen.done():
                # No further ahead than one call: looking is soon over.
                begun = self._cuda.Event()
                begun.record()
                call()
                while not (begun.query() or seen.done()):
                    time.sleep(0)
        self._cuda.synchronize(self._index)
        return seen.result()

    def watch_memory(self) -> Callable[[], int | None]:
        """Start metering the growth of the allocator's peak, in bytes."""
        # What flushes the cache is no part of the network: it is there before.
        self._ready_to_flush()
        self.reset_peak()
        start = self._cuda.memory_allocated(self._index)
        return lambda: int(self._cuda.max_memory_allocated(self._index)) - start

    def reset_peak(self) -> None:
        """Forget the peak so far, such as that of compiling and of choosing algorithms."""
        self._cuda.synchronize(self._index)
        self._cuda.reset_peak_memory_stats(self._index)

    def release(self) -> None:
        """Empty the allocator's cache, so that the next network starts as the first did."""
        self._flush = None
        # After a failed recording it may refuse; that failure is the one to report.
        with suppress(RuntimeError):
            self._cuda.empty_cache()

    def _attempt(self, timed: PreparedCall, calls: int) -> _Attempt:
        self._cuda.synchronize(self._index)
        gate = self._spin(timed.spin.seconds(calls)) if timed.spin else None
        events = self._queue(timed.call, calls)
        ended_early = gate is not None and bool(gate.query())
        queued = time.perf_counter()
        self._cuda.synchronize(self._index)
        behind_s = time.perf_counter() - queued
        seconds = float(sum(start.elapsed_time(end) for start, end in events)) * 1e-3
        return _Attempt(seconds=seconds, ended_early=ended_early, behind_s=behind_s)

    def _stop_hiding(self, timed: PreparedCall, partly_s: float) -> None:
        """Time from now on without a spin, and say why.

        A call took ``partly_s`` behind a spin that hid some of its launches.
        """
        timed.spin, timed.launches = None, self._visible(timed)
        bare = [self._attempt(timed, 1) for _ in range(_RECENT)]
        bare_s = min(each.seconds for each in bare)
        behind_s = min(each.behind_s for each in bare)
        # Kernels that take longer than their launches hide them: a queue that is full is no harm.
        hides = behind_s > _BEHIND * bare_s and bare_s <= _SAME * partly_s
        if timed.launches == "seen" and hides:
            timed.launches = "hidden"

    def _queue(self, call: Call, calls: int) -> list[tuple[Any, Any]]:
        """Queue calls between events: all between two, or each after a flush of the cache."""
        if self._flush is None:
            return [self._between_events(lambda: _repeat(call, calls))]
        events = []
        for _ in range(calls):
            self._flush()
            events.append(self._between_events(call))
        return events

    def _between_events(self, call: Call) -> tuple[Any, Any]:
        start = self._cuda.Event(enable_timing=True)
        end = self._cuda.Event(enable_timing=True)
        start.record()
        call()
        end.record()
        return start, end

    def _spin(self, seconds: float) -> Any:
        """Keep the GPU busy; return an event that is over when it has stopped."""
        # Private, but the only kernel in PyTorch that takes time and no bandwidth.
        self._cuda._sleep(int(_CYCLES_PER_S * seconds))
        gate = self._cuda.Event()
        gate.record()
        return gate

    def _queueing(self, call: Call) -> list[float]:
        """Measure the seconds in which the host queues a call, until they have settled."""
        taken: list[float] = []
        while len(taken) < _MOST:
            self._cuda.synchronize(self._index)
            start = time.perf_counter()
            self._queue(call, 1)
            taken.append(time.perf_counter() - start)
            self._cuda.synchronize(self._index)
            cheap = taken[-1] < _CHEAP * (time.perf_counter() - start)
            if cheap or (len(taken) >= _FEWEST and _alike(taken[-_RECENT:])):
                break
        return taken

    def _visible(self, timed: PreparedCall) -> Launches:
        """Return why launches cannot be hidden: the network synchronises, or launches too many."""
        before = self._cuda.get_sync_debug_mode()
        self._cuda.synchronize(self._index)
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            self._cuda.set_sync_debug_mode("warn")
            try:
                start = time.perf_counter()
                timed.call()
                quick = time.perf_counter() - start < _QUICK_S
            finally:
                self._cuda.set_sync_debug_mode(before)
        said = any(_SYNCHRONISING in str(each.message) for each in seen)
        return "synchronises" if said or quick else "seen"

    def _until_done(self, call: Call, calls: int) -> float:
        self._cuda.synchronize(self._index)
        start = time.perf_counter()
        _repeat(call, calls)
        self._cuda.synchronize(self._index)
        return time.perf_counter() - start

    def _ready_to_flush(self) -> None:
        if self.cold and self._flush is None:
            self._flush = self._flusher()

    def _flusher(self) -> Call:
        properties = self._cuda.get_device_properties(self._index)
        size = 2 * int(getattr(properties, "L2_cache_size", 0) or _FALLBACK_L2)
        buffer = torch.empty(size // 4, dtype=torch.float32, device=self.name)
        total = torch.empty((), dtype=torch.float32, device=self.name)

        def flush() -> None:
            buffer.zero_()
            torch.sum(buffer, dim=0, out=total)

        return flush


def open_cuda(name: str, options: CudaOptions | None = None, cuda: Any = None) -> CudaDevice:
    """Open the device called "cuda" or "cuda:N".

    Raises ``BadValueError`` for a GPU that is not there, or not NVIDIA's: the spins that hide
    launches count another clock there.
    """
    cuda = cuda or torch.cuda
    if torch.version.hip:
        raise BadValueError(
            f"the device {name!r} cannot be timed: this PyTorch is built for ROCm, and clocks and "
            "counters are read as NVIDIA's"
        )
    if not cuda.is_available():
        raise BadValueError(
            f"the device {name!r} cannot be used: this PyTorch ({torch.__version__}) sees no GPU"
        )
    index = int(name.partition(":")[2] or 0)
    if index >= cuda.device_count():
        raise BadValueError(
            f"there is no device {name!r}: this machine has {cuda.device_count()} GPU(s), "
            "numbered from 0"
        )
    return CudaDevice(index, options, cuda)


def _repeat(call: Call, calls: int) -> None:
    for _ in range(calls):
        call()


def _alike(seconds: list[float]) -> bool:
    return max(seconds) <= _ALIKE * min(seconds)
