"""Cheap weights: which tensors are filled, and that the values keep arithmetic ordinary."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from opbench.timing.weights import GAIN, build_cheaply, level


class Constants(nn.Module):
    codes: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(16, 512, 3)
        self.norm = nn.BatchNorm2d(512)
        self.register_buffer("codes", torch.arange(6.0))
        self.drawn = nn.Parameter(nn.init.trunc_normal_(torch.empty(300, 400)))


def _built(seed: int = 0) -> Constants:
    return build_cheaply(Constants, lambda built: built, seed)


def test_matrices_have_the_second_moment_that_the_gain_asks_for() -> None:
    weight = _built().conv.weight
    assert weight.square().mean().item() == pytest.approx(GAIN / (16 * 9), rel=0.02)
    assert weight.mean().item() == pytest.approx(0, abs=1e-3)


def test_what_has_structure_is_kept() -> None:
    built: Any = _built()
    assert built.codes.tolist() == [0, 1, 2, 3, 4, 5]
    assert built.norm.weight.eq(1).all()
    assert built.norm.running_var.eq(1).all()
    assert built.conv.bias.eq(0).all()


def test_every_element_of_a_matrix_is_written() -> None:
    weight = _built().drawn
    assert weight.isfinite().all()
    assert weight.unique().numel() > 60_000


def test_the_same_seed_gives_the_same_values() -> None:
    assert torch.equal(_built(1).conv.weight, _built(1).conv.weight)
    assert not torch.equal(_built(1).conv.weight, _built(2).conv.weight)


def test_a_scheme_that_redraws_what_is_out_of_bounds_ends() -> None:
    def build() -> nn.ParameterList:
        narrow = nn.init.trunc_normal_(torch.empty(300, 400), a=0.1, b=0.2)
        return nn.ParameterList([nn.Parameter(narrow), nn.Parameter(nn.init.orthogonal_(narrow))])

    assert len(build_cheaply(build, lambda built: built, 0)) == 2


class Chain(nn.Module):
    """75 convolutions with ReLU, then 600 residual blocks of two: the extremes of the registry."""

    def __init__(self) -> None:
        super().__init__()
        self.chain = nn.ModuleList(nn.Conv2d(8, 8, 3, padding=1) for _ in range(75))
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1))
            for _ in range(600)
        )

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.chain:
            x = conv(x).relu()
        return x

    def maps(self, x: Tensor) -> Iterator[Tensor]:
        """Yield the output of each convolution of the chain, and of each block."""
        out = x
        for conv in self.chain:
            out = conv(out)
            yield out
            out = out.relu()
        for block in self.blocks:
            x = (x + block(x)).relu()
            yield x


@torch.inference_mode()
def test_a_levelled_network_stays_within_float16() -> None:
    built = build_cheaply(Chain, lambda each: each, 0)
    x = torch.randn(1, 8, 6, 6, generator=torch.Generator().manual_seed(0))
    level(built, lambda: deque(built.maps(x)))
    maps = list(built.maps(x))
    moments = [each.square().mean().item() for each in maps]
    assert moments[:75] == pytest.approx([1.0] * 75, rel=0.01)
    assert min(moments[75:]) > 0.5
    assert max(each.abs().max().item() for each in maps) < torch.finfo(torch.float16).max / 100


@torch.inference_mode()
def test_the_deepest_networks_produce_neither_denormals_nor_infinities() -> None:
    built = build_cheaply(Chain, lambda each: each, 0)
    x = torch.randn(1, 8, 6, 6, generator=torch.Generator().manual_seed(0))
    y = built(x)
    assert y.abs().max() > 1e6 * torch.finfo(torch.float32).tiny
    for block in built.blocks:
        x = (x + block(x)).relu()
    assert x.isfinite().all()
