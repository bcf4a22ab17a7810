"""A stated number against the count, and the reason for a difference."""

from __future__ import annotations

from typing import Any

import pytest

from opbench.zoo.stated import Stated, stated_numbers
from tests.builders import zoo_row


def of(name: str, **changes: Any) -> Stated:
    """The only number that is stated of a row."""
    (found,) = stated_numbers(zoo_row(name, **changes))
    return found


@pytest.mark.parametrize(
    ("name", "quantity", "counted", "stated", "agrees"),
    [
        ("timm:a.in1k", "params", 25_557_032, 25_560_000, True),  # 25.56 M
        ("timm:a.in1k", "params", 25_557_032, 25_570_000, False),
        ("timm:a.in1k", "macs", 4_094_999_999, 4_090_000_000, True),  # 4.09 G
        ("timm:a.in1k", "macs", 4_095_000_001, 4_090_000_000, False),
        ("torchvision:a.X", "macs", 4_089_184_256, 4_089_000_000, True),  # 4.089 G
        ("torchvision:a.X", "params", 25_557_032, 25_557_033, False),
    ],
)
def test_they_agree_to_the_digits_that_are_printed(
    name: str, quantity: str, counted: int, stated: int, agrees: bool
) -> None:
    found = of(name, **{quantity: counted, f"stated_{quantity}": stated})
    assert found.agrees == agrees
    assert found.cells()["verdict"] == ("agrees" if agrees else "differs")


def test_nothing_stated_is_nothing_to_compare() -> None:
    assert not [*stated_numbers(zoo_row())]


def test_a_difference_without_a_known_reason_is_not_explained() -> None:
    small = {"macs": 10**9, "activations": 10**7}
    # Five operations of each of 10 million elements are 0.05 G.
    assert "normalised" in of("timm:a.in1k", stated_macs=1_050_000_000, **small).why
    for stated in (1_070_000_000, 900_000_000):
        found = of("timm:a.in1k", stated_macs=stated, **small)
        assert not found.agrees and not found.explained
        assert found.cells()["why"] == "not explained"
    assert not of("torchvision:a.X", stated_params=999).explained
    assert of("torchvision:quantized_a.X", stated_params=1010).explained
    assert "recurrent" in of("timm:sequencer2d_s.in1k", stated_macs=500_000_000, **small).why
