"""What every entry of the registry owes, checked by walking all of them."""

from __future__ import annotations

import csv
import inspect
import sys
from pathlib import Path

import pytest
import torch

from opbench.registry import entries
from opbench.spec import ArchitectureSpec, format_size

ENTRIES = list(entries.specs().values())
EXPECTED = {
    row["name"]: row
    for row in csv.DictReader(
        (Path(__file__).parent / "data" / "expected_counts.csv").read_text().splitlines()
    )
}
CLASSES = {"mnist": 10, "cifar10": 10, "imagenet": 1000, "imagenet128": 1000, "cityscapes": 19}

every_entry = pytest.mark.parametrize("spec", ENTRIES, ids=lambda spec: spec.name)
every_network = pytest.mark.parametrize(
    "spec", [spec for spec in ENTRIES if spec.dataset != "none"], ids=lambda spec: spec.name
)


def on_meta(spec: ArchitectureSpec) -> torch.nn.Module:
    with torch.device("meta"):
        return spec.build()


def test_every_expected_entry_is_registered() -> None:
    assert set(EXPECTED) <= set(entries.names())


@every_entry
def test_facts_are_complete(spec: ArchitectureSpec) -> None:
    assert spec.name.isidentifier() and spec.name == spec.name.lower()
    assert spec.label and spec.family
    assert 1998 <= spec.year <= 2017 and spec.paper.year >= 1998
    assert spec.paper.url.startswith("https://")
    assert all((spec.paper.authors, spec.paper.title, spec.paper.venue))


@every_entry
def test_the_module_says_reference_and_departures(spec: ArchitectureSpec) -> None:
    build = getattr(spec.build, "func", spec.build)
    doc = inspect.getdoc(sys.modules[build.__module__]) or ""
    assert "Reference" in doc
    assert "Departures" in doc


@every_network
@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
def test_logits_have_one_value_per_class(spec: ArchitectureSpec, training: bool) -> None:
    module = on_meta(spec).train(training)
    images = torch.empty(2, *spec.input_size, device="meta")
    logits = module(images)
    expected = (2, CLASSES[spec.dataset])
    if spec.dataset == "cityscapes":
        expected += spec.input_size[1:]
    assert tuple(logits.shape) == expected


@every_entry
def test_parameters_and_input_are_as_expected(spec: ArchitectureSpec) -> None:
    params = sum(parameter.numel() for parameter in on_meta(spec).parameters())
    assert params > 0
    if spec.name in EXPECTED:
        assert params == int(EXPECTED[spec.name]["params"])
        assert format_size(spec.input_size) == EXPECTED[spec.name]["input_size"]
