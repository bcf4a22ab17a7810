"""``opbench evaluate`` on networks of known accuracy: exact numbers for every layout, shard, batch
size and point at which it was stopped."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import opbench
from opbench.accuracy.measured.store import read_evaluations
from opbench.errors import BadValueError
from tests.evaluation.images import CLASSES, LAYOUTS, READER, SIDE, STEP, folder, idx, pixel, target
from tests.fixtures import Opbench

# Of 40 images 31 ask for their class, 5 for its neighbour, and 4 for a class that is far away.
RIGHT, NEAR, FAR = 31, 5, 4
IMAGES = [
    *((label % CLASSES, label % CLASSES) for label in range(RIGHT)),
    *((2, 3) for _ in range(NEAR)),
    *((0, 7) for _ in range(FAR)),
]


def rows(opbench: Opbench, *arguments: object, exit_code: int = 0) -> list[dict[str, Any]]:
    result = opbench("evaluate", *map(str, arguments), "--format", "json")
    assert result.exit_code == exit_code, result.stderr
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def answers(results: Path) -> dict[str, tuple[int, ...]]:
    """The best classes of every image, which has to be there once."""
    found: dict[str, tuple[int, ...]] = {}
    for evaluation in read_evaluations(results)[0]:
        assert not evaluation.twice
        found |= {name: answer.top for name, answer in evaluation.answers.items()}
    return found


def wilson(right: int, images: int) -> tuple[float, float]:
    """Both ends of Wilson's interval, as the roots of a quadratic equation."""
    z, share = 1.959963984540054, right / images
    a, b, c = 1 + z * z / images, -(2 * share + z * z / images), share * share
    root = math.sqrt(b * b - 4 * a * c)
    return 100 * (-b - root) / (2 * a), 100 * (-b + root) / (2 * a)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_accuracy_that_was_planted(
    layout: str, tmp_path: Path, opbench: Opbench
) -> None:
    data = LAYOUTS[layout](tmp_path / "data", IMAGES)
    (row,) = rows(opbench, target(tmp_path), "--data", data, "--results", tmp_path / "r")
    assert row["images"] == len(IMAGES) == 40
    assert row["top1"] == 100 * RIGHT / 40
    assert (row["top1_low"], row["top1_high"]) == pytest.approx(wilson(RIGHT, 40))
    # The five best are the answer and the nearest classes: 2 is next to 3, and 0 far from 7.
    assert row["top5"] == 100 * (RIGHT + NEAR) / 40
    assert (row["unanswered"], row["missing"], row["twice"]) == (0, 0, 0)
    assert row["confusions"][0] == "2 taken for 3: 5"
    assert row["confusions"][1] == "0 taken for 7: 4"


@pytest.mark.parametrize("batch_size", [1, 7, 64])
@pytest.mark.parametrize("shards", [1, 3])
def test_answers_depend_neither_on_batches_nor_on_shards(
    batch_size: int, shards: int, tmp_path: Path, opbench: Opbench
) -> None:
    data, net = folder(tmp_path / "data", IMAGES), target(tmp_path)
    for index in range(1, shards + 1):
        part = ["--shard", f"{index}/{shards}"] if shards > 1 else []
        asked = ["--data", data, "--results", tmp_path / "r", "-b", batch_size, *part]
        (row,) = rows(opbench, net, *asked)
    assert row["top1"] == 100 * RIGHT / 40
    found = answers(tmp_path / "r")
    assert len(found) == 40
    assert Counter(top[0] for top in found.values()) == Counter(answer for _, answer in IMAGES)


# Adds a little that depends on the place in the batch, as another order of summation does.
JITTERY = """
import torch
from torch import nn

class Jittery(nn.Module):
    def forward(self, images):
        outputs = torch.zeros(len(images), 6)
        outputs[:, 0] = 1.0
        outputs[:, 1] = 1.0 + 1e-6 * (torch.arange(len(images)) % 2)
        return outputs
"""


def test_an_image_too_close_to_call_is_asked_alone(tmp_path: Path, opbench: Opbench) -> None:
    data, net = idx(tmp_path / "data", [(0, 0)] * 10), target(tmp_path, JITTERY, "Jittery")
    for batch_size, changed in ((1, 0), (10, 5)):
        asked = ["--data", data, "--results", tmp_path / f"r{batch_size}", "-b", batch_size]
        (row,) = rows(opbench, net, *asked)
        # Class 0 comes first of equal outputs.
        assert (row["top1"], row["changed"]) == (100.0, changed)
    assert answers(tmp_path / "r1") == answers(tmp_path / "r10")


def test_in_half_precision_it_is_said_how_many_of_the_first_batch_change(
    tmp_path: Path, opbench: Opbench
) -> None:
    shifted = JITTERY.replace("1e-6", "0.5")
    data, net = idx(tmp_path / "data", [(0, 0)] * 12), target(tmp_path, shifted, "Jittery")
    asked = ["--data", data, "--results", tmp_path / "r", "-b", 8, "--dtype", "bfloat16"]
    (row,) = rows(opbench, net, *asked)
    assert (row["alone"], row["changed"]) == (8, 4)
    assert row["top1"] == 50.0


@pytest.mark.parametrize("lines", range(1, 6))
def test_resume_answers_what_a_kill_left(lines: int, tmp_path: Path, opbench: Opbench) -> None:
    data, net, results = folder(tmp_path / "data", IMAGES), target(tmp_path), tmp_path / "r"
    asked = [net, "--data", data, "--results", results, "-b", 8]
    rows(opbench, *asked)
    (path,) = (results / "evaluations").iterdir()
    whole = path.read_bytes().splitlines(keepends=True)
    # The header, some batches, and half of the next line.
    path.write_bytes(b"".join(whole[:lines]) + whole[lines][: len(whole[lines]) // 2])
    done = 8 * (lines - 1)
    (row,) = rows(opbench, *asked, "--resume")
    assert (row["images"], row["top1"]) == (40, 100 * RIGHT / 40)
    files = sorted((results / "evaluations").iterdir())
    assert len(files) == 2
    new = next(each for each in files if each != path)
    again = [json.loads(line) for line in new.read_text().splitlines()]
    assert sum(len(each["ids"]) for each in again if each["kind"] == "batch") == 40 - done
    assert len(answers(results)) == 40


@pytest.mark.slow
def test_a_killed_process_is_resumed(tmp_path: Path, opbench: Opbench) -> None:
    slow = READER.replace("        return", "        __import__('time').sleep(0.2)\n        return")
    data, net, results = folder(tmp_path / "data", IMAGES), target(tmp_path, slow), tmp_path / "r"
    asked = [net, "--data", str(data), "--results", str(results), "-b", "4"]
    process = subprocess.Popen([sys.executable, "-m", "opbench", "evaluate", *asked])
    while len(answers(results)) < 12 and process.poll() is None:
        time.sleep(0.05)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    done = len(answers(results))
    assert 12 <= done < 40
    (row,) = rows(opbench, *asked, "--resume")
    assert (row["images"], row["missing"], row["twice"]) == (40, 0, 0)
    assert row["top1"] == 100 * RIGHT / 40


def test_resume_needs_no_target(tmp_path: Path, opbench: Opbench) -> None:
    data, net, results = folder(tmp_path / "data", IMAGES), target(tmp_path), tmp_path / "r"
    rows(opbench, net, "--data", data, "--results", results, "-b", 8)
    (path,) = (results / "evaluations").iterdir()
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    (row,) = rows(opbench, "--resume", "--results", results)
    assert (row["images"], row["missing"]) == (40, 0)
    result = opbench("evaluate", "--resume", "--results", str(results))
    assert result.exit_code == 2
    assert "nothing to resume" in result.stderr


def test_other_shards_fill_what_one_left(tmp_path: Path, opbench: Opbench) -> None:
    data, net, results = folder(tmp_path / "data", IMAGES), target(tmp_path), tmp_path / "r"
    asked = [net, "--data", data, "--results", results]
    (row,) = rows(opbench, *asked, "--shard", "1/2")
    assert 0 < row["missing"] == 40 - row["images"]
    for index in range(1, 6):
        (row,) = rows(opbench, *asked, "--shard", f"{index}/5", "--resume")
    assert (row["images"], row["missing"], row["twice"]) == (40, 0, 0)
    assert row["top1"] == 100 * RIGHT / 40


def test_a_shard_is_not_answered_twice(tmp_path: Path, opbench: Opbench) -> None:
    data, net, results = folder(tmp_path / "data", IMAGES), target(tmp_path), tmp_path / "r"
    asked = [net, "--data", str(data), "--results", str(results), "--shard", "1/2"]
    rows(opbench, *asked)
    result = opbench("evaluate", *asked)
    assert result.exit_code == 2
    assert "--resume" in result.stderr
    assert len([*(results / "evaluations").iterdir()]) == 1


def test_copies_of_a_file_answer_twice(tmp_path: Path, opbench: Opbench) -> None:
    data, net, results = folder(tmp_path / "data", IMAGES), target(tmp_path), tmp_path / "r"
    asked = [net, "--data", data, "--results", results, "--shard"]
    rows(opbench, *asked, "1/2")
    (path,) = (results / "evaluations").iterdir()
    path.with_name("copy.jsonl").write_bytes(path.read_bytes())
    (row,) = rows(opbench, *asked, "2/2", exit_code=1)
    assert row["twice"] == 40 - sum(
        len(json.loads(line).get("ids", ()))
        for file in (results / "evaluations").iterdir()
        if file not in (path, path.with_name("copy.jsonl"))
        for line in file.read_text().splitlines()
    )


def test_an_image_that_cannot_be_read_is_named(tmp_path: Path, opbench: Opbench) -> None:
    data, net = folder(tmp_path / "data", IMAGES), target(tmp_path)
    (data / "class1" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    result = opbench("evaluate", net, "--data", str(data), "--results", str(tmp_path / "r"))
    assert result.exit_code == 1
    assert "class1/broken.png" in result.stderr
    (evaluation,) = read_evaluations(tmp_path / "r")[0]
    assert (evaluation.images, len(evaluation.failed), evaluation.missing) == (40, 1, 0)


def test_outputs_that_are_not_finite_are_no_answer(tmp_path: Path, opbench: Opbench) -> None:
    text = "import torch\n" + JITTERY.replace("outputs[:, 0] = 1.0", "outputs[::2] = torch.nan")
    net = target(tmp_path, text.replace("6)", "8)"), "Jittery")
    data = idx(tmp_path / "data", [(1, 0)] * 8)
    asked = [net, "--data", data, "--results", tmp_path / "r", "-b", 4]
    (row,) = rows(opbench, *asked, exit_code=1)
    assert (row["images"], row["unanswered"]) == (4, 4)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return images.sum()", "images x classes"),
        ("return 'cat'", "a str"),
        ("return images.flatten(1)[:, :1]", "images x classes"),
        ("raise RuntimeError('no kernel')", "no kernel"),
        ("return images.flatten(1) > 0", "tensor of bool"),
        ("return images.flatten(1).to_sparse()", "sparse tensor"),
        ("return images.flatten(1) * 1j", "tensor of complex64"),
    ],
)
def test_a_network_that_does_not_classify_is_told_why(
    body: str, said: str, tmp_path: Path, opbench: Opbench
) -> None:
    text = f"from torch import nn\nclass Odd(nn.Module):\n    def forward(self, images): {body}\n"
    data = folder(tmp_path / "data", IMAGES)
    net = target(tmp_path, text, "Odd")
    result = opbench("evaluate", net, "--data", str(data), "--results", str(tmp_path / "r"))
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_a_limit_is_the_same_images_each_time(tmp_path: Path, opbench: Opbench) -> None:
    data, net = folder(tmp_path / "data", IMAGES), target(tmp_path)
    found = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        asked = ["--data", data, "--results", tmp_path / name, "--limit", 15, "--seed", seed]
        (row,) = rows(opbench, net, *asked)
        assert row["images"] == 15
        found.append(set(answers(tmp_path / name)))
    assert found[0] == found[1] != found[2]


def test_several_networks_have_a_row_each(tmp_path: Path, opbench: Opbench) -> None:
    data, net = folder(tmp_path / "data", IMAGES), target(tmp_path)
    asked = [net, "lenet5", "--data", data, "--results", tmp_path / "r"]
    one, other = rows(opbench, *asked, exit_code=1)
    assert one["top1"] == 100 * RIGHT / 40
    assert other["top1"] is None
    assert "--weights" in other["reason"]


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1", "a/b", "1/0"])
def test_a_shard_is_one_of_so_many(shard: str, tmp_path: Path, opbench: Opbench) -> None:
    result = opbench("evaluate", target(tmp_path), "--data", str(tmp_path), "--shard", shard)
    assert result.exit_code == 2
    assert "--shard must be I/N" in result.stderr


class Reads(nn.Module):
    """The network of the files, for Python."""

    def forward(self, images: Tensor) -> Tensor:
        values = torch.arange(CLASSES) * STEP / 255
        return -(images[:, 0, 0, 0, None] - values).abs()


def test_python_takes_a_path_and_pairs(tmp_path: Path) -> None:
    module = Reads().train()
    path = folder(tmp_path / "data", IMAGES)
    pairs = [(pixel(answer), label) for label, answer in IMAGES]
    tensors = [(torch.full((3, SIDE, SIDE), a * STEP / 255), label) for label, a in IMAGES]
    for images in (path, pairs, tensors):
        found = opbench.evaluate(module, images, batch_size=16)
        assert found.images == 40
        assert found.top1 is not None
        assert found.top1.value == 100 * RIGHT / 40
    assert module.training


def test_python_refuses_what_is_no_module() -> None:
    with pytest.raises(BadValueError):
        opbench.evaluate("resnet18", [])  # type: ignore[arg-type]


def test_python_names_an_image_that_cannot_be_read(tmp_path: Path) -> None:
    found = opbench.evaluate(Reads(), [(Image.new("L", (4, 4)), 0), (b"no image", 0)])
    assert found.images == 1
    assert [*found.failed] == ["1"]


def test_a_network_in_half_precision_is_evaluated_in_float32(
    tmp_path: Path, opbench: Opbench
) -> None:
    text = READER.replace("/ 255)", "/ 255)\n        self.layer = nn.Linear(8, 8).bfloat16()")
    text = text.replace(
        "return -(images[:, 0, 0, 0, None] - self.values).abs()",
        "return -(images[:, 0, 0, 0, None] - self.values).abs() + 0 * self.layer(self.values)",
    )
    data = folder(tmp_path / "data", IMAGES)
    (row,) = rows(opbench, target(tmp_path, text), "--data", data, "--results", tmp_path / "r")
    assert (row["top1"], row["dtype"]) == (100 * RIGHT / 40, "float32")


def test_a_limit_beyond_the_images_is_all_of_them(tmp_path: Path, opbench: Opbench) -> None:
    asked = [target(tmp_path), "--data", folder(tmp_path / "data", IMAGES), "--limit", 41]
    (row,) = rows(opbench, *asked, "--results", tmp_path / "r")
    assert row["images"] == 40
    (found,) = read_evaluations(tmp_path / "r")[0]
    assert (found.header.limit, found.complete) == (0, True)


@pytest.mark.parametrize("label", [-1, 1.5, "cat", None])
def test_python_refuses_a_class_that_is_no_number_from_0(label: Any) -> None:
    with pytest.raises(BadValueError, match="image 1"):
        opbench.evaluate(Reads(), [(pixel(0), 0), (pixel(0), label)])


def test_python_refuses_no_workers() -> None:
    with pytest.raises(BadValueError, match="workers"):
        opbench.evaluate(Reads(), [(pixel(0), 0)], workers=-1)


def test_stdout_holds_the_rows_alone(tmp_path: Path) -> None:
    noisy = "import os\n" + READER.replace(
        "        return",
        "        print('python')\n        os.write(1, b'compiled')\n"
        "        os.system('echo program')\n        return",
    )
    data, net = idx(tmp_path / "data", IMAGES), target(tmp_path, noisy)
    asked = [net, "--data", str(data), "--results", str(tmp_path / "r"), "--format", "json"]
    found = subprocess.run(
        [sys.executable, "-m", "opbench", "evaluate", *asked], capture_output=True, text=True
    )
    assert found.returncode == 0, found.stderr
    (row,) = json.loads(found.stdout)
    assert row["images"] == 40
    assert all(each in found.stderr for each in ("python", "compiled", "program"))


def test_an_accuracy_of_0_has_both_ends_of_its_interval(tmp_path: Path, opbench: Opbench) -> None:
    data = idx(tmp_path / "data", [(0, 7)] * 10)
    asked = ["--data", str(data), "--results", str(tmp_path / "r")]
    result = opbench("evaluate", target(tmp_path), *asked)
    assert f"0.00 (0.00-{wilson(0, 10)[1]:.2f})" in result.stdout


def test_python_takes_images_and_inputs_together() -> None:
    """Images are scaled to 0 to 1, and inputs are taken as they are, in one batch or not."""
    pairs = [
        (torch.full((3, SIDE, SIDE), answer * STEP / 255) if at % 2 else pixel(answer), label)
        for at, (label, answer) in enumerate(IMAGES)
    ]
    found = opbench.evaluate(Reads(), pairs, batch_size=16)
    assert found.top1 is not None
    assert found.top1.value == 100 * RIGHT / 40


def test_a_network_that_normalises_in_place_is_asked_alone_on_the_same_image(
    tmp_path: Path, opbench: Opbench
) -> None:
    """All images are near ties and asked twice; a second shift would turn each answer round."""
    text = """
import torch
from torch import nn

class Shifting(nn.Module):
    def forward(self, images):
        shifted = images.sub_(0.5)[:, 0, 0, 0, None]
        return torch.cat([-shifted, shifted, torch.full_like(shifted, -9e9)], 1)
"""
    data, net = idx(tmp_path / "data", [(1, 6)] * 10), target(tmp_path, text, "Shifting")
    (row,) = rows(opbench, net, "--data", data, "--results", tmp_path / "r")
    assert (row["top1"], row["alone"], row["changed"]) == (100.0, 10, 0)


def test_a_network_that_cannot_be_moved_is_told(tmp_path: Path, opbench: Opbench) -> None:
    text = READER + "\n    def to(self, *args, **kwargs):\n        raise ValueError('4-bit')\n"
    asked = ["--data", str(idx(tmp_path / "data", IMAGES)), "--results", str(tmp_path / "r")]
    result = opbench("evaluate", target(tmp_path, text), *asked)
    assert result.exit_code == 2
    assert "cannot be moved to cpu in float32: ValueError: 4-bit" in result.stderr
