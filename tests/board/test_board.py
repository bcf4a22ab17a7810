"""Fashion-MNIST: `opbench evaluate` measures what a plain loop counts, and the board is whole."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save_file

import opbench as opbench_package
from opbench.accuracy.measured.store import read_evaluations
from opbench.evaluation.data.opening import open_images
from tests.board.__main__ import BOARD, RESULTS
from tests.board.networks import separable
from tests.board.training import DATA, read_train, train
from tests.fixtures import Opbench

ROOT = Path(__file__).parents[2]
PACKAGE = "dataset-fashion-mnist"


@pytest.fixture(scope="module")
def fashion_mnist() -> Path:
    """Debian's copy, installed where it is missing."""
    if not DATA.is_dir():
        if not shutil.which("apt-get") or os.geteuid():
            pytest.skip(f"{PACKAGE} is not installed, and nobody here may install it")
        subprocess.run(["apt-get", "install", "-y", "-qq", PACKAGE], check=True)
    return DATA


@pytest.mark.slow
def test_evaluate_measures_what_a_plain_loop_counts(
    fashion_mnist: Path, tmp_path: Path, opbench: Opbench
) -> None:
    images, classes = read_train(fashion_mnist)
    network = train(separable, images[:6000], classes[:6000], epochs=1, rate=1e-2)
    weights = tmp_path / "separable.safetensors"
    save_file(network.state_dict(), weights)
    pixels = gzip.decompress((fashion_mnist / "t10k-images-idx3-ubyte.gz").read_bytes())[16:]
    wanted = gzip.decompress((fashion_mnist / "t10k-labels-idx1-ubyte.gz").read_bytes())[8:]
    test = torch.frombuffer(bytearray(pixels), dtype=torch.uint8).view(-1, 1, 28, 28) / 255
    with torch.inference_mode():
        found = torch.cat([network(batch) for batch in test.split(500)]).topk(5).indices
    right = torch.frombuffer(bytearray(wanted), dtype=torch.uint8).long()[:, None] == found
    target = f"{ROOT / 'tests/board/networks.py'}:separable"
    asked = ["--weights", weights, "--data", fashion_mnist, "--results", tmp_path]
    result = opbench("evaluate", target, *asked, "--format", "json")
    assert result.exit_code == 0, result.stderr
    (row,) = json.loads(result.stdout)
    assert row["images"] == 10_000
    assert row["top1"] == pytest.approx(right[:, 0].sum().item() / 100)
    assert row["top5"] == pytest.approx(right.any(1).sum().item() / 100)
    assert row["top1"] > 50  # it has learnt


@pytest.mark.slow
def test_copies_in_jpeg_have_the_same_answers_in_every_layout(
    fashion_mnist: Path, tmp_path: Path
) -> None:
    test = open_images(fashion_mnist).images[:200]
    names = [f"class{number:02}" for number in range(10)]
    encoded, rows = [], ["path,label"]
    for number, image in enumerate(test):
        file = io.BytesIO()
        picture: Any = image.read()
        picture.save(file, "JPEG", quality=90)
        encoded.append({"bytes": file.getvalue(), "path": None})
        name = f"{names[image.labels[0]]}/{number:05}.jpg"
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.getvalue())
        rows.append(f"folder/{name},{image.labels[0]}")
    (tmp_path / "list.csv").write_text("\n".join(rows))
    table = pa.table({"image": encoded, "label": [image.labels[0] for image in test]})
    pq.write_table(table, tmp_path / "test.parquet")
    torch.manual_seed(0)
    network = separable()
    found = [
        opbench_package.evaluate(network, tmp_path / name)
        for name in ("folder", "list.csv", "test.parquet")
    ]
    assert [each.images for each in found] == [200] * 3
    answers = [sorted(each.answers.values()) for each in found]
    assert answers[0] == answers[1] == answers[2]
    assert len({each.top1 for each in found}) == 1


def test_the_board_has_five_networks_that_answered_every_image_once() -> None:
    read, damages = read_evaluations(ROOT / RESULTS)
    assert not damages
    evaluations = [each for each in read if not each.header.differs]
    assert {each.header.name for each in evaluations if each.header.runtime == "eager"} == set(
        BOARD
    )
    for each in evaluations:
        assert each.complete
        assert each.images == 10_000
        assert each.header.dataset == "fashion_mnist"
        assert each.top1 is not None
        assert each.top1.value > 80
