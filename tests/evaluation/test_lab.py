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
        variants(asked(tmp_path), Preprocessing(), ["resizing"])


def test_other_weights_are_not_taken_for_the_effect_of_a_choice(
    data: Path, tmp_path: Path, opbench: Opbench
) -> None:
    text = BRIGHT.replace(
        "nn.Module):",
        "nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        self.register_buffer('noise', torch.rand(2) / 9)\n",
    )
    net = target(tmp_path, text, "Bright")
    asked = [net, "--data", str(data), "--results", str(tmp_path / "r")]
    result = opbench("evaluate", *asked, "--vary", "batch-size", "--format", "json")
    assert result.exit_code == 0
    _, *others = json.loads(result.stdout)
    assert [row["choice"] for row in others] == ["1", "7", "64"]
    assert all("other weights" in row["reason"] for row in others)
    assert all(row["verdict"] is None for row in others)
    assert "nothing to resume" not in result.stderr


def test_one_network_that_fails_does_not_stop_the_others(
    data: Path, tmp_path: Path, opbench: Opbench
) -> None:
    net = target(tmp_path, BRIGHT, "Bright")
    asked = ["lenet5", net, "--data", str(data), "--results", str(tmp_path / "r")]
    result = opbench("evaluate", *asked, "--vary", "batch-size", "--format", "json")
    assert result.exit_code == 1
    first, *others = json.loads(result.stdout)
    assert "--weights" in first["reason"]
    assert [row["choice"] for row in others if row["key"]] == ["1", "7", "64"]


def test_a_choice_that_fails_on_an_image_is_a_row(
    data: Path, tmp_path: Path, opbench: Opbench
) -> None:
    """In half precision 70000 is infinite, so the white images have no answer."""
    text = BRIGHT.replace("return torch.cat", "pixel = pixel * 7e4\n        return torch.cat")
    net = target(tmp_path, text, "Bright")
    asked = [net, "--data", str(data), "--results", str(tmp_path / "r")]
    result = opbench("evaluate", *asked, "--vary", "dtype", "--format", "json")
    assert result.exit_code == 0, result.stderr
    found = {row["choice"]: row for row in json.loads(result.stdout)}
    assert "different images" in found["float16"]["reason"]
    assert (found["float64"]["reason"], found["float64"]["difference"]) == (None, 0.0)


def test_a_shard_is_not_varied(data: Path, tmp_path: Path, opbench: Opbench) -> None:
    asked = [target(tmp_path, BRIGHT, "Bright"), "--data", str(data), "--shard", "1/2"]
    result = opbench("evaluate", *asked, "--vary", "resize", "--results", str(tmp_path / "r"))
    assert result.exit_code == 2
    assert "remove --shard" in result.stderr
    assert not (tmp_path / "r").exists()


def test_a_key_without_another_choice_is_told(data: Path, tmp_path: Path, opbench: Opbench) -> None:
    asked = [target(tmp_path, BRIGHT, "Bright"), "--data", str(data), "--format", "json"]
    result = opbench("evaluate", *asked, "--vary", "crop", "--results", str(tmp_path / "r"))
    assert result.exit_code == 0, result.stderr
    _, row = json.loads(result.stdout)
    assert (row["key"], row["choice"]) == ("crop", "")
    assert "--crop" in row["reason"]


def test_a_key_that_is_named_twice_is_varied_once(tmp_path: Path) -> None:
    found = variants(asked(tmp_path), Preprocessing(), ["batch-size", "batch-size"])
    assert [each.choice for each in found] == ["1", "7", "64"]


def test_an_image_that_no_choice_can_read_is_told(
    data: Path, tmp_path: Path, opbench: Opbench
) -> None:
    (data / "1-bright" / "broken.png").write_bytes(b"no image")
    asked = [target(tmp_path, BRIGHT, "Bright"), "--data", str(data), "--format", "json"]
    result = opbench("evaluate", *asked, "--vary", "batch-size", "--results", str(tmp_path / "r"))
    assert result.exit_code == 1
    assert "broken.png" in result.stderr
    assert [row["difference"] for row in json.loads(result.stdout)] == [None, 0.0, 0.0, 0.0]
