"""The network of a cell: its values in the type of the cell."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from opbench.runs.network import build
from opbench.spec import Shape
from opbench.timing.weights import GAIN
from tests.builders import cell


def moments(dtype: str) -> list[float]:
    """Return the second moments of what the layers of ten put out, by float32 arithmetic."""
    asked = cell("ciresan_mlp_9x1000", input_size=Shape((1, 29, 29)), dtype=dtype)
    found: list[float] = []

    def look(module: nn.Module, args: Any, out: Tensor) -> None:
        found.append(out.square().mean().item())

    with torch.inference_mode():
        built = build(asked, own_inputs=False, seed=0)
        network = built.module.float()
        for module in network.modules():
            if isinstance(module, nn.Linear):
                module.register_forward_hook(look)
        built.inputs.converted(lambda each: each.float()).passed_to(network)
    return found


def test_float16_has_weights_that_keep_its_narrow_range() -> None:
    assert moments("float16") == pytest.approx([1.0] * 10, rel=0.01)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_wider_types_keep_the_weights_that_cost_nothing(dtype: str) -> None:
    first, *_, last = moments(dtype)
    assert first == pytest.approx(GAIN, rel=0.2)
    # 1.7159 tanh(2x / 3) between layers takes 1.31 times a small signal's, and less of a large one.
    assert last < (1.31 * GAIN) ** 9
