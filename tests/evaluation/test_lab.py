"""``opbench evaluate --vary``: choices whose effect on every image is known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from opbench.accuracy.measured.preprocessing import Preprocessing
from opbench.errors import UnknownNameError
from opbench.evaluation.lab import variants
from opbench.evaluation.settings import AskedEvaluation
from opbench.registry.targets import resolve
from opbench.spec import Shape
from tests.evaluation.images import target
from tests.fixtures import Opbench

# Bright or not, by the first pixel.
BRIGHT = """
import torch
from torch import nn

class Bright(nn.Module):
    def forward(self, images):
        pixel = images[:, 0, 0, 0, None]
        return torch.cat([0.75 - pixel, pixel - 0.75], 1)
"""
WHITE, DARK, CHECKERED = 20, 8, 12


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """White and dark images, and white ones with a black pixel beside each white one."""
    board = Image.new("L", (8, 8))
    board.putdata([255 * ((x + y) % 2 == 0) for y in range(8) for x in range(8)])
    images = {
        "bright": [Image.new("L", (8, 8), 255)] * WHITE + [board] * CHECKERED,
        "dark": [Image.new("L", (8, 8), 20)] * DARK,
    }
    for name, each in images.items():
        folder = tmp_path / "data" / f"{len(each) > DARK:d}-{name}"
        folder.mkdir(parents=True)
        for number, image in enumerate(each):
            image.save(folder / f"{number}.png")
    return tmp_path / "data"


def test_a_choice_gains_the_images_that_it_was_made_to(
    data: Path, tmp_path: Path, opbench: Opbench
) -> None:
    net = target(tmp_path, BRIGHT, "Bright")
    asked = [net, "--data", str(data), "--resize", "4x4", "--results", str(tmp_path / "r")]
    result = opbench("evaluate", *asked, "--vary", "interpolation,batch-size", "--format", "json")
    assert result.exit_code == 0, result.stderr
    base, *others = json.loads(result.stdout)
    images = WHITE + DARK + CHECKERED
    assert base["top1"] == pytest.approx(100 * (WHITE + DARK) / images)
    found = {(row["key"], row["choice"]): row for row in others}
    # Of a checkerboard halved, any smoothing leaves grey, and the nearest pixel is a white one.
    nearest = found["interpolation", "nearest"]
    assert (len(nearest["gained"]), nearest["lost"]) == (CHECKERED, [])
    assert all(name.startswith("1-bright/") for name in nearest["gained"])
    assert nearest["difference"] == pytest.approx(100 * CHECKERED / images)
    assert (nearest["verdict"], nearest["low"] > 0) == ("BETTER", True)
    for size in ("1", "7", "64"):
        same = found["batch-size", size]
        assert (same["gained"], same["lost"], same["difference"]) == ([], [], 0.0)


def test_what_was_tried_is_not_tried_again(data: Path, tmp_path: Path, opbench: Opbench) -> None:
    net = target(tmp_path, BRIGHT, "Bright")
    asked = [net, "--data", str(data), "--resize", "4x4", "--results", str(tmp_path / "r")]
    for _ in range(2):
        assert opbench("evaluate", *asked, "--vary", "antialias").exit_code == 0
        assert len([*(tmp_path / "r" / "evaluations").iterdir()]) == 2


def asked(tmp_path: Path) -> AskedEvaluation:
    (net,) = resolve([target(tmp_path, BRIGHT, "Bright")])
    return AskedEvaluation(target=net, data=tmp_path)


def test_each_variant_differs_in_what_is_varied_and_in_nothing_else(tmp_path: Path) -> None:
    base = Preprocessing(
        resize=Shape((256,)), crop=Shape((224, 224)), mean=(0.5,) * 3, std=(1,) * 3
    )
    keys = ("resize", "crop", "interpolation", "antialias", "decoder")
    for each in variants(asked(tmp_path), base, keys):
        given = each.asked.options.given
        differing = {name for name, value in given.items() if value != getattr(base, name)}
        assert differing in ({each.key}, {"resize", "crop"}), each.choice
        assert each.asked.settings == asked(tmp_path).settings
    choices = [each.choice for each in variants(asked(tmp_path), base, ["resize"])]
    assert choices == ["short side 224", "256x256"]


def test_what_cannot_be_varied_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="resize"):
        variants(asked(tmp_path), Preprocessing(), ["rezise"])
