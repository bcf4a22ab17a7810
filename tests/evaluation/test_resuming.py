"""``opbench evaluate`` stopped, changed and gone on with: what is on file, and what is said."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from opbench.accuracy.measured.evaluation import Evaluation
from opbench.accuracy.measured.store import read_evaluations
from opbench.files import Appender
from opbench.shards import Shard
from tests.evaluation.images import CLASSES, folder, pixel, target
from tests.fixtures import Opbench

IMAGES = [(number % CLASSES, number % CLASSES) for number in range(40)]

# Fails in the fourth forward pass, of which the first finds out what it returns, unless a file is
# there; another file changes the weights.  No two classes are too close to call.
FAILING = """
from pathlib import Path
import torch
from torch import nn

class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        retrained = Path(__file__).with_name("retrained").exists()
        self.register_buffer("small", torch.arange(8) / (200 if retrained else 100))
        self.passes = 0

    def forward(self, images):
        self.passes += 1
        if self.passes > 3 and not Path(__file__).with_name("mended").exists():
            raise RuntimeError("no kernel")
        return torch.eye(8)[(images[:, 0, 0, 0] * 8.5).long()] + self.small
"""


def evaluations(results: Path) -> list[Evaluation]:
    return read_evaluations(results)[0]


def files(results: Path) -> list[Path]:
    return sorted((results / "evaluations").iterdir(), key=lambda path: path.stem)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return folder(tmp_path / "data", IMAGES)


@pytest.fixture
def stopped(data: Path, tmp_path: Path, opbench: Opbench) -> Path:
    """A results folder with an evaluation of ``net.py`` that failed after two batches of 8."""
    net = target(tmp_path, FAILING)
    asked = [net, "--data", str(data), "--results", str(tmp_path / "r"), "-b", "8"]
    result = opbench("evaluate", *asked)
    assert (result.exit_code, "no kernel" in result.stderr) == (2, True)
    (tmp_path / "mended").touch()
    return tmp_path / "r"


def resumed(opbench: Opbench, *arguments: object, exit_code: int = 0) -> list[dict[str, Any]]:
    result = opbench("evaluate", "--resume", *map(str, arguments), "--format", "json")
    assert result.exit_code == exit_code, result.stderr
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def test_what_was_answered_before_an_error_is_kept_and_said(
    data: Path, tmp_path: Path, opbench: Opbench
) -> None:
    net = target(tmp_path, FAILING)
    asked = [net, "--data", str(data), "--results", str(tmp_path / "r"), "-b", "8"]
    result = opbench("evaluate", *asked)
    assert result.exit_code == 2
    assert "16 answers" in result.stderr
    assert f"--resume --results {tmp_path / 'r'}" in result.stderr
    (kept,) = evaluations(tmp_path / "r")
    assert (kept.images, kept.missing) == (16, 24)


def test_an_evaluation_without_an_answer_leaves_no_file(
    data: Path, tmp_path: Path, opbench: Opbench
) -> None:
    net = target(tmp_path, FAILING.replace("> 3", "> 1"))
    asked = ["--data", str(data), "--results", str(tmp_path / "r")]
    for more in ([], ["--runtime", "no-such-runtime"]):
        result = opbench("evaluate", net, *asked, *more)
        assert result.exit_code == 2
        assert "--resume" not in result.stderr
    assert evaluations(tmp_path / "r") == []
    assert not (tmp_path / "r" / "evaluations").exists() or files(tmp_path / "r") == []


def test_other_batches_and_threads_go_on_with_it(stopped: Path, opbench: Opbench) -> None:
    (row,) = resumed(opbench, "--results", stopped, "-b", 3, "--workers", 1)
    assert (row["images"], row["missing"], row["twice"], row["top1"]) == (40, 0, 0, 100.0)
    lines = [json.loads(line) for line in files(stopped)[-1].read_text().splitlines()]
    assert (lines[0]["batch_size"], lines[0]["workers"]) == (3, 1)
    assert [len(each["ids"]) for each in lines if each["kind"] == "batch"] == [3] * 8


def test_a_path_is_resumed_where_it_is(
    stopped: Path, tmp_path: Path, opbench: Opbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = files(stopped)
    (row,) = resumed(opbench, path, "--results", tmp_path / "other")
    assert (row["images"], len(files(stopped))) == (40, 2)
    assert not (tmp_path / "other").exists()
    monkeypatch.chdir(path.parent)
    (row,) = resumed(opbench, path.name, "--results", tmp_path / "other")
    assert row["images"] == 40


def test_a_file_in_no_results_folder_is_not_resumed(
    stopped: Path, tmp_path: Path, opbench: Opbench
) -> None:
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(files(stopped)[0].read_bytes())
    result = opbench("evaluate", "--resume", str(copy), "--results", str(stopped))
    assert result.exit_code == 2
    assert "results folder" in result.stderr


def test_each_name_is_resumed(stopped: Path, opbench: Opbench) -> None:
    (first,) = files(stopped)
    second = first.with_name("second.jsonl")
    text = first.read_text()
    second.write_text(text.replace(f'"group":"{first.stem}"', '"group":"second"'))
    assert resumed(opbench, first.stem, "second", "--results", stopped)[1]["images"] == 40
    assert [each.images for each in evaluations(stopped)] == [40, 40]


def test_the_evaluation_that_was_named_is_the_one(
    stopped: Path, data: Path, tmp_path: Path, opbench: Opbench
) -> None:
    (path,) = files(stopped)
    net = f"{tmp_path / 'net.py'}:Reader"
    result = opbench("evaluate", net, "--data", str(data), "--results", str(stopped))
    assert result.exit_code == 0, result.stderr
    (row,) = resumed(opbench, path.stem, "--results", stopped)
    assert path.stem in row["files"]
    assert all(each.complete for each in evaluations(stopped))


def test_images_that_failed_come_after_images_that_are_missing(
    stopped: Path, data: Path, tmp_path: Path, opbench: Opbench
) -> None:
    (data / "class0" / "broken.png").write_bytes(b"no image")
    net = f"{tmp_path / 'net.py'}:Reader"
    assert opbench("evaluate", net, "--data", str(data), "--results", str(stopped)).exit_code == 1
    (data / "class0" / "broken.png").unlink()
    (row,) = resumed(opbench, "--results", stopped)
    assert (row["images"], row["unanswered"]) == (40, 0)


def _add_image(data: Path, net: Path) -> None:
    pixel(1).save(data / "class1" / "new.png")


def _remove_image(data: Path, net: Path) -> None:
    next((data / "class3").iterdir()).unlink()


def _move_image(data: Path, net: Path) -> None:
    each = next((data / "class3").iterdir())
    each.rename(data / "class4" / each.name)


def _change_weights(data: Path, net: Path) -> None:
    net.with_name("retrained").touch()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_add_image, "40 entries, now 41"),
        (_remove_image, "40 entries, now 39"),
        (_move_image, "other images or labels"),
        (_change_weights, "other weights"),
    ],
)
def test_what_has_changed_is_said(
    change: Any, said: str, stopped: Path, data: Path, tmp_path: Path, opbench: Opbench
) -> None:
    (path,) = files(stopped)
    change(data, tmp_path / "net.py")
    for named in ([], [path.stem]):
        result = opbench("evaluate", "--resume", *named, "--results", str(stopped))
        assert result.exit_code == 2
        assert path.stem in result.stderr
        assert said in result.stderr
    assert files(stopped) == [path]
    net = f"{tmp_path / 'net.py'}:Reader"
    asked = [net, "--data", str(data), "--results", str(stopped), "--resume"]
    result = opbench("evaluate", *asked)
    assert result.exit_code == 0
    assert said in result.stderr
    assert "starting anew" in result.stderr


def test_what_is_being_written_is_not_answered_twice(stopped: Path, opbench: Opbench) -> None:
    (path,) = files(stopped)
    with Appender(path):
        result = opbench("evaluate", "--resume", "--results", str(stopped))
    assert result.exit_code == 2
    assert "another process" in result.stderr
    assert files(stopped) == [path]


def test_problems_of_a_shard_without_images_are_named(tmp_path: Path, opbench: Opbench) -> None:
    """Of two images shard 2/2 has both, and shard 1/2, which has none, names the problem."""
    root = tmp_path / "data"
    root.mkdir()
    rows = ["path,label"]
    names = [f"{number}.png" for number in range(40)]
    from opbench.evaluation.data.image_set import ImageSet, LabelledImage

    images = tuple(LabelledImage(id=name, labels=(0,), read=bytes) for name in names)
    second = ImageSet(path="", layout="list", images=images).of_shard(Shard(2, 2)).images[:2]
    for image in second:
        pixel(0).save(root / image.id)
        rows.append(f"{image.id},0")
    (root / "images.csv").write_text("\n".join([*rows, "gone.png,0"]) + "\n")
    asked = [target(tmp_path), "--data", str(root / "images.csv"), "--results", str(tmp_path / "r")]
    assert opbench("evaluate", *asked, "--shard", "2/2").exit_code == 0
    result = opbench("evaluate", *asked, "--shard", "1/2")
    assert result.exit_code == 1
    assert "gone.png" in result.stderr
    (found,) = evaluations(tmp_path / "r")
    assert (found.images, len(found.failed), found.missing) == (2, 1, 0)


@pytest.mark.slow
def test_ctrl_c_keeps_the_answers_and_says_how_to_go_on(
    data: Path, tmp_path: Path, opbench: Opbench
) -> None:
    slow = FAILING.replace('raise RuntimeError("no kernel")', "pass")
    slow = slow.replace("        return", "        __import__('time').sleep(0.2)\n        return")
    net, results = target(tmp_path, slow), tmp_path / "r"
    asked = [net, "--data", str(data), "--results", str(results), "-b", "4"]
    process = subprocess.Popen(
        [sys.executable, "-m", "opbench", "evaluate", *asked],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    while not any(each.images >= 8 for each in evaluations(results)) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate()
    assert process.returncode == 130
    done = evaluations(results)[0].images
    assert f"{done} answers" in told
    assert "Traceback" not in told
    (row,) = resumed(opbench, "--results", results)
    assert (row["images"], row["missing"], row["twice"]) == (40, 0, 0)


def test_a_data_set_that_is_named_later_is_in_the_record(
    data: Path, tmp_path: Path, opbench: Opbench
) -> None:
    (tmp_path / "mended").touch()
    asked = [target(tmp_path, FAILING), "--data", data, "--results", tmp_path / "r"]
    assert resumed(opbench, *asked)[0]["dataset"] == ""
    assert resumed(opbench, *asked, "--dataset", "mnist")[0]["dataset"] == "mnist"
