"""Measured accuracies in ``list``, ``show``, ``plot``, ``claims`` and ``report``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from opbench.accuracy.measured.preprocessing import Preprocessing
from opbench.spec import Shape
from tests.evaluations import write_evaluation
from tests.fixtures import Opbench, Rows
from tests.measured_board import RIGHT, answers, protocol, write_board


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_board(tmp_path_factory.mktemp("board"))


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """LeNet-5 evaluated on MNIST: whole, and on a part of the images."""
    results = tmp_path_factory.mktemp("digits")
    made: dict[str, Any] = {
        "dataset": "mnist",
        "preprocessing": protocol(Shape((1, 32, 32))),
        "batch_size": 1000,
    }
    write_evaluation(results, "lenet5", answers(9_800), stem="whole", **made)
    write_evaluation(results, "lenet5", answers(98, 100), stem="z", limit=100, **made)
    return results


def test_list_has_each_network_on_each_data_set(rows: Rows, board: Path) -> None:
    found = rows("list", "--results", board)
    fashion = {row["name"]: row for row in found if row["dataset"] == "fashion_mnist"}
    assert {name: row["top1"] for name, row in fashion.items()} == {
        name: pytest.approx(right / 100) for name, right in RIGHT.items()
    }
    lenet = fashion["lenet5"]
    assert lenet["top1_source"] == "measured here, evaluation 20261127T120000Z-7"
    assert lenet["evaluation"] == "20261127T120000Z-7"
    assert lenet["top1_low"] < lenet["top1"] == lenet["measured_top1"] < lenet["top1_high"]
    (printed,) = (row for row in found if (row["name"], row["dataset"]) == ("lenet5", "mnist"))
    assert (printed["top1"], printed["measured_top1"]) == (99.05, None)


def test_list_says_how_published_and_measured_agree(rows: Rows, digits: Path) -> None:
    (row,) = rows("list", "lenet5", "--results", digits)
    assert (row["top1"], row["published_top1"]) == (98.0, 99.05)
    assert row["top1_verdict"] == "differs by -1.05"
    assert row["evaluation"] == "whole"


def test_list_without_evaluations_reads_no_results(rows: Rows, tmp_path: Path) -> None:
    (row,) = rows("list", "lenet5", "--results", tmp_path)
    assert (row["top1"], row["evaluation"], row["top1_verdict"]) == (99.05, None, None)


def test_show_has_both_side_by_side(opbench: Opbench, digits: Path) -> None:
    out = opbench("show", "lenet5", "--results", digits).stdout
    published, measured = out.index("Accuracies published"), out.index("Accuracies measured here")
    assert published < measured
    table = out[measured:]
    assert "98.00 (97.71-98.26)" in table and "differs by -1.05" in table
    assert "not comparable: of 100 images drawn at random" in " ".join(table.split())
    assert re.search(r"^\* +98.00", table, re.MULTILINE)
    assert not re.search(r"^\* +98.00 \(9[0-6]", table, re.MULTILINE)  # that of 100 images


def test_show_of_a_network_that_was_not_evaluated(opbench: Opbench, digits: Path) -> None:
    assert "measured here" not in opbench("show", "alexnet", "--results", digits).stdout


def test_show_has_weights_of_a_library(opbench: Opbench, tmp_path: Path) -> None:
    name = "torchvision:resnet18.IMAGENET1K_V1"
    write_evaluation(tmp_path, name, "1101", stem="few", dataset="imagenet", weights=f"{name} (x)")
    out = " ".join(opbench("show", name, "--results", tmp_path).stdout.split())
    assert "Accuracies measured here" in out and "of 4 images, where the test set" in out


def test_plot_draws_the_board(opbench: Opbench, board: Path, tmp_path: Path) -> None:
    asked = ("plot", "accuracy-vs-ops", "--results", board, "-o", tmp_path, "--notes", "file")
    done = opbench(*asked, "--file-format", "svg")
    assert done.exit_code == 0, done.stderr
    assert "measured here, every image once" in (tmp_path / "accuracy-vs-ops.txt").read_text()


def test_plot_knows_data_sets(opbench: Opbench, board: Path, tmp_path: Path) -> None:
    asked = ("plot", "accuracy-vs-ops", "--results", board, "-o", tmp_path, "--file-format", "svg")
    assert opbench(*asked, "--dataset", "mnist").exit_code == 0
    wrong = opbench(*asked, "--dataset", "fashion-mnits")
    assert wrong.exit_code == 2 and "fashion_mnist" in wrong.stderr


def test_claims_use_what_was_measured(opbench: Opbench, tmp_path: Path) -> None:
    write_evaluation(
        tmp_path,
        "resnet1202_cifar",
        answers(8_900),
        dataset="cifar10",
        preprocessing=Preprocessing(resize=Shape((32, 32))),
        batch_size=1000,
    )
    asked = ("claims", "thousand-layers", "--results", tmp_path, "--format", "json")
    (finding,) = json.loads(opbench(*asked).stdout)
    assert "89.00 % on CIFAR-10" in finding["found"]  # 92.07 % in print
    assert finding["verdict"] == "does not hold"
    assert finding["on"] == "counts and accuracies, published or measured here"


def test_the_page_says_which(opbench: Opbench, board: Path, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    done = opbench("report", "--no-figures", "--no-zoo", "--results", board, "--output", path)
    assert done.exit_code == 0, done.stderr
    text = path.read_text()
    found = re.search(r'id="island">(.*?)</script>', text)
    assert found
    island = json.loads(found[1])
    assert island["datasets"][0]["key"] == "fashion_mnist"
    lenets = {each["dataset"]: each for each in island["networks"] if each["name"] == "lenet5"}
    assert lenets["fashion_mnist"]["top1_measured"] and not lenets["mnist"]["top1_measured"]
    assert len([each for each in island["cells"] if each["name"] == "lenet5"]) == 1
    assert island["other_sizes"] == 0
    assert "<h3>Fashion-MNIST</h3>" in text
    assert text.count("measured here, evaluation") >= len(RIGHT)
