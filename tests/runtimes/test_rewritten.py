"""Operators that are rewritten for converters have the outputs that they had."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import opbench
from opbench.errors import ConversionError
from opbench.runtimes import Example, ExecutionSettings, find
from opbench.runtimes.parts.rewritten import Rewritten

IMAGE = torch.randn(2, 3, 7, 9, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 2},
        {"kernel_size": 2, "divisor_override": 1},
        {"kernel_size": (2, 3), "divisor_override": 5},
        {"kernel_size": (3,), "stride": 2, "divisor_override": 2},
        {"kernel_size": 3, "padding": 1, "divisor_override": 4},
        {"kernel_size": 3, "padding": 1, "count_include_pad": False, "divisor_override": 4},
        {"kernel_size": 3, "padding": 1, "count_include_pad": False},
        {"kernel_size": 2, "ceil_mode": True},
    ],
)
def test_an_average_pooling_with_a_divisor_is_an_average_and_a_factor(
    options: dict[str, Any],
) -> None:
    wanted = F.avg_pool2d(IMAGE, **options)
    with Rewritten():
        found = F.avg_pool2d(IMAGE, **options)
    torch.testing.assert_close(found, wanted)


def test_over_three_dimensions_and_as_a_module() -> None:
    pool = nn.AvgPool3d(2, divisor_override=3)
    wanted = pool(IMAGE[None])
    with Rewritten():
        found = pool(IMAGE[None])
    torch.testing.assert_close(found, wanted)


def test_windows_beyond_the_edge_have_no_such_average() -> None:
    with Rewritten(), pytest.raises(ConversionError, match="together with ceil_mode"):
        F.avg_pool2d(IMAGE, 2, ceil_mode=True, divisor_override=1)


def test_a_randomised_leaky_relu_has_one_slope_in_evaluation_and_stays_random_in_training() -> None:
    rrelu = nn.RReLU().eval()
    with Rewritten():
        torch.testing.assert_close(rrelu(IMAGE), F.leaky_relu(IMAGE, (1 / 8 + 1 / 3) / 2))
        torch.testing.assert_close(torch.rrelu(IMAGE, 0.1, 0.3), F.leaky_relu(IMAGE, 0.2))
        random: Tensor = rrelu.train()(IMAGE)
    slopes = (random / IMAGE)[IMAGE < 0]
    assert slopes.min() < slopes.max()


class Rare(nn.Module):
    """What the registry's lenet5 and caffenet128_rrelu have, and others need not."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(2, divisor_override=1)
        self.rrelu = nn.RReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Return both after each other."""
        y: Tensor = self.rrelu(self.pool(x))
        return y


class Bessel(nn.Module):
    """An operator that ONNX does not have."""

    def forward(self, x: Tensor) -> Tensor:
        """Return it."""
        return torch.special.bessel_j0(x)


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_converted_networks_have_them(runtime: str) -> None:
    network = Rare().eval()
    call = find(runtime).prepare(network, Example((IMAGE,)), ExecutionSettings()).call
    torch.testing.assert_close(call(IMAGE), network(IMAGE))


@pytest.mark.slow
def test_lenet5_is_itself_in_onnx_runtime() -> None:
    network, digits = opbench.create("lenet5").eval(), torch.randn(1, 1, 32, 32)
    with torch.inference_mode():
        call = find("onnxruntime").prepare(network, Example((digits,)), ExecutionSettings()).call
        torch.testing.assert_close(call(digits), network(digits))


@pytest.mark.slow
def test_an_operator_that_onnx_does_not_have_is_named() -> None:
    with pytest.raises(ConversionError, match=r"does not export prims.bessel_j0 to ONNX"):
        find("onnxruntime").prepare(Bessel(), Example((IMAGE,)), ExecutionSettings())
