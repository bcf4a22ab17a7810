"""Nothing of one network is left for the next one of the process."""

from __future__ import annotations

import gc
import sys
import weakref
from types import SimpleNamespace

import pytest
import torch

from opbench.timing.between import clear
from opbench.timing.cuda import CudaDevice
from opbench.timing.device import CpuDevice
from tests.timing.fakes import FakeCuda


class Cycle:
    """An object that only the collector frees."""

    def __init__(self) -> None:
        self.itself = self


def test_garbage_is_freed_before_the_cache_is_emptied(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = FakeCuda()
    alive: list[object] = []
    network = weakref.ref(Cycle())
    monkeypatch.setattr(cuda, "empty_cache", lambda: alive.append(network()))
    gc.disable()
    try:
        clear(CudaDevice(0, cuda=cuda))
    finally:
        gc.enable()
    assert alive == [None]


def test_the_workspaces_of_a_network_are_not_left_for_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[str] = []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    clearing = lambda: done.append("workspaces")  # noqa: E731
    monkeypatch.setattr(torch._C, "_cuda_clearCublasWorkspaces", clearing, raising=False)
    cuda = FakeCuda()
    monkeypatch.setattr(cuda, "empty_cache", lambda: done.append("cache"))
    clear(CudaDevice(0, cuda=cuda))
    assert done == ["workspaces", "cache"]


def test_compiled_graphs_are_dropped_and_a_compiler_is_not_loaded_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dropped: list[str] = []
    compiler = SimpleNamespace(reset=lambda: dropped.append("graphs"))
    monkeypatch.delitem(sys.modules, "torch._dynamo", raising=False)
    clear(CpuDevice())
    assert not dropped
    monkeypatch.setitem(sys.modules, "torch._dynamo", compiler)
    clear(CpuDevice())
    assert dropped == ["graphs"]
