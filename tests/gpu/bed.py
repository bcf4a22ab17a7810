"""The device under test, or the processor in its place, so that a part can be tried anywhere.

In a dry run ``torch.cuda`` keeps its names: an event reads the clock, a stream is nothing, a graph
is empty.  Networks are the smallest, and everything takes a small part of its time.  The numbers
mean nothing then; what is tried is that each part runs to its end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch

from opbench.counting.tracing.torch_state import kept_settings
from opbench.record import Cell
from opbench.registry.targets import resolve
from opbench.runs.network import build
from opbench.spec import Shape
from tests.timing.fakes import FakeNvml

Call = Callable[[], object]

# The smallest network of the registry, which stands for all of them in a dry run.
SMALLEST = "lenet5"
_DRY_CLOCK_HZ = 2e9
_DRY_SECONDS = 0.02


@dataclass(frozen=True, kw_only=True)
class Bed:
    """The device and where results go; ``seconds`` left to the part."""

    folder: Path
    seconds: float
    dry: bool = False

    @property
    def device(self) -> str:
        """PyTorch's name of it."""
        return "cpu" if self.dry else "cuda:0"

    def lasting(self, seconds: float) -> float:
        """Return seconds to spend: hardly any in a dry run."""
        return seconds * _DRY_SECONDS if self.dry else seconds

    def networks(self, *names: str) -> tuple[str, ...]:
        """Return the networks to try: the smallest in a dry run."""
        return (SMALLEST,) if self.dry else names

    def size(self, large: int, small: int) -> int:
        """Return a size, the small one in a dry run."""
        return small if self.dry else large

    def forward(self, name: str, mode: str | None = None, **settings: Any) -> Call:
        """Build a network of the registry with random weights and images, and return its pass.

        ``mode`` is that of the compiler, which a dry run leaves out: it takes a minute.
        """
        (target,) = resolve([name])
        settings = {"batch_size": 1, **({} if self.dry else settings)}
        cell = Cell(
            name=name, input_size=Shape(target.input_size or ()), device=self.device, **settings
        )
        network = build(cell, own_inputs=False, seed=0)
        return network.call("eager" if mode is None or self.dry else "compile", mode)

    def nvml(self) -> tuple[Any, Any]:
        """Return NVIDIA's management library, ready, and the handle of the first GPU."""
        if self.dry:
            began = time.monotonic()
            fake = FakeNvml(joules=lambda: 200 * (time.monotonic() - began))
            return fake, "GPU-1234"
        pynvml = import_module("pynvml")
        pynvml.nvmlInit()
        return pynvml, pynvml.nvmlDeviceGetHandleByIndex(0)


@contextmanager
def playing_gpu() -> Iterator[None]:
    """Let one thread of the processor play the GPU."""
    names: dict[str, Any] = {
        "Event": _Event,
        "Stream": _stream,
        "CUDAGraph": lambda: SimpleNamespace(replay=lambda: time.sleep(1e-5)),
        "_sleep": lambda cycles: time.sleep(cycles / _DRY_CLOCK_HZ * _DRY_SECONDS),
        "current_stream": _stream,
        "stream": lambda _: nullcontext(),
        "graph": lambda _: nullcontext(),
        "synchronize": lambda *_: None,
        "memory_allocated": lambda *_: 0,
    }
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with kept_settings(), mock.patch.multiple(torch.cuda, **names):
            yield
    finally:
        torch.set_num_threads(threads)


def _stream(*_: Any) -> Any:
    return SimpleNamespace(wait_stream=lambda _: None)


class _Event:
    """A moment of the processor's clock."""

    def __init__(self, *, enable_timing: bool) -> None:
        assert enable_timing

    def record(self) -> None:
        self.at = time.perf_counter()

    def query(self) -> bool:
        return True  # nothing is ever hidden

    def elapsed_time(self, end: _Event) -> float:
        return max(end.at - self.at, 1e-7) * 1e3
