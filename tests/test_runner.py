"""Runs of small networks of our own: what is written, and what goes on after a failure."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from opbench.errors import BadValueError
from opbench.runner import Cell, Summary, Watcher, make_plan, run_plan
from opbench.store import Run, RunWriter, read_run
from opbench.targets import Target
from opbench.timing.device import open_device
from opbench.timing.protocol import Protocol

QUICK = Protocol(precision=0.5, max_seconds=0.05)


def _target(name: str, module: Callable[[], nn.Module]) -> Target:
    return Target(name=name, build=lambda: (module(), None), input_size=(3, 8, 8))


class Broken(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        raise ValueError("no such layer\nwith a long story")


class Greedy(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        if images.device.type == "meta":
            return images
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 MiB.")


CONV = _target("conv", lambda: nn.Conv2d(3, 4, 3))
BROKEN = _target("broken", Broken)
GREEDY = _target("greedy", Greedy)


def _run(folder: Path, *cells: Cell, watcher: Watcher | None = None) -> tuple[Summary, Run]:
    summary = Summary(planned=len(cells))
    with RunWriter.create(folder) as writer:
        with suppress(KeyboardInterrupt):
            run_plan(cells, open_device("cpu"), QUICK, writer, watcher or Watcher(), summary)
        return summary, read_run(writer.path)


def test_the_plan_is_the_product_of_targets_and_batch_sizes() -> None:
    plan = make_plan([CONV, BROKEN], [1, 4, 4])
    assert [(cell.target.name, cell.batch_size) for cell in plan] == [
        ("conv", 1),
        ("conv", 4),
        ("broken", 1),
        ("broken", 4),
    ]
    assert {cell.size_text for cell in plan} == {"3x8x8"}
    assert make_plan([CONV], [1], (3, 16, 16))[0].size_text == "3x16x16"


def test_a_batch_of_none_is_refused() -> None:
    with pytest.raises(BadValueError, match="batch of 0"):
        make_plan([CONV], [1, 0])


def test_a_record_carries_counts_for_the_batch_beside_the_samples(tmp_path: Path) -> None:
    _, run = _run(tmp_path, *make_plan([CONV], [2]))
    (record,) = run.of_kind("record")
    assert record["macs"] == 2 * 6 * 6 * 4 * 27
    assert record["params"] == 4 * 27 + 4
    assert (record["name"], record["device"], record["dtype"]) == ("conv", "cpu", "float32")
    assert len(record["samples_s"]) >= 6
    assert record["low_s"] <= record["median_s"] <= record["high_s"]
    assert run.header["environment"]["torch"] == torch.__version__
    assert run.header["plan"] == [{"name": "conv", "input_size": "3x8x8", "batch_size": 2}]
    assert run.finished


def test_a_network_that_fails_is_a_row_and_the_run_goes_on(tmp_path: Path) -> None:
    summary, run = _run(tmp_path, *make_plan([BROKEN, GREEDY, CONV], [1]))
    assert [line["kind"] for line in run.lines] == ["failure", "failure", "record", "end"]
    broken, greedy = run.of_kind("failure")
    assert "no such layer" in broken["reason"]
    assert "\n" not in broken["reason"]
    assert greedy["reason"].startswith("out of memory: ")
    assert (len(summary.failures), len(summary.records)) == (2, 1)


def test_a_target_without_an_input_size_is_a_row_that_says_so(tmp_path: Path) -> None:
    silent = Target(name="silent", build=lambda: (nn.Conv2d(3, 4, 3), None))
    summary, _ = _run(tmp_path, *make_plan([silent], [1]))
    assert "--input-size" in summary.failures[0].reason


def test_what_was_measured_before_an_interrupt_stays(tmp_path: Path) -> None:
    def interrupt(cell: Any, index: int) -> None:
        if index == 1:
            raise KeyboardInterrupt

    cells = make_plan([CONV], [1, 2, 4])
    summary, run = _run(tmp_path, *cells, watcher=Watcher(started=interrupt))
    assert [line["kind"] for line in run.lines] == ["record", "end"]
    assert run.of_kind("end")[0]["reason"] == "interrupted"
    assert not run.finished
    assert summary.done == 1
