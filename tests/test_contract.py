"""What every entry of the registry owes, checked by walking all of them.

``tests/registry/test_audit.py`` walks them too: counts on file, the witness, stated numbers.
"""

from __future__ import annotations

import inspect
import sys
from datetime import date

import pytest
import torch

from opbench import registry
from opbench.metrics import FAMILIES
from opbench.registry import counts_csv
from opbench.spec import DATASETS, ArchitectureSpec

DROPS_PATHS = {"fractalnet_cifar"}  # in training: a pass leaves columns out

# A second and more for each pass, in their number of layers or of operations.
HEAVY = {"resnet1202_cifar"} | {fact.name for fact in counts_csv.load() if fact.macs > 1e9}

every_entry = pytest.mark.parametrize("spec", registry.specs().values(), ids=lambda spec: spec.name)


@every_entry
def test_facts_are_complete(spec: ArchitectureSpec) -> None:
    assert spec.name.isidentifier() and spec.name == spec.name.lower()
    assert spec.label
    assert spec.family in FAMILIES, "a new family needs a row in FAMILIES of opbench/metrics.py"
    assert spec.dataset in DATASETS, "a new data set needs a row in DATASETS of opbench/spec.py"
    assert 1998 <= spec.paper.year <= date.today().year >= spec.year >= 1998
    assert spec.paper.url.startswith("https://")
    assert all((spec.paper.authors, spec.paper.title, spec.paper.venue))


@every_entry
def test_the_module_says_reference_and_departures(spec: ArchitectureSpec) -> None:
    build = getattr(spec.build, "func", spec.build)
    doc = inspect.getdoc(sys.modules[build.__module__]) or ""
    assert "Reference" in doc
    assert "Departures" in doc


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(spec, id=name, marks=[pytest.mark.slow] * (name in HEAVY))
        for name, spec in registry.specs().items()
    ],
)
@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
def test_logits_and_gradients_in_both_modes(spec: ArchitectureSpec, training: bool) -> None:
    with torch.device("meta"):
        network = spec.build().train(training)
        logits = network(torch.empty(2, *spec.input_size))
    if spec.dataset != "none":
        extent = spec.input_size[1:] if spec.dataset == "cityscapes" else ()
        assert tuple(logits.shape) == (2, DATASETS[spec.dataset].classes, *extent)
    logits.sum().backward()
    missed = [name for name, each in network.named_parameters() if each.grad is None]
    assert not missed or (training and spec.name in DROPS_PATHS)
