"""Blocks shared by several papers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from opbench.architectures._blocks import Concat, conv_bn_relu


class Scale(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.factor * x


def test_branches_read_one_input_and_are_stacked_in_the_order_of_their_names_as_given() -> None:
    block = Concat(twice=Scale(2.0), once=nn.Identity())
    x = torch.ones(1, 3, 2, 2)
    assert block(x)[0, :, 0, 0].tolist() == [2, 2, 2, 1, 1, 1]
    assert [name for name, _ in block.named_children()] == ["twice", "once"]


@pytest.mark.parametrize("kernel", [1, 3, 5, 7, (1, 7), (7, 1), (3, 1)])
def test_stride_1_keeps_the_size(kernel: int | tuple[int, int]) -> None:
    assert conv_bn_relu(2, 4, kernel)(torch.rand(2, 2, 9, 8)).shape == (2, 4, 9, 8)


def test_a_valid_convolution_loses_its_border() -> None:
    assert conv_bn_relu(2, 4, 3, valid=True)(torch.rand(2, 2, 9, 8)).shape == (2, 4, 7, 6)
    assert conv_bn_relu(2, 4, 3, stride=2, valid=True)(torch.rand(2, 2, 9, 9)).shape[2:] == (4, 4)


def test_a_convolution_has_weights_and_the_normalisation_a_pair_per_channel() -> None:
    params = sum(p.numel() for p in conv_bn_relu(2, 4, (1, 3)).parameters())
    assert params == 2 * 4 * 3 + 2 * 4


def test_output_is_rectified() -> None:
    assert conv_bn_relu(2, 4, 3)(torch.randn(2, 2, 5, 5)).min() == 0
