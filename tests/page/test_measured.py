"""The page in a browser, of accuracies that were measured here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from opbench.cli import app
from opbench.spec import Shape
from tests.evaluations import write_evaluation
from tests.measured_board import RIGHT, answers, protocol, write_board


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of five networks on Fashion-MNIST, and of LeNet-5 on MNIST, twice."""
    results = write_board(tmp_path_factory.mktemp("board"))
    made: dict[str, Any] = {
        "dataset": "mnist",
        "preprocessing": protocol(Shape((1, 32, 32))),
        "batch_size": 1000,
    }
    write_evaluation(results, "lenet5", answers(9_800), stem="whole", group="w", **made)
    write_evaluation(results, "ciresan_mlp", answers(98, 100), stem="part", limit=100, **made)
    out = results / "index.html"
    asked = ["report", "--no-figures", "--no-zoo", "--results", str(results), "--output", str(out)]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    return out


def test_it_opens_with_the_data_set_that_was_measured(opened: Callable[..., Any]) -> None:
    view = opened()
    assert set(view.drawn()) == {*RIGHT}
    assert "dark rim: measured here" in view.text("#keys")
    assert view.logs() == []


def test_a_measured_network_says_what_was_published(opened: Callable[..., Any]) -> None:
    told = opened("data=mnist&pick=lenet5").text("#detail")
    for words in ("98.00 %", "measured here, evaluation whole", "99.05 %", "differs by -1.05"):
        assert words in told


def test_what_stands_beside_says_why_it_is_not_drawn(opened: Callable[..., Any]) -> None:
    told = opened("data=mnist&pick=ciresan_mlp").text("#detail")
    for words in (
        "99.65 %",
        "98.00 %",
        "evaluation part; not drawn: of 100 images drawn at random",
    ):
        assert words in told


def test_a_network_on_another_data_set_has_no_published_accuracy(
    opened: Callable[..., Any],
) -> None:
    told = opened("pick=lenet5").text("#detail")
    assert "88.93 %" in told and "99.05" not in told
