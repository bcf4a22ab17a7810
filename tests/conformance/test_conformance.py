"""Every case four times: counted without weights, counted on real tensors, counted by fvcore, and
carried out in slow loops that share no code with the counter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from opbench.counting import count, differences, witness
from opbench.errors import CountError
from tests.conformance.cases import CASES, FAMILIES, Case, counted, runs_on
from tests.conformance.cases.loops import array

# fvcore 0.1.5's rules for matmul and mm take exactly two operands, of two axes or more each;
# torch.jit.trace refuses the others.
MAY_NOT_BE_TRACED = {
    "matmul of two vectors",
    "matmul of matrix and vector",
    "matmul of a batch and a vector",
    "mm into a given result",
    "a max pooling undone",
    "a gradient taken in the forward pass",
    "a scripted network",
    "a traced network",
    "a scripted part of a network",
    "a compiled function in a network",
    "two layers in two threads",
    "inputs in an object",
    *(case.idea for name in ("formats", "bodies") for case in FAMILIES[name]),
}

IN_THREADS = {"two layers in two threads"}

# Operators with a body import torch's compiler; the others are tried by default.
every_case = pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case, id=case.idea, marks=pytest.mark.slow if case in FAMILIES["bodies"] else ()
        )
        for case in CASES
    ],
)


@every_case
def test_the_count_is_the_arithmetic(case: Case) -> None:
    assert counted(case).uncounted == ()
    assert counted(case).macs == case.macs


@every_case
def test_the_count_on_real_tensors_is_the_same(case: Case) -> None:
    real = count(case.network(), case.example(), device="cpu")
    meta = counted(case)
    if case.idea in IN_THREADS:  # which take their turns as they like
        assert sorted(map(repr, real.operators)) == sorted(map(repr, meta.operators))
    else:
        assert real.operators == meta.operators
    assert replace(real, device="", operators=()) == replace(
        meta, device="", fallback="", operators=()
    )


@every_case
def test_slow_loops_do_the_same_with_as_many_multiplications(case: Case) -> None:
    loops, ours, theirs = case.performed()
    assert np.allclose(ours, array(theirs), atol=1e-4), "the loops do something else"
    assert loops.multiplications == case.macs


@every_case
def test_the_witness_agrees_or_it_is_known_why_not(case: Case) -> None:
    try:
        second = witness(case.network(), case.example())
    except CountError:
        assert case.idea in MAY_NOT_BE_TRACED
        return
    found = differences(counted(case), second)
    assert [each for each in found if each.reason == "unexplained"] == []


on_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


@pytest.mark.cuda
@on_cuda
@every_case
def test_the_count_on_cuda_is_the_same_where_the_network_runs_there(case: Case) -> None:
    try:
        found = count(case.network(), case.example(), device="cuda")
    except CountError as error:
        assert not runs_on(case, "cuda"), error
    else:
        assert found.macs == case.macs


@pytest.mark.cuda
@on_cuda
def test_most_networks_run_on_cuda() -> None:
    assert sum(runs_on(case, "cuda") for case in CASES) > 0.75 * len(CASES)


def test_a_network_that_needs_the_cpu_does_not_run_elsewhere() -> None:
    needs = [case for case in CASES if case.idea in ("a detour through NumPy", "conv1d")]
    assert [runs_on(case, "cpu") for case in needs] == [True, True]
    # In the order of the cases.
    assert [runs_on(case, "meta") for case in needs] == [True, False]


def test_there_are_enough_cases_and_each_has_one_name() -> None:
    names = [case.idea for case in CASES]
    assert len(names) >= 120
    assert len(set(names)) == len(names)
    assert all(FAMILIES.values())
    assert set(names) >= MAY_NOT_BE_TRACED | IN_THREADS
