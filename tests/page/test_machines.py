"""The page in a browser, of a board of many machines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from opbench.cli import app
from opbench.registry.counts_csv import load as load_counts
from tests.builders import header, record_of, write_run

PROCESSORS, GPUS = 7, 5


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of ResNet-18 on twelve machines, the n-th of which takes n ms."""
    results = tmp_path_factory.mktemp("machines")
    (row,) = (row for row in load_counts(None) if row.name == "resnet18")
    for number in range(1, PROCESSORS + GPUS + 1):
        device, fact = ("cpu", "cpu") if number <= PROCESSORS else ("cuda:0", "gpu")
        environment = {fact: f"Machine {number}", "torch_threads": 2, "cores": 2}
        line = record_of(row, 1, number / 1000, device=device)
        write_run(results, line, first=header(f"run{number:02d}", environment=environment))
    out = results / "index.html"
    asked = ["report", "--no-figures", "--no-zoo", "--results", str(results), "--output", str(out)]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    return out


def test_many_machines_are_grouped_and_in_the_order_of_their_names(opened: Any) -> None:
    view = opened("x=latency_s")
    groups = view.js("return [...document.querySelectorAll('#at optgroup')].map((g) => g.label)")
    assert groups == [f"GPUs: {GPUS}", f"Processors: {PROCESSORS}"]
    labels = view.js("return [...document.querySelectorAll('#at option')].map((o) => o.label)")
    numbers = [*range(PROCESSORS + 1, PROCESSORS + GPUS + 1), *range(1, PROCESSORS + 1)]
    assert [label.split(",")[0] for label in labels] == [f"Machine {n}" for n in numbers]
    assert all(label.endswith("(1)") for label in labels)


def test_the_other_machines_of_a_network_are_folded(opened: Any) -> None:
    view = opened("x=latency_s&pick=resnet18&at=Machine+3%2C+cpu")
    detail = view.text("#detail")
    assert "On 11 other machines" in detail
    assert "latency 1 ms to 12 ms" in detail
    heads = "[...document.querySelectorAll('#detail details tr th')]"
    rows = view.js(f"return {heads}.map((head) => head.textContent)")
    kinds = {number: "cpu" if number <= PROCESSORS else "cuda:0" for number in range(1, 13)}
    assert rows == [f"Machine {n}, {kinds[n]}" for n in range(1, 13) if n != 3]
