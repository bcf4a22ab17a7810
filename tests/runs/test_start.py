"""Starting a run: what is asked of workers, and what is held until the run ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from opbench.runs import start
from opbench.runs.plan import Sweep
from opbench.runs.pool import Reply
from opbench.runs.start import prepare
from opbench.timing.protocol import Protocol
from opbench.timing.settings import CudaOptions
from tests.runs.workers import FakeWorkers

FOUND = {
    "targets": [{"name": "lenet5", "input_size": "1x32x32"}],
    "facts": {"torch": "2.13.0"},
    "gpus": {"cuda:0": "1234"},
}


class Finder(FakeWorkers):
    """Workers that find one network and one GPU."""

    def ask(self, request: Mapping[str, Any]) -> Reply:
        return Reply(done=FOUND if request["job"] == "targets" else {"refusal": ""})


def test_whoever_starts_a_run_holds_the_driver_of_its_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[str] = []
    monkeypatch.setattr(start, "open_gpu", held.append)
    sweep = Sweep(devices=("cuda",))
    prepared = prepare(["lenet5"], sweep, Protocol(), CudaOptions(), Finder())
    assert held == ["1234"]
    assert prepared.settings.gpus == {"cuda:0": "1234"}
