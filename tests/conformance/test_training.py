"""Training passes: tiny networks, carried out with their gradients in slow loops."""

from __future__ import annotations

import numpy as np
import pytest

from opbench.counting import count
from tests.conformance.cases.loops import array
from tests.conformance.cases.training import TRAINING, Training
from tests.conformance.gradient_loops import GradientLoops

every_case = pytest.mark.parametrize("case", TRAINING, ids=str)


@every_case
@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_a_training_pass_counts_as_the_arithmetic_says(case: Training, device: str) -> None:
    counted = count(case.network(), (case.example(),), training=True, device=device)
    assert counted.macs == case.macs


@every_case
def test_loops_compute_the_same_gradients_with_as_many_multiplications(case: Training) -> None:
    net, x, do = case.network(), case.example(), GradientLoops()
    case.perform(do, net, array(x))
    net(x).sum().backward()
    theirs = {name: each.grad for name, each in net.named_parameters() if each.grad is not None}
    assert {*do.gradients} == {*theirs}
    for name, grad in theirs.items():
        assert np.allclose(do.gradients[name], array(grad), atol=1e-4), name
    assert do.multiplications == case.macs
