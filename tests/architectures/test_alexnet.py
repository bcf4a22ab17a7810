"""AlexNet against the layers of Section 3.5 and its normalisation formula."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from opbench.architectures.alexnet import ARCHITECTURES, AlexNet
from opbench.counting import build_and_count

(SPEC,) = ARCHITECTURES

# Section 3.5: kernels, their in_channels and side, and the side of the map they make.
CONVS = [(96, 3, 11, 55), (256, 48, 5, 27), (384, 256, 3, 13), (384, 192, 3, 13), (256, 192, 3, 13)]
DENSE = [(256 * 6 * 6, 4096), (4096, 4096), (4096, 1000)]


@pytest.fixture
def network() -> AlexNet:
    with torch.device("meta"):
        return AlexNet()


def test_layers_of_the_paper_sum_to_the_counts() -> None:
    params = sum(n * (c * k * k + 1) for n, c, k, _ in CONVS) + sum((a + 1) * b for a, b in DENSE)
    macs = sum(n * c * k * k * side**2 for n, c, k, side in CONVS) + sum(a * b for a, b in DENSE)
    counted = build_and_count(AlexNet, SPEC.input_size)
    assert (params, macs) == (counted.params, counted.macs) == (60_965_224, 724_406_816)


def test_kernels_are_the_papers(network: AlexNet) -> None:
    built = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    kernels = [(n, c, k) for n, c, k, _ in CONVS]
    assert [(m.out_channels, m.in_channels // m.groups, m.kernel_size[0]) for m in built] == kernels


def test_maps_shrink_as_in_figure_2(network: AlexNet) -> None:
    x, sides = torch.empty(1, 3, 227, 227, device="meta"), []
    for layer in network.features:
        x = layer(x)
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
            sides.append(x.shape[-1])
    assert sides == [55, 27, 27, 13, 13, 13, 13, 6]


def test_pooling_windows_overlap(network: AlexNet) -> None:
    pools = [m for m in network.modules() if isinstance(m, nn.MaxPool2d)]
    assert [(pool.kernel_size, pool.stride) for pool in pools] == [(3, 2)] * 3


@pytest.mark.parametrize("index", [1, 3, 4])
def test_towers_meet_in_conv3_only(index: int) -> None:
    conv = [m for m in AlexNet().features if isinstance(m, nn.Conv2d)][index]
    half = conv.in_channels // 2
    x = torch.rand(1, conv.in_channels, 5, 5)
    changed = x.clone()
    changed[:, :half] += 1
    differs = (conv(x) != conv(changed)).flatten(2).any(dim=2)[0]
    assert differs[: conv.out_channels // 2].all()
    assert not differs[conv.out_channels // 2 :].any()


def test_conv3_sees_both_towers(network: AlexNet) -> None:
    groups = [m.groups for m in network.features if isinstance(m, nn.Conv2d)]
    assert groups == [1, 2, 1, 2, 2]


def test_response_normalisation_is_the_formula_of_section_3_3() -> None:
    norm = next(m for m in AlexNet().features if isinstance(m, nn.LocalResponseNorm))
    x = 30 * torch.rand(1, 9, 2, 2)
    expected = torch.empty_like(x)
    for i in range(9):
        window = x[:, max(0, i - 2) : min(8, i + 2) + 1]
        expected[:, i] = x[:, i] / (2 + 1e-4 * window.square().sum(dim=1)) ** 0.75
    torch.testing.assert_close(norm(x), expected)
