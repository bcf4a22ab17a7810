"""Measured against published: what compares, what agrees, and why others do not."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from opbench.accuracy.measured.evaluation import Evaluation
from opbench.accuracy.measured.preprocessing import Preprocessing
from opbench.spec import Shape
from opbench.table.measured import PublishedVerdict, against_published, best_measured
from tests.builders import accuracy
from tests.evaluations import evaluation
from tests.measured_board import answers, protocol

# LeNet-5's paper prints 0.95 % errors on MNIST's 10,000 test images, of 32 x 32 pixels.
LENET = protocol(Shape((1, 32, 32)))
V2 = "torchvision:resnet50.IMAGENET1K_V2"
RESIZED = Preprocessing(resize=Shape((232,)), crop=Shape((224, 224)), interpolation="bilinear")


@cache
def _of_lenet(right: int, of: int = 10_000) -> Evaluation:
    made = evaluation("lenet5", answers(right, of), dataset="mnist", preprocessing=LENET)
    return replace(made, header=replace(made.header, batch_size=1000))


def _lenet(right: int = 9_905, of: int = 10_000, **changes: Any) -> Evaluation:
    made = _of_lenet(right, of)
    return replace(made, header=replace(made.header, **changes))


@cache
def _of_resnet() -> Evaluation:
    # torchvision states 80.858 %, which is 40,429 of 50,000.
    return evaluation(V2, answers(40_429, 50_000))


def _resnet(**changes: Any) -> Evaluation:
    made = _of_resnet()
    usual = {
        "dataset": "imagenet",
        "preprocessing": RESIZED,
        "weights": f"{V2} (resnet50-11ad3fa6.pth)",
    }
    return replace(made, header=replace(made.header, **{**usual, **changes}))


def _verdict(made: Evaluation) -> PublishedVerdict:
    found = against_published(made)
    assert found is not None
    return found


def test_a_published_accuracy_within_the_interval_agrees() -> None:
    found = _verdict(_lenet(9_890))
    assert (found.published, found.verdict, found.reason) == (99.05, "agrees", "")
    assert found.difference == pytest.approx(98.90 - 99.05)
    assert "LeCun et al. 1998" in found.source


def test_a_published_accuracy_beyond_the_interval_differs_by_points() -> None:
    # Of 10,000 images at 98 % an interval is 0.3 points to either side.
    found = _verdict(_lenet(9_800))
    assert found.verdict == str(found) == "differs by -1.05"
    assert found.comparable


@pytest.mark.parametrize(("right", "verdict"), [(9_996, "agrees"), (9_994, "differs by -0.06")])
def test_a_printed_number_agrees_with_what_rounds_to_it(
    monkeypatch: pytest.MonkeyPatch, right: int, verdict: str
) -> None:
    printed = accuracy(
        "lenet5", 100.0, dataset="mnist", protocol="full image", input_size=Shape((1, 32, 32))
    )
    monkeypatch.setattr("opbench.table.measured.load_published", lambda: (printed,))
    made = _lenet(right)
    assert made.top1 and made.top1.high < 100  # so that the interval alone would differ
    assert _verdict(made).verdict == verdict


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"dataset": ""},
            "does not say which data set it is of; `opbench evaluate --dataset mnist`",
        ),
        ({"dataset": "fashion_mnist"}, "measured on Fashion-MNIST, published on MNIST"),
        (
            {"preprocessing": replace(LENET, resize=Shape((36, 36)), crop=Shape((32, 32)))},
            "another view: full image in print, single central crop here",
        ),
        (
            {"preprocessing": protocol(Shape((1, 28, 28)))},
            "another input size: 1x32x32 in print, 1x28x28 here",
        ),
        ({"limit": 9_000, "images": 9_000}, "of 9,000 images drawn at random"),
        ({"images": 10_001}, "10,000 of 10,001 images answered"),
        ({"labels": "real.csv"}, "by the labels of real.csv, not the data set's own"),
    ],
)
def test_what_does_not_compare_says_why(changes: dict[str, Any], reason: str) -> None:
    found = _verdict(_lenet(**changes))
    assert found.verdict == f"not comparable: {found.reason}"
    assert reason in found.reason
    assert not found.comparable and found.difference is None and found.published == 99.05


def test_other_images_than_the_test_set_do_not_compare() -> None:
    found = _verdict(_lenet(500, 600))
    assert found.reason == "of 600 images, where the test set of MNIST has 10,000"


def test_an_image_answered_twice_does_not_compare() -> None:
    made = _lenet()
    twice = replace(made, batches=(*made.batches, made.batches[0]))
    assert "10,000 of 10,000 images answered, 4 of them twice" in _verdict(twice).reason


def test_every_reason_is_told() -> None:
    reason = _verdict(_lenet(labels="real.csv", preprocessing=protocol(Shape((1, 9, 9))))).reason
    assert reason.count("; ") == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dtype": "float16"}, "agrees (measured in float16)"),
        ({"runtime": "onnxruntime"}, "agrees (measured in onnxruntime)"),
        ({"runtime": "compile", "compile": "default"}, "agrees (measured in compile, default)"),
    ],
)
def test_another_precision_or_runtime_compares_and_is_said(
    changes: dict[str, Any], said: str
) -> None:
    found = _verdict(_lenet(**changes))
    assert (found.verdict, str(found)) == ("agrees", said)


def test_weights_of_a_library_are_compared_with_what_it_states() -> None:
    found = _verdict(_resnet())
    assert (found.published, found.verdict, found.difference) == (80.858, "agrees", 0)
    assert found.source.startswith("torchvision ")


def test_the_weights_that_a_library_chose_are_those_that_were_loaded() -> None:
    assert _verdict(_resnet(name="torchvision:resnet50")).verdict == "agrees"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"weights": "mine.safetensors"}, "other weights: mine.safetensors"),
        (
            {"preprocessing": replace(RESIZED, resize=Shape((256,)))},
            "resized to 232 in print, 256 here",
        ),
        (
            {"preprocessing": replace(RESIZED, interpolation="bicubic")},
            "resized by bilinear interpolation in print, bicubic here",
        ),
    ],
)
def test_protocol_and_weights_of_a_library_count(changes: dict[str, Any], reason: str) -> None:
    assert _verdict(_resnet(**changes)).reason == reason


def test_nothing_published_is_no_verdict() -> None:
    assert against_published(evaluation("mine.py:net")) is None
    assert against_published(evaluation("lenet5", "----")) is None  # nothing answered


def test_of_several_published_rows_the_first_that_compares_is_taken() -> None:
    # ResNet-50 has rows of 224 and 10-crop; the primary one is of a single central crop.
    found = _verdict(_resnet(name="resnet50", weights="mine.pth"))
    assert found.comparable


def _chosen(*made: Evaluation) -> str:
    (found,) = best_measured(made)["lenet5"].values()
    return found.evaluation


def test_a_choice_of_vary_stands_behind_the_networks_own_protocol() -> None:
    own, varied = (
        replace(evaluation("a", preprocessing=replace(LENET, source=source)), paths=(Path(source),))
        for source in ("images as they are, with --mean --std", "--vary antialias")
    )
    (found,) = best_measured([own, varied])["a"].values()
    assert found.evaluation == own.paths[0].stem


def test_the_newest_whole_evaluation_in_float32_counts() -> None:
    def called(name: str, made: Evaluation) -> Evaluation:
        return replace(made, paths=(made.paths[0].with_name(f"{name}.jsonl"),))

    old, new = called("1", _lenet(9_905)), called("2", _lenet(9_890))
    half, partial = called("3", _lenet(dtype="float16")), called("4", _lenet(images=10_001))
    assert _chosen(old, new) == "2"
    assert _chosen(old, new, half) == "2"
    assert _chosen(half, partial) == "3"
    assert _chosen(partial) == "4"
    other = called("5", _lenet(preprocessing=protocol(Shape((1, 28, 28)))))
    assert _chosen(old, other) == "1"  # that compares with what was published
    assert best_measured([evaluation("a", "----")]) == {}
