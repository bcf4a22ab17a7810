"""Peaks of the allocator, and what libraries take of it for themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

import opbench
from opbench.timing.settings import CudaOptions
from tests.gpu.bed import SMALLEST, Bed
from tests.gpu.checks.hidden import by_opbench
from tests.gpu.outcome import Finding

_MIB = 1 << 20
_ROWS = 4096
_WORKSPACE = 32 * _MIB


def peaks(bed: Bed) -> Iterator[Finding]:
    """Read the peak of one product twice, in a process that made none before; then of graphs."""
    linear = nn.Linear(1024, 1024, bias=False, device=bed.device)
    rows = bed.size(_ROWS, 64)
    images, output = torch.ones(rows, 1024, device=bed.device), rows * 1024 * 4
    seconds = bed.lasting(0.3)
    first, again = (
        opbench.measure(linear, images, max_seconds=seconds).peak_memory_bytes for _ in range(2)
    )
    yield Finding(
        what="opbench.measure leaves the workspace of cuBLAS out of the first peak in a process",
        expected="16 MiB both times (48 MiB at first, where it is not left out)",
        seen=f"{_mib(first)}, then {_mib(again)}",
        holds=first is not None and abs(first - output) < 0.01 * output and first == again,
        numbers={"first_bytes": first, "again_bytes": again},
    )
    yield _workspace(bed)
    yield _of_a_graph(bed)


def _workspace(bed: Bed) -> Finding:
    stream, left = torch.cuda.Stream(), torch.rand(256, 256, device=bed.device)
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    with torch.cuda.stream(stream):
        product = left @ left
    torch.cuda.synchronize()
    taken = torch.cuda.memory_allocated() - before - product.nbytes
    return Finding(
        what="cuBLAS takes a workspace from PyTorch's allocator for each stream",
        expected="32 MiB on Hopper at the first product of a stream",
        seen=_mib(taken),
        holds=abs(taken - _WORKSPACE) <= _MIB,
        numbers={"workspace_bytes": taken},
    )


def _of_a_graph(bed: Bed) -> Finding:
    call = bed.forward(SMALLEST)
    call()
    eager = by_opbench(bed, call).peak_memory_bytes
    graph = by_opbench(bed, call, CudaOptions(graph=True)).peak_memory_bytes
    return Finding(
        what="the peak of a network as a CUDA graph has no workspaces of further streams in it",
        expected="about as eager, 0.6 MiB (64 MiB more, where the streams' workspaces are in it)",
        seen=f"{_mib(eager)} eager, {_mib(graph)} as a graph",
        holds=eager is not None and graph is not None and graph - eager < 8 * _MIB,
        numbers={"eager_bytes": eager, "graph_bytes": graph},
    )


def _mib(size: Any) -> str:
    return "unknown" if size is None else f"{size / _MIB:.2f} MiB"
