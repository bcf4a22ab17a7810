"""A network that fails reads the same in ``count``, ``check`` and ``run``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fixtures import Opbench

NET = """\
from torch import nn

def fine():
    return nn.Conv2d(3, 4, 3)

class Raises(nn.Module):
    def forward(self, x):
        raise ValueError("half-way\\nthrough")

class Exits(nn.Module):
    def forward(self, x):
        raise SystemExit(3)

def wrapped():
    return nn.Sequential(nn.ReLU(), Raises())

def narrow():
    return nn.Sequential(nn.Flatten(), nn.Linear(7, 5))

def unbuildable():
    return {}["weights"]
"""
SAID = {
    "net.py:Raises": "Raises cannot run on 1x3x8x8: ValueError: half-way (net.py, line 8)",
    "net.py:Exits": "Exits cannot run on 1x3x8x8: SystemExit: 3 (net.py, line 12)",
    "net.py:wrapped": (
        "Sequential cannot run on 1x3x8x8 (in 1): ValueError: half-way (net.py, line 8)"
    ),
    "net.py:narrow": (
        "Sequential cannot run on 1x3x8x8 (in 1): RuntimeError: "
        "mat1 and mat2 shapes cannot be multiplied (1x192 and 7x5)"
    ),
    "net.py:unbuildable": (
        "the target 'net.py:unbuildable' cannot be built: KeyError: 'weights' (net.py, line 21)"
    ),
    "torn.py:net": (
        "the target 'torn.py:net' cannot be built: SyntaxError: '(' was never closed "
        "(torn.py, line 2)"
    ),
}
SIZE = ("--input-size", "3x8x8", "--format", "json")

Reasons = Callable[[str], str]


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "torn.py").write_text("x = 1\nnet = (\n")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def count(opbench: Opbench) -> Reasons:
    def reason(name: str) -> str:
        failed, fine = json.loads(opbench("count", name, "net.py:fine", *SIZE).stdout)
        assert fine["macs"] == 6 * 6 * 4 * 27
        return str(failed["error"])

    return reason


@pytest.fixture
def check(opbench: Opbench) -> Reasons:
    def reason(name: str) -> str:
        assert opbench("check", "--update", "net.py:fine", *SIZE).exit_code == 0
        (row,) = json.loads(opbench("check", name, *SIZE).stdout)
        assert row["status"] == "cannot count"
        return str(row["note"])

    return reason


@pytest.fixture
def run(opbench: Opbench, quick_rounds: None) -> Reasons:
    def reason(name: str) -> str:
        quick = ("--in-process", "--rounds", "3", "--max-seconds", "0.01")
        failed, fine = json.loads(opbench("run", name, "net.py:fine", *SIZE, *quick).stdout)
        assert fine["macs"] == 6 * 6 * 4 * 27
        return str(failed["reason"])

    return reason


@pytest.mark.parametrize("command", ["count", "check", "run"])
@pytest.mark.parametrize("name", SAID)
def test_a_broken_network_reads_the_same_in_every_command(
    name: str, command: str, request: pytest.FixtureRequest
) -> None:
    reason: Reasons = request.getfixturevalue(command)
    assert reason(name) == SAID[name]
