"""Fashion-MNIST: `opbench evaluate` measures what a plain loop counts, and the board is whole."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from opbench.accuracy.measured.store import read_evaluations
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


def test_the_board_has_five_networks_that_answered_every_image_once() -> None:
    evaluations, damages = read_evaluations(ROOT / RESULTS)
    assert not damages
    assert {each.header.name for each in evaluations} == set(BOARD)
    for each in evaluations:
        assert each.complete
        assert each.images == 10_000
        assert each.header.dataset == "fashion_mnist"
        assert each.top1 is not None
        assert each.top1.value > 85
