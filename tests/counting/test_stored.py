"""Parameters and bytes as a format stores them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from opbench.counting import count

CONVOLUTION, LINEAR = 4 * (2 * 3 * 3) + 4, 5 * 36 + 5
FLOAT = 4  # bytes


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(36, 5)).eval()


def scripted() -> Any:
    return torch.jit.script(network())


def test_what_is_frozen_into_a_graph_is_stored() -> None:
    counted = count(torch.jit.freeze(scripted()), (2, 5, 5))
    assert counted.params == CONVOLUTION + LINEAR
    assert counted.weight_bytes == FLOAT * counted.params


def test_a_frozen_part_is_stored_beside_the_rest() -> None:
    counted = count(nn.Sequential(torch.jit.freeze(scripted()), nn.Linear(5, 2)), (2, 5, 5))
    frozen = next(each for each in counted.modules if each.name == "0")
    assert frozen.params == CONVOLUTION + LINEAR
    assert counted.params == frozen.params + 5 * 2 + 2


def test_running_statistics_frozen_into_a_graph_are_no_parameters() -> None:
    norm = nn.BatchNorm2d(2)
    norm.num_batches_tracked = None
    for start, tensor in enumerate((*norm.parameters(), *norm.buffers())):
        tensor.data = torch.arange(1, 3).to(tensor.dtype) + start  # equal constants would be one
    before = nn.Sequential(norm, nn.ReLU(), nn.Conv2d(2, 4, 3)).eval()
    counted = count(torch.jit.freeze(torch.jit.script(before)), (2, 5, 5))
    assert counted.params == 2 + 2 + CONVOLUTION
    assert counted.weight_bytes == FLOAT * (counted.params + 2 + 2)


@pytest.mark.parametrize("first", [True, False])
def test_convolutions_in_branches_optimised_for_inference_are_seen(first: bool) -> None:
    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide, self.narrow = nn.Conv2d(2, 4, 3), nn.Conv2d(2, 1, 3)

        def forward(self, x: Tensor, first: bool) -> Tensor:
            return self.wide(x) if first else self.narrow(x)

    optimised: Any = torch.jit.optimize_for_inference(torch.jit.script(Branches().eval()))
    counted = count(optimised, (torch.zeros(1, 2, 5, 5), first))
    assert counted.macs == (4 if first else 1) * 9 * (2 * 9)
    assert optimised.graph.findNode("prim::mkldnn_convolution", True) is not None
