"""Values that shapes and branches depend on survive the meta device.

Each network runs layers of 4 x 5 weights on as many rows as values say, or as often.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from opbench.counting import count
from opbench.counting.meta import values
from opbench.errors import CountError

ROWS = 6
ROW = 4 * 5
LENGTHS = torch.tensor([3, 1, 2])
MASK = torch.tensor([True, False, True, True, False, True])
X = torch.ones(ROWS, 4)


class Chooses(nn.Module):
    """Applies one layer to the rows, or to part of them, that ``choose`` returns."""

    def __init__(self, choose: Callable[..., Any]) -> None:
        super().__init__()
        self.layer, self.choose = nn.Linear(4, 5), choose
        self.register_buffer("table", torch.arange(ROWS) % 3)

    def forward(self, x: Tensor, values: Tensor) -> Tensor:
        chosen = self.choose(self, x, values)
        out: Tensor = self.layer(x[:chosen] if isinstance(chosen, int) else chosen)
        return out


Case = tuple[Callable[..., Any], Tensor, int]  # what is chosen, of which values, how many rows

ON_META: dict[str, Case] = {
    "mask on the device of x": (lambda n, x, m: x if m.to(x.device).all() else x[:2], MASK, 2),
    "mask of the type of x": (lambda n, x, m: int(m.to(x).sum()), MASK, 4),
    "type_as": (lambda n, x, m: int(m.type_as(x).sum()), MASK, 4),
    "masked rows": (lambda n, x, m: x[m], MASK, 4),
    "masked_select": (
        lambda n, x, m: x.masked_select(m[:, None].expand(-1, 4)).view(-1, 4),
        MASK,
        4,
    ),
    "masked_select that broadcasts": (
        lambda n, x, m: x.masked_select(m[:, None]).view(-1, 4),
        MASK,
        4,
    ),
    "nonzero": (lambda n, x, m: x[m.to(x.device).nonzero()[:, 0]], MASK, 4),
    "item": (lambda n, x, t: t.max().item(), LENGTHS, 3),
    "tolist": (lambda n, x, t: x.split(t.tolist())[0], LENGTHS, 3),
    "numpy": (lambda n, x, t: int(t.to(x.device).numpy()[0]), LENGTHS, 3),
    "any": (lambda n, x, t: 1 if (t.to(x.device) > 2).any() else 5, LENGTHS, 1),
    "a slice": (lambda n, x, t: x[: t[2]], LENGTHS, 2),
    "cumsum": (lambda n, x, t: int(t.to(x.device).cumsum(0)[1]), LENGTHS, 4),
    "arange": (lambda n, x, t: len(torch.arange(t.max(), device=x.device)), LENGTHS, 3),
    "repeat_interleave": (lambda n, x, t: x[:3].repeat_interleave(t, 0), LENGTHS, 6),
    "repeat_interleave of indices": (
        lambda n, x, t: x[torch.arange(3, device=x.device).repeat_interleave(t.to(x.device))],
        LENGTHS,
        6,
    ),
    "bincount": (lambda n, x, t: int(t.to(x.device).bincount().shape[0]), LENGTHS, 4),
    "unique": (lambda n, x, t: int(n.table.to(x.device).unique().shape[0]), LENGTHS, 3),
    "a mask from lengths": (
        lambda n, x, t: int((torch.arange(4, device=x.device) < t[:, None]).sum()),
        LENGTHS,
        6,
    ),
    "a causal mask": (
        lambda n, x, t: int(torch.ones(3, 3, dtype=torch.bool, device=x.device).tril().sum()),
        LENGTHS,
        6,
    ),
    "a mask of floating-point numbers": (
        lambda n, x, t: int(torch.ones(2, 4, device=x.device).bool()[0].sum()),
        LENGTHS,
        4,
    ),
    "floats of integers": (
        lambda n, x, t: round((t.float() / 2).cos().square().sum().item()),
        LENGTHS,
        1,
    ),
    "new_ones": (lambda n, x, t: int(x.new_ones(5, dtype=torch.long).sum()), LENGTHS, 5),
    "new_zeros": (lambda n, x, t: x if x.new_zeros(5).bool().any() else x[:1], LENGTHS, 1),
    "ones_like": (
        lambda n, x, t: int(torch.ones_like(x[:, 0], dtype=torch.bool).sum()),
        LENGTHS,
        6,
    ),
    "new_tensor": (lambda n, x, t: int(x.new_tensor([2, 3]).sum()), LENGTHS, 5),
    "new_tensor of integers": (
        lambda n, x, t: x.new_tensor([2, 4], dtype=torch.long).tolist()[1],
        LENGTHS,
        4,
    ),
    "a list": (lambda n, x, t: int(torch.tensor([2, 3], device=x.device).sum()), LENGTHS, 5),
    "a change in place": (
        lambda n, x, t: int(n.table.to(x.device).mul_(2).add_(1).max()),
        LENGTHS,
        5,
    ),
    "an index that is set": (lambda n, x, t: _set(t.to(x.device)), LENGTHS, 5),
    "a buffer": (lambda n, x, t: x[n.table.to(x.device) == 0], LENGTHS, 2),
    "equal devices": (
        lambda n, x, t: 2 if t.device == x.device == n.layer.weight.device else 6,
        LENGTHS,
        2,
    ),
}


def _set(values: Tensor) -> int:
    values[1:] = 1
    return int(values.sum())


@pytest.mark.parametrize("name", ON_META)
def test_values_survive(name: str) -> None:
    choose, given, rows = ON_META[name]
    for device in (None, "cpu"):
        counted = count(Chooses(choose), (X, given.clone()), device=device)
        assert (counted.macs, counted.device) == (rows * ROW, device or "meta")
        assert counted.uncounted == ()


# The layer sees all rows (6), then values that come from them are looked at.
LOST: dict[str, Callable[..., Any]] = {
    "written by index": lambda table, y: table.__setitem__(slice(0, 2), y[:2, 0].long()),
    "copied": lambda table, y: table.copy_(y[:, 0]),
    "added": lambda table, y: table.add_(y[:, 0].long()),
    "scattered": lambda table, y: table.scatter_(0, y.argmax(0), 7),
    "put at unknown places": lambda table, y: table.__setitem__(y.argmax(0), 7),
    "filled where unknown": lambda table, y: table.masked_fill_(y[:, 0] > 0, 7),
    "an argument": lambda table, y: torch.add(y[:, 0].long(), 1, out=table),
    "a view": lambda table, y: table.view(2, 3)[0].copy_(y[:3, 0]),
}


@pytest.mark.parametrize("name", LOST)
@pytest.mark.parametrize(
    "look",
    [
        lambda t: t.sum().item(),
        lambda t: t.nonzero(),
        lambda t: t[:3].tolist(),
        lambda t: t.cpu().max().item(),
        lambda t: t.numpy(),
    ],
    ids=["item", "nonzero", "tolist", "cpu", "numpy"],
)
def test_what_is_written_over_is_not_believed(name: str, look: Callable[[Tensor], Any]) -> None:
    """Values on the CPU, into which activations are written, would be stale."""

    class Writes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 5)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.layer(x)
            table = torch.zeros(ROWS, dtype=torch.long, device=x.device)
            LOST[name](table, y)
            look(table)
            return y

    counted = count(Writes(), (X,))
    assert (counted.macs, counted.device) == (ROWS * ROW, "cpu")


def test_what_is_written_over_has_the_shape_that_it_had() -> None:
    class Writes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            steps = torch.zeros(3, ROWS, 4, device=x.device)
            for step in range(3):
                steps[step] = self.layer(x)
            steps.mul_(2)
            out: Tensor = self.layer(steps.flatten(0, 1))
            return out

    meta, real = (count(Writes(), (X,), device=device) for device in ("meta", "cpu"))
    assert meta.macs == real.macs == 2 * 3 * ROWS * 4 * 4
    assert meta.peak_activation_bytes == real.peak_activation_bytes


def test_large_values_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mask of 10^12 elements takes no memory, and one that is looked at needs real tensors."""

    class Masks(nn.Module):
        def __init__(self, *, looks: bool) -> None:
            super().__init__()
            self.layer, self.looks = nn.Linear(4, 5), looks

        def forward(self, x: Tensor, length: Tensor) -> Tensor:
            places = torch.arange(int(length), device=x.device)
            mask = places[:, None] >= places
            assert mask.numel() == int(length) ** 2
            if self.looks:
                mask.all().item()
            out: Tensor = self.layer(x)
            return out

    large = (X, torch.tensor(10**6))
    assert count(Masks(looks=False), large, device="meta").macs == ROWS * ROW
    with pytest.raises(CountError, match=r"item\(\) cannot be called on meta tensors"):
        count(Masks(looks=True), large, device="meta")
    small = (X, torch.tensor(100))
    assert count(Masks(looks=True), small).device == "meta"
    monkeypatch.setattr(values, "MOST_BYTES", 100**2 - 1)
    assert count(Masks(looks=True), small).device == "cpu"


def test_the_bound_is_for_the_meta_device_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "MOST_BYTES", 1)
    network = Chooses(lambda n, x, m: x[m.to(x.device)])
    assert count(network, (X, MASK), device="cpu").macs == 4 * ROW


@pytest.mark.parametrize("rows", [0, 4, 6])
def test_a_branch_that_is_an_operator_follows_values(rows: int) -> None:
    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.small, self.large = nn.Linear(4, 5), nn.Linear(4, 50)

        def forward(self, x: Tensor, mask: Tensor) -> Tensor:
            out: Tensor = torch.cond(
                mask.to(x.device).sum() > 3, lambda: self.small(x), lambda: self.large(x)[:, :5]
            )
            return out

    mask = torch.arange(ROWS) < rows
    counted = count(Branches(), (X, mask))
    assert (counted.macs, counted.device) == (ROWS * ROW * (1 if rows > 3 else 10), "meta")
