"""A network that cannot run says what to give it instead."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from opbench.counting import count
from opbench.errors import CountError


class Image(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.first(x)
        return out


class Shifted(Image):
    """It fails before the convolution, which then says nothing of the size."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x - torch.zeros(3, 5, 5))


class Pair(nn.Module):
    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return left + right


@pytest.mark.parametrize(
    ("size", "meant"),
    [
        ((224,), "3x224x224"),
        ((224, 192), "3x224x192"),
        ((3, 224), "3x224x224"),
        ((3,), "3x3x3"),
        ((224, 192, 3), "3x224x192"),
        ((1, 224, 192), "3x224x192"),
        ((1, 3, 224, 192), "3x224x192"),
        ((8, 3, 224), "3x3x224"),
    ],
)
def test_the_size_that_was_meant_is_offered(size: tuple[int, ...], meant: str) -> None:
    given = "x".join(map(str, size))
    said = f"^Image takes images of 3 x height x width, not {given}: did you mean {meant}.$"
    with pytest.raises(CountError, match=said):
        count(Image(), size)


def test_a_size_is_offered_only_where_the_first_convolution_refuses_it() -> None:
    with pytest.raises(CountError, match=r"Image cannot run on 1x3x1x1 \(in first\): RuntimeError"):
        count(Image(), (3, 1, 1))
    with pytest.raises(CountError, match="Shifted cannot run on 1x1x9x9: RuntimeError"):
        count(Shifted(), (1, 9, 9))
    with pytest.raises(CountError, match=r"^Image.forward takes x by position, not 2 arg"):
        count(Image(), (torch.zeros(1, 1, 9, 9), torch.zeros(1, 1, 9, 9)))


def test_inputs_that_a_size_cannot_describe_are_asked_for() -> None:
    with pytest.raises(CountError, match=r"^Embedding takes integers, .* a pair"):
        count(nn.Embedding(10, 4), (7,))
    with pytest.raises(CountError, match=r"^Pair.forward also needs right: give each .* a pair"):
        count(Pair(), (7,))
