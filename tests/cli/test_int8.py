"""--dtype int8: refused with a sentence, and one artefact in run, compare and evaluate."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from opbench.evaluation.calibration import IMAGES, OTHERS
from tests.fixtures import Opbench

NET = """
import torch
from torch import nn

def net():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2)
    ), (torch.randn(1, 3, 8, 8),)
"""
TIMED = ("--in-process", "--rounds", 3, "--max-seconds", 0.05)


@pytest.fixture
def target(tmp_path: Path) -> str:
    """A network whose input is a small image."""
    (tmp_path / "net.py").write_text(NET)
    return f"{tmp_path / 'net.py'}:net"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """More images than are drawn, of two classes."""
    draw = np.random.default_rng(0)
    for label in "ab":
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(IMAGES // 2 + OTHERS):
            pixels = draw.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / label / f"{number}.png")
    return tmp_path / "photos"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--dtype", "int8"), "eager does not quantise a network"),
        (("--dtype", "int8", "--runtime", "onnxruntime"), "add --data PATH"),
        (("--data", "photos"), "--data is for --dtype int8"),
        (("--dtype", "int8", "--runtime", "onnxruntime", "--data", "nowhere"), "does not exist"),
    ],
)
def test_what_cannot_be_is_a_sentence(
    opbench: Opbench, target: str, options: tuple[str, ...], said: str
) -> None:
    result = opbench("run", target, *TIMED, *options)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


def test_evaluate_refuses_a_runtime_that_does_not_quantise(
    opbench: Opbench, target: str, photos: Path, tmp_path: Path
) -> None:
    result = opbench("evaluate", target, "--data", photos, "--dtype", "int8", "--results", tmp_path)
    assert result.exit_code == 2
    assert "eager does not quantise a network" in " ".join(result.stderr.split())
    result = opbench("evaluate", target, "--data", photos, "--dtype", "int7", "--results", tmp_path)
    assert "did you mean int8" in result.stderr


def test_images_of_another_size_are_a_sentence(
    opbench: Opbench, target: str, photos: Path, tmp_path: Path
) -> None:
    asked = ("--dtype", "int8", "--runtime", "onnxruntime", "--data", photos)
    result = opbench("run", target, *TIMED, *asked, "--input-size", "3x9x9", "--results", tmp_path)
    assert result.exit_code == 2
    assert "become inputs of 3x8x8, and the network takes 3x9x9" in " ".join(result.stderr.split())


@pytest.mark.slow
def test_one_artefact_in_a_run_a_comparison_and_an_evaluation(
    opbench: Opbench, target: str, photos: Path, tmp_path: Path, quick_rounds: None
) -> None:
    results = tmp_path / "results"
    asked = ("--dtype", "int8", "--runtime", "onnxruntime", "--data", photos, "--results", results)
    assert opbench("run", target, *TIMED, *asked).exit_code == 0
    assert opbench("evaluate", target, *asked, "--limit", 8, "--batch-size", 1).exit_code == 0
    compared = opbench("compare", target, target, *asked, "--max-seconds", 3, "--format", "json")
    assert compared.exit_code in (0, 1), compared.stderr
    (row,) = json.loads(compared.stdout)
    assert row["base_artefact_bytes"] == row["new_artefact_bytes"] > 0
    assert 0 < row["new_output_error"] < 0.1
    record = _line(results / "runs", "record")
    side = _line(results / "comparisons", "artefact")
    header = _line(results / "evaluations", "header")
    assert record["precision"] == "int8"
    answered = header["artefact"]
    assert isinstance(answered, dict)
    assert record["artefact"] == side["artefact"] == answered["artefact"]
    found = {
        (each["calibration_images"], each["calibration_sha256"]) for each in (record, answered)
    }
    assert found == {(IMAGES, side["calibration_sha256"])}
    # What is to be checked on are others.
    assert record["answers"] == OTHERS
    # A run that is resumed prepares the images again.
    (path,) = (results / "runs").iterdir()
    kept = [line for line in path.read_text().splitlines() if '"kind":"header"' in line]
    path.write_text("\n".join(kept) + "\n")
    resumed = opbench("run", "--resume", "--in-process", "--results", results)
    assert resumed.exit_code == 0, resumed.stderr
    assert _line(results / "runs", "record")["artefact"] == record["artefact"]


def _line(folder: Path, kind: str) -> dict[str, object]:
    """The first line of a kind in the only file of a folder."""
    (path,) = folder.iterdir()
    lines = map(json.loads, path.read_text().splitlines())
    found: dict[str, object] = next(line for line in lines if line["kind"] == kind)
    return found
