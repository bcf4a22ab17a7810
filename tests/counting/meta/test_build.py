"""Building without weights: what a constructor may do and still be counted on the meta device."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from opbench.counting import build_and_count
from opbench.counting.meta.build import build_without_weights


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


class _Frozen(nn.Module):
    """Batch normalisation of four channels whose numbers are buffers, copied from a layer."""

    weight: Tensor
    bias: Tensor

    def __init__(self, layer: nn.BatchNorm2d) -> None:
        super().__init__()
        for name in ("weight", "bias"):
            self.register_buffer(name, torch.ones(4))
            getattr(self, name).data.copy_(getattr(layer, name))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)
        return out


@pytest.mark.parametrize("looks", [False, True])
def test_weights_that_are_copied_into_buffers_take_no_memory(looks: bool) -> None:
    def build() -> nn.Module:
        frozen = _Frozen(nn.BatchNorm2d(4))
        large = looks and frozen.weight.mul(2).sum().item() == 8
        return nn.Sequential(nn.Conv2d(3, 4, 2 if large else 3), frozen)

    counted = build_and_count(build, (3, 8, 8))
    assert counted.macs == (4 * 7 * 7 * 3 * 4 if looks else 4 * 6 * 6 * 3 * 9)
    assert counted.device == ("cpu" if looks else "meta")


def test_integers_computed_from_weights_need_real_tensors() -> None:
    class Prunes(nn.Module):
        kept: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.frozen, self.layer = _Frozen(nn.BatchNorm2d(4)), nn.Linear(4, 5)
            self.register_buffer("kept", torch.zeros(4, dtype=torch.bool))
            self.kept.copy_(torch.ones(64, 64).mul(nn.Linear(64, 64).weight)[0, :4] > -1)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.layer(x.view(-1, 4)[self.kept])
            return out

    counted = build_and_count(Prunes, (torch.ones(4, 4),))
    assert (counted.macs, counted.device) == (4 * 4 * 5, "cpu")
