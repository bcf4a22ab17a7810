"""Timing on a CUDA device.

A CUDA call returns when it is queued, so its time is read from events that the GPU itself
records.  What is between them must be the network and nothing else:

    launch hidden   the queue is filled while the GPU spins, so that it never waits for Python;
                    the time with launches and a synchronisation is measured beside it
    graph           with ``graph``, the calls are captured once and replayed by one launch each
    cold L2         with ``l2="cold"``, a buffer twice the size of the L2 cache is written before
                    each call, outside the events

TF32, which computes float32 products with ten bits, is ``opbench.timing.tf32``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import torch

from opbench.errors import BadValueError
from opbench.timing.settings import CudaOptions

Call = Callable[[], object]
T = TypeVar("T")

# torch.cuda._sleep counts clock cycles; no GPU runs faster than this, so it never ends too early.
_CYCLES_PER_S = 3e9
_MARGIN = 1.2
_FALLBACK_L2 = 1 << 26


class CudaDevice:
    """One GPU, from now on the current one: events, graphs and what a network makes while it runs
    belong to the current device.  ``cuda`` is ``torch.cuda``, or something that behaves like it.
    """

    asynchronous = True

    def __init__(self, index: int, options: CudaOptions | None = None, cuda: Any = None) -> None:
        self.name = f"cuda:{index}"
        self.options = options or CudaOptions()
        self._index = index
        self._cuda: Any = cuda or torch.cuda
        self._cuda.set_device(index)
        self._queueing_s = 0.0
        self._flush: Call | None = None

    def prepare(self, call: Call) -> Call:
        """Return what to time instead of ``call``: its CUDA graph where asked for, else itself.

        The first call, which loads kernels and chooses algorithms, is the caller's to make.
        """
        timed = self._captured(call) if self.options.graph else call
        self._cuda.synchronize(self._index)
        start = time.perf_counter()
        timed()
        self._queueing_s = time.perf_counter() - start
        self._cuda.synchronize(self._index)
        self._ready_to_flush()
        return timed

    def time(self, call: Call, calls: int) -> float:
        """Measure the GPU's seconds for ``calls`` calls, launches hidden."""
        events = []
        self._cuda.synchronize(self._index)
        self._spin(calls)
        if self._flush is None:
            events.append(self._between_events(lambda: _repeat(call, calls)))
        else:
            for _ in range(calls):
                self._flush()
                events.append(self._between_events(call))
        self._cuda.synchronize(self._index)
        return float(sum(start.elapsed_time(end) for start, end in events)) * 1e-3

    def run(self, call: Call, calls: int) -> float:
        """Measure the seconds from the first call until the GPU has finished the last."""
        if self._flush is not None:
            self._flush()
        self._cuda.synchronize(self._index)
        start = time.perf_counter()
        _repeat(call, calls)
        self._cuda.synchronize(self._index)
        return time.perf_counter() - start

    def look_during(self, call: Call, calls: int, look: Callable[[], T]) -> T:
        """Return ``look()`` after ``calls`` calls were queued and before the last has ended."""
        _repeat(call, calls)
        seen = look()
        self._cuda.synchronize(self._index)
        return seen

    def watch_memory(self) -> Callable[[], int | None]:
        """Start metering the growth of the allocator's peak, in bytes."""
        # What flushes the cache is no part of the network: it is there before.
        self._ready_to_flush()
        self._cuda.synchronize(self._index)
        self._cuda.reset_peak_memory_stats(self._index)
        start = self._cuda.memory_allocated(self._index)
        return lambda: int(self._cuda.max_memory_allocated(self._index)) - start

    def release(self) -> None:
        """Empty the allocator's cache, so that the next network starts as the first did."""
        self._flush = None
        self._cuda.empty_cache()

    def _between_events(self, call: Call) -> tuple[Any, Any]:
        start = self._cuda.Event(enable_timing=True)
        end = self._cuda.Event(enable_timing=True)
        start.record()
        call()
        end.record()
        return start, end

    def _spin(self, calls: int) -> None:
        # Private, but the only kernel in PyTorch that takes time and no bandwidth.
        self._cuda._sleep(int(_MARGIN * _CYCLES_PER_S * self._queueing_s * calls))

    def _captured(self, call: Call) -> Call:
        side = self._cuda.Stream(self._index)
        side.wait_stream(self._cuda.current_stream(self._index))
        with self._cuda.stream(side):
            call()
        self._cuda.current_stream(self._index).wait_stream(side)
        graph = self._cuda.CUDAGraph()
        with self._cuda.graph(graph):
            call()
        replay: Call = graph.replay
        return replay

    def _ready_to_flush(self) -> None:
        if self.options.l2 == "cold" and self._flush is None:
            self._flush = self._flusher()

    def _flusher(self) -> Call:
        properties = self._cuda.get_device_properties(self._index)
        size = 2 * int(getattr(properties, "L2_cache_size", 0) or _FALLBACK_L2)
        buffer = torch.empty(size, dtype=torch.uint8, device=self.name)
        return buffer.zero_


def open_cuda(name: str, options: CudaOptions | None = None, cuda: Any = None) -> CudaDevice:
    """Open the device called "cuda" or "cuda:N".

    Raises ``BadValueError`` for a GPU that is not there.
    """
    cuda = cuda or torch.cuda
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
