"""Shared fixtures: the command line run in-process, and little files to point it at."""

from __future__ import annotations

import gc
import json
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, settings
from tqdm import tqdm  # type: ignore[import-untyped]
from typer.testing import CliRunner

from opbench.cli import app
from opbench.processes import calls
from opbench.runs import devices
from opbench.timing import ceilings, measurement, quality, reference, yardstick
from tests.fixtures import Opbench, Rows, Write

# The same examples everywhere, however busy the machine is.
settings.register_profile(
    "opbench",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("opbench")

# Each of xdist's processes, and all that it starts, is a host of its own to the locks of devices.
_HOST = tempfile.TemporaryDirectory(prefix="opbench-", dir=tempfile.gettempdir())
os.environ["TMPDIR"] = _HOST.name
devices.LOCAL = Path(_HOST.name)

# xdist runs a process on each core: threads of several would only wait for each other's cores.
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"

# Its thread, once started, would be one that is older than each count.
tqdm.monitor_interval = 0

# A shell lets what it starts in the background ignore Ctrl-C; processes of tests must not.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Leave what was imported out of each collection of garbage, as a process that counts does."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module")
def all_objects() -> Iterator[None]:
    """Have the objects of this module, too, found by the garbage collector."""
    gc.unfreeze()
    yield
    gc.freeze()


@pytest.fixture(autouse=True)
def _own_search_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo what a command sets for the processes that it starts."""
    monkeypatch.setenv("PYTHONSAFEPATH", "")


@pytest.fixture
def opbench(monkeypatch: pytest.MonkeyPatch) -> Opbench:
    """``opbench("count", "vgg16")`` runs the command line; the result has exit_code, stdout,
    stderr.  It counts in this process: starting another with torch would take seconds."""
    monkeypatch.setattr("opbench.live.player.FORKS", calls.FORKS)  # copied when first imported
    monkeypatch.setattr(calls, "FORKS", False)
    return lambda *args: CliRunner().invoke(app, [str(arg) for arg in args])


@pytest.fixture
def rows(opbench: Opbench) -> Rows:
    """What a command prints as JSON; the command has to succeed."""

    def run(*args: object) -> list[dict[str, Any]]:
        result = opbench(*args, "--format", "json")
        assert result.exit_code == 0, result.stderr
        parsed: list[dict[str, Any]] = json.loads(result.stdout)
        return parsed

    return run


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file into an empty folder and return its path."""

    def to(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return to


@pytest.fixture
def quick_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure ceilings, fixed work and yardstick by work of almost nothing, and no rounds again
    because a busy machine kept a network waiting: for tests of all but the numbers."""
    monkeypatch.setattr(ceilings, "_SECONDS", 0.0)
    monkeypatch.setattr(ceilings, "_COPY_BYTES", {"cpu": 1 << 16})
    monkeypatch.setattr(ceilings, "_SMALLEST_PRODUCT", 64)
    monkeypatch.setattr(ceilings, "_LARGEST_PRODUCT", 64)
    monkeypatch.setattr(reference, "_CHANNELS", 4)
    monkeypatch.setattr(reference, "_EDGE", 8)
    monkeypatch.setattr(yardstick, "_PRODUCT", {"cpu": 64})
    monkeypatch.setattr(yardstick, "_COPY", {"cpu": 1 << 16})
    # It walks a million objects of PyTorch and pytest before each round.
    monkeypatch.setattr(measurement, "_collector_paused", nullcontext)
    monkeypatch.setattr(quality, "_starved", lambda rounds: 0)
