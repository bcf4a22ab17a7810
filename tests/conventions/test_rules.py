"""Each computed convention on one small network, with the arithmetic written out.

conv     3 -> 4 channels, 3x3, bias, 6x6 -> 4x4    64 outputs of 27 products
bn       4 x 4 x 4 = 64 elements
relu     64 elements
pool     2x2 / 2, 4 x 2 x 2 = 16 outputs
add      16 elements
linear   16 -> 5, bias                             5 outputs of 16 products
"""

from __future__ import annotations

import pytest
import torch.nn.functional as F
from torch import Tensor, nn

from opbench.conventions import COMPUTED, CONVENTIONS, Tally, get, tally, trace
from opbench.errors import CountError, UnknownNameError

CONV, LINEAR = 4 * 4 * 4 * 27, 5 * 16


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn, self.relu = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()
        self.pool, self.linear = nn.MaxPool2d(2), nn.Linear(16, 5)

    def forward(self, images: Tensor) -> Tensor:
        x = self.pool(self.relu(self.bn(self.conv(images))))
        logits: Tensor = self.linear((x + x).flatten(1))
        return logits


BY_KIND = {
    "mac": {"convolution": CONV, "linear": LINEAR},
    "flop": {"convolution": 2 * CONV, "linear": 2 * LINEAR},
    "connections": {"convolution": CONV, "linear": LINEAR, "bias": 64 + 5},
    "torch": {"convolution": 2 * CONV, "linear": 2 * LINEAR},
    "torchvision": {"convolution": CONV, "linear": LINEAR},
    "chart2016": {
        "convolution": 2 * CONV,
        "linear": 2 * LINEAR,
        "bias": 64 + 5,
        "activation function": 64,
        "pooling": 16 * 4,
        "addition": 16,
    },
    "torch-opcounter": {
        "convolution": 2 * CONV,
        "linear": 2 * LINEAR,
        "bias": 64 + 5,
        "activation function": 64,
        "pooling": 4 * 4,  # one channel
        "addition": 2 * 16,  # both terms
    },
}


@pytest.fixture(scope="module")
def small() -> dict[str, Tally]:
    recorded = trace(Small, (3, 6, 6))
    return {name: tally(rule, recorded) for name, rule in COMPUTED.items()}


def test_the_arithmetic_of_every_rule(small: dict[str, Tally]) -> None:
    assert {name: counted.by_operator for name, counted in small.items()} == BY_KIND
    assert all(small[name].total == sum(kinds.values()) for name, kinds in BY_KIND.items())


def test_a_difference_adds_up_and_starts_with_the_largest(small: dict[str, Tally]) -> None:
    gaps = small["chart2016"].minus(small["mac"])
    assert sum(gaps.values()) == small["chart2016"].total - small["mac"].total
    assert next(iter(gaps)) == "convolution"
    assert small["mac"].minus(small["mac"]) == {}


def test_what_is_not_counted_is_a_negative_difference() -> None:
    """Attention is one operator on the CPU, and ``torch`` has no formula for it."""

    class Attends(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.scaled_dot_product_attention(x, x, x)

    recorded = trace(Attends, (2, 5, 8))
    gaps = tally(COMPUTED["torch"], recorded).minus(tally(COMPUTED["mac"], recorded))
    assert gaps == {"attention": -2 * 2 * 5 * 5 * 8}


def test_the_opcounter_ignores_groups_and_gives_every_convolution_a_bias() -> None:
    recorded = trace(lambda: nn.Conv2d(4, 4, 3, groups=4, bias=False), (4, 5, 5))
    counted = tally(COMPUTED["torch-opcounter"], recorded).by_operator
    assert counted == {"convolution": 2 * 4 * 9 * 36, "bias": 4 * 9}
    assert tally(COMPUTED["chart2016"], recorded).by_operator == {"convolution": 2 * 4 * 9 * 9}


def test_the_opcounter_has_no_handler_for_a_transposed_convolution() -> None:
    recorded = trace(lambda: nn.ConvTranspose2d(4, 4, 2), (4, 4, 4))
    with pytest.raises(CountError, match="torch-opcounter has no handler for transposed"):
        tally(COMPUTED["torch-opcounter"], recorded)


def test_a_batch_is_counted_whole(small: dict[str, Tally]) -> None:
    recorded = trace(Small, (3, 6, 6), batch_size=3)
    for name, rule in COMPUTED.items():
        assert tally(rule, recorded).total == 3 * small[name].total, name


def test_totals_are_written_the_way_the_source_prints_them() -> None:
    assert COMPUTED["mac"].written(1808) == "1,808"
    assert COMPUTED["torchvision"].written(1_814_073_344) == "1.814 GFLOPS"


def test_an_unknown_name_gets_near_matches() -> None:
    with pytest.raises(UnknownNameError, match="did you mean torch"):
        get("torchinf")


def test_every_convention_says_whose_number_it_is_and_in_which_unit() -> None:
    for name, convention in CONVENTIONS.items():
        assert convention.name == name
        assert convention.about.endswith(".") and convention.unit
