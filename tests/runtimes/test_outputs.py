"""Outputs compared, by arithmetic."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from opbench.record import Artefact
from opbench.runtimes.parts.outputs import LIMITS, UNLIKE, difference, limit_of
from opbench.timing.settings import DTYPES

WANTED = torch.tensor([[1.0, -4.0, 2.0], [0.5, 0.0, 3.0]])


def test_the_error_is_over_the_largest_output() -> None:
    found = WANTED.clone()
    found[1, 0] += 0.5
    assert difference([WANTED], [found]).error == 0.5 / 4


def test_equal_outputs_are_off_by_nothing() -> None:
    same = difference([WANTED, torch.zeros(2)], [WANTED, torch.zeros(2)])
    assert (same.error, same.agreement) == (0.0, 1.0)


def test_of_several_outputs_the_one_that_is_off_most() -> None:
    small = torch.tensor([0.01, 0.02])
    assert difference([WANTED, small], [WANTED, small + 0.01]).error == pytest.approx(0.5)


def test_agreement_is_of_the_largest_output_of_each_image() -> None:
    found = torch.tensor([[3.0, -4.0, 2.0], [0.5, 0.0, 3.0]])
    assert difference([WANTED], [found]).agreement == 0.5


@pytest.mark.parametrize(
    "found",
    [
        torch.full_like(WANTED, math.nan),
        torch.where(WANTED > 2, math.inf, WANTED),
        WANTED.T.contiguous(),
    ],
    ids=["not a number", "infinite", "of another shape"],
)
def test_what_cannot_be_compared_is_unlike(found: Tensor) -> None:
    assert difference([WANTED], [found]).error == UNLIKE


def test_nothing_where_something_should_be_is_unlike() -> None:
    assert difference([torch.zeros(2)], [torch.ones(2)]).error == UNLIKE
    assert difference([WANTED], []).error == UNLIKE


def test_outputs_that_are_infinite_in_both_are_alike() -> None:
    infinite = torch.where(WANTED > 2, math.inf, WANTED)
    assert difference([infinite], [infinite.clone()]).error == 0.0


def test_no_outputs_are_alike() -> None:
    assert difference([], []).error == 0.0


def test_every_data_type_has_a_limit_and_float32_that_is_bfloat16_exceeds_its_own() -> None:
    assert LIMITS.keys() >= set(DTYPES)
    assert limit_of("int4") is None
    # Rounding once to bfloat16 is off by up to 2^-9, and a few layers by no less.
    numbers = torch.linspace(0.1, 1, 1000)
    rounded = numbers.to(torch.bfloat16).float()
    error = difference([numbers], [rounded]).error
    assert LIMITS["float32"] < error < 2**-8 < LIMITS["bfloat16"]


@pytest.mark.parametrize(
    ("error", "limit", "differs"),
    [(1e-3, 1e-4, True), (1e-4, 1e-4, False), (0.0, 1e-4, False), (None, 1e-4, False),
     (1e9, None, False)],
)  # fmt: skip
def test_an_artefact_differs_beyond_its_limit(
    error: float | None, limit: float | None, differs: bool
) -> None:
    artefact = Artefact(artefact="a", precision="float32", output_error=error, output_limit=limit)
    assert bool(artefact.differs) is differs
    assert Artefact.from_json(artefact.to_json()) == artefact
