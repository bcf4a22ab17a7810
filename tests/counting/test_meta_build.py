"""Building without weights: what a constructor may do and still be counted on the meta device."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from opbench.counting import build_and_count
from opbench.counting.meta_build import build_without_weights


class RunsItself(nn.Module):
    """Looks how large the result of its own backbone is, as hybrid transformers do."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU())
        with torch.no_grad():
            features = self.backbone(torch.zeros(1, 3, 16, 16))
        self.head = nn.Linear(features[0].numel(), 10)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.backbone(image).flatten(1))


class Table(nn.Module):
    """An index table made on the device of a weight, and looked at."""

    index: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(4, 6))
        self.register_buffer("index", torch.empty(4, dtype=torch.long))
        self.index.copy_(torch.arange(4, device=self.weight.device).flip(0))
        self.first = int(self.index[0])

    def forward(self, x: Tensor) -> Tensor:
        return x[:, : self.first] @ self.weight[self.index][: self.first]


class Sorted(nn.Module):
    """Keeps in a buffer what only real weights can tell."""

    order: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(5, 7)
        self.register_buffer("order", torch.zeros(7, dtype=torch.long))
        self.order.copy_(self.linear.weight.sum(1).argsort())
        self.largest = int(self.order.max())

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x)[:, self.order[: self.largest]] @ torch.ones(self.largest, 2)


def test_a_constructor_may_run_part_of_the_network() -> None:
    counted = build_and_count(RunsItself, (3, 16, 16))
    assert counted.device == "meta"
    assert counted.macs == 8 * 7 * 7 * 27 + 8 * 7 * 7 * 10


def test_a_table_made_on_the_device_of_a_weight_keeps_its_values() -> None:
    network = build_without_weights(Table)
    assert network.weight.is_meta
    assert network.index.tolist() == [3, 2, 1, 0]
    counted = build_and_count(Table, (4,))
    assert counted.device == "meta"
    assert counted.macs == 3 * 6


def test_values_that_only_weights_can_tell_are_not_made_up() -> None:
    counted = build_and_count(Sorted, (5,))
    assert counted.device == "cpu"
    assert counted.macs == 5 * 7 + 6 * 2
