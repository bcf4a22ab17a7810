"""``opbench doctor``: facts, what is missing, what disturbs."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
import torch

from opbench.timing import energy
from tests.fixtures import Opbench

# The package's attribute of that name is the command itself.
module = import_module("opbench.cli.doctor")


def test_facts_are_those_of_a_runs_header(rows: Callable[..., list[dict[str, Any]]]) -> None:
    facts = {row["name"]: row["value"] for row in rows("doctor") if row["what"] == "fact"}
    assert facts["torch"] == torch.__version__
    assert facts["logical_cores"] == os.cpu_count()


def test_what_is_missing_says_how_to_get_it(
    rows: Callable[..., list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    missing = {row["name"]: row["advice"] for row in rows("doctor") if row["what"] == "missing"}
    assert {"torchvision", "timm", "pynvml"} <= missing.keys()
    assert all("pip install" in missing[name] for name in ("torchvision", "timm", "pynvml"))


def test_without_pytorch_it_says_that_first(
    opbench: Opbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_of_torch", lambda: ({}, {}))
    result = opbench("doctor", "--format", "markdown")
    assert result.exit_code == 0
    assert "nothing can be counted or timed" in result.stdout


@pytest.mark.parametrize(("power", "gpu_missing"), [({}, True), ({"power_w": 70.0}, False)])
def test_energy_that_cannot_be_measured_is_missing_with_the_reason(
    rows: Callable[..., list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
    power: dict[str, float],
    gpu_missing: bool,
) -> None:
    monkeypatch.setattr(energy, "cpu_meter", lambda: None)
    monkeypatch.setattr(module, "_of_torch", lambda: ({"gpu": "NVIDIA Paper 100"}, power))
    missing = {row["name"]: row["advice"] for row in rows("doctor") if row["what"] == "missing"}
    assert missing["energy of the processor"] == energy.why_not_measured("cpu")
    assert ("energy of the GPU" in missing) == gpu_missing


def test_runtimes_are_here_with_versions_or_missing_with_the_command(
    rows: Callable[..., list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "opbench.runtimes.runtime.find_spec", lambda name: None if name == "openvino" else True
    )
    told = {row["name"]: row for row in rows("doctor") if row["name"].startswith("runtime ")}
    assert told["runtime eager"]["what"] == "runtime"
    assert told["runtime eager"]["value"] == f"torch {torch.__version__}"
    assert "CPUExecutionProvider" in told["runtime onnxruntime"]["value"]
    assert told["runtime openvino"]["what"] == "missing"
    assert "pip install 'opbench[openvino]'" in told["runtime openvino"]["advice"]
