"""One artefact: what a run times and what an evaluation asks have the same hash, or not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import opbench as opbench_package
from opbench.runtimes import Example, Executable, ExecutionSettings, Runtime, find, names
from tests.evaluation.images import listing
from tests.fixtures import Opbench

IMAGES = [(number % 2, number % 2) for number in range(8)]
QUICK = ("--in-process", "--rounds", 3, "--max-seconds", 0.05)


def _negative(network: nn.Module, example: Example, settings: ExecutionSettings) -> Executable:
    return Executable(call=lambda x: -network(x), precision=settings.precision)


NEGATIVE = Runtime(name="negative", prepare=_negative)


@pytest.fixture
def _negative_runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A broken conversion of another package: every output has the other sign."""
    point = EntryPoint("negative", "tests.runs.test_artefacts:NEGATIVE", "opbench.runtimes")
    monkeypatch.setattr(
        "opbench.runtimes.lookup.entry_points",
        lambda group, name="negative": [point] if name == "negative" else [],
    )
    names.cache_clear()
    find.cache_clear()
    yield
    names.cache_clear()
    find.cache_clear()


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """LeNet-5 with weights of its own, in a file."""
    torch.manual_seed(1)
    path = tmp_path / "lenet5.pth"
    torch.save(opbench_package.create("lenet5").state_dict(), path)
    return path


def evaluated(opbench: Opbench, results: Path, *options: object) -> dict[str, Any]:
    """The artefact in the header of an evaluation."""
    data = results / "images" / "images.csv"
    if not data.is_file():
        listing(data.parent, IMAGES)
    protocol = ("--resize", "32x32", "--batch-size", 4)
    result = opbench(
        "evaluate", "lenet5", "--data", data, *protocol, *options, "--results", results
    )
    assert result.exit_code == 0, result.stderr
    newest = max((results / "evaluations").iterdir())
    header: dict[str, Any] = json.loads(newest.read_text().splitlines()[0])
    newest.unlink()
    made: dict[str, Any] = header["artefact"]
    return made | {"said": result.stderr}


def timed(opbench: Opbench, results: Path, *options: object) -> dict[str, Any]:
    """The record of a run of one cell."""
    result = opbench("run", "lenet5", *QUICK, *options, "--results", results)
    assert result.exit_code == 0, result.stderr
    newest = max((results / "runs").iterdir())
    lines = [json.loads(line) for line in newest.read_text().splitlines()]
    newest.unlink()
    (record,) = (each for each in lines if each["kind"] == "record")
    return dict(record)


@pytest.mark.usefixtures("quick_rounds")
def test_a_run_and_an_evaluation_of_the_same_weights_are_of_one_artefact(
    opbench: Opbench, tmp_path: Path, weights: Path
) -> None:
    asked = evaluated(opbench, tmp_path, "--weights", weights)
    for batch in (1, 2):
        ran = timed(opbench, tmp_path, "--weights", weights, "--batch-size", batch)
        assert ran["artefact"] == asked["artefact"]
        assert ran["weights_sha256"] == asked["weights_sha256"]
    random = timed(opbench, tmp_path)
    assert random["artefact"] != asked["artefact"]
    assert random["weights_sha256"] != asked["weights_sha256"]


@pytest.mark.usefixtures("quick_rounds")
def test_half_precision_is_another_artefact_of_the_same_weights(
    opbench: Opbench, tmp_path: Path, weights: Path
) -> None:
    options = ("--weights", weights, "--dtype", "bfloat16")
    asked, ran = evaluated(opbench, tmp_path, *options), timed(opbench, tmp_path, *options)
    full = timed(opbench, tmp_path, "--weights", weights)
    assert ran["artefact"] == asked["artefact"] != full["artefact"]
    assert ran["weights_sha256"] == asked["weights_sha256"] == full["weights_sha256"]
    # A rounding changes a number by up to 2^-8 of it.
    assert 0 < asked["output_error"] < 0.1


@pytest.mark.usefixtures("_negative_runtime")
def test_a_broken_conversion_is_said_and_its_accuracy_does_not_count(
    opbench: Opbench, tmp_path: Path, weights: Path
) -> None:
    asked = evaluated(opbench, tmp_path, "--weights", weights, "--runtime", "negative")
    assert asked["output_error"] == pytest.approx(2.0, rel=1e-3)
    assert "differ from those of eager float32" in asked["said"]


def test_weights_that_are_not_to_be_had_are_refused_before_anything_is_timed(
    opbench: Opbench, tmp_path: Path
) -> None:
    for weights, said in (
        ("pretrained", "lenet5 is built without weights"),
        (tmp_path / "none.pth", "does not exist"),
    ):
        result = opbench("run", "lenet5", *QUICK, "--weights", weights, "--results", tmp_path)
        assert result.exit_code == 2
        assert said in result.stderr
    assert not (tmp_path / "runs").exists()
