"""Peak resident memory of this process."""

from __future__ import annotations

import mmap
from pathlib import Path

import pytest
import torch

from opbench.timing import memory
from opbench.timing.memory import watch_resident_memory


def test_the_peak_counts_after_the_memory_was_given_back() -> None:
    size = 64 * 2**20
    peak = watch_resident_memory()
    with mmap.mmap(-1, size) as memory:  # an allocator may have as much left of earlier tests
        memory.write(b"\1" * size)
    # The kernel sums its counters of pages now and then only.
    assert size * 0.95 <= (peak() or 0) < size * 2.5


def test_each_watch_starts_anew() -> None:
    torch.ones(16 * 2**20)
    assert (watch_resident_memory()() or 0) < 2**20


def test_a_sum_of_pages_that_falls_is_no_growth(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(memory, "_STATUS", tmp_path / "status")
    (tmp_path / "status").write_text("Name:\tpython\nVmHWM:\t     100 kB\n")
    peak = watch_resident_memory()
    for kilobytes, growth in ((99, 0), (103, 3 * 1024)):
        (tmp_path / "status").write_text(f"VmHWM:\t     {kilobytes} kB\n")
        assert peak() == growth


def test_where_the_kernel_does_not_tell_the_answer_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(memory, "_CLEAR", tmp_path / "missing" / "clear_refs")
    assert watch_resident_memory()() is None
